"""Work in processes: results in the order of the tasks, limits of time and memory; a crash costs one."""

from __future__ import annotations

import collections
import multiprocessing
import os
import sys
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

from vidcondense.errors import VideoError

R = TypeVar("R")

MEMORY = 2 * 2**30
"""Bytes a process may take beyond what it begins with (on Linux), whatever a file's header asks for."""


def num_workers(workers: int) -> int:
    """The number of worker processes: -1 is one for each core this process may use."""
    if workers >= 0:
        return workers
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_tasks(
    function: Callable[..., R], tasks: Iterable[tuple[Any, ...]], *, workers: int, time_limit: float
) -> Generator[R | VideoError, None, None]:
    """Call `function(*task)` for every task, in worker processes, and yield the results in the tasks' order.

    Args:
        function: importable by name, as are its arguments and result (they cross between processes).
        tasks: the arguments of each call.
        workers: processes; -1 for one per core, 0 to work in this process (then nothing stops a call).
        time_limit: seconds one call may take before its process is killed.

    Yields:
        The result, or a `VideoError` in its place: `timeout`, `crashed` when the process died, or
        `out-of-memory` when it would have taken more than `MEMORY`.
    """
    workers = num_workers(workers)
    if workers == 0:
        for task in tasks:
            yield function(*task)
        return
    # Forked workers start at once, and scripts without `if __name__ == "__main__"` work.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPool(max_workers=workers, context=context, initializer=limit_memory)
    waiting: collections.deque[Future[Any]] = collections.deque()
    try:
        for task in tasks:
            waiting.append(pool.schedule(function, args=list(task), timeout=time_limit))
            if len(waiting) > 4 * workers:  # enough to keep all busy; finished clips must not fill the memory
                yield _result(waiting.popleft(), time_limit)
        while waiting:
            yield _result(waiting.popleft(), time_limit)
        pool.close()  # type: ignore[no-untyped-call]
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _result(future: Future[Any], time_limit: float) -> R | VideoError:
    try:
        result: R | VideoError = future.result()
        return result
    except MemoryError:
        return VideoError("out-of-memory", f"reading it takes more than {MEMORY} bytes of memory")
    except TimeoutError:
        return VideoError("timeout", f"it was not done after {time_limit:g} seconds")
    except ProcessExpired as error:
        return VideoError("crashed", f"the process that read it died (exit code {error.exitcode})")


def limit_memory() -> None:
    """Let this process take `MEMORY` more bytes, and no more; a no-op but on Linux."""
    if sys.platform != "linux":
        return
    import resource

    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = taken + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (wanted if most == -1 else min(wanted, most), most))
