"""Work in processes: results in the order of the tasks, limits of time and memory; a crash costs one."""

from __future__ import annotations

import collections
import multiprocessing
import os
import sys
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

from vidcondense.errors import VideoError
from vidcondense.launch import num_local_ranks

R = TypeVar("R")

MEMORY = 2 * 2**30
"""Bytes a process may take beyond what it begins with (on Linux), whatever a file's header asks for."""

_POOLS = 3
"""Pools that may break while they work on one task, before it is given up."""

_STUCK = 90.0
"""Seconds beyond the time limit after which a pool is broken: processes wait 60 for a lock of a dead one."""


def num_workers(workers: int) -> int:
    """The number of worker processes: -1 is one for each core this process may use, or this rank's share."""
    if workers >= 0:
        return workers
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // num_local_ranks())


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
    pool = _Workers(function, workers, time_limit)
    try:
        for task in tasks:
            pool.add(task)
            if len(pool) > 4 * workers:  # enough to keep all busy; finished clips must not fill the memory
                yield pool.first()
        while len(pool):
            yield pool.first()
    finally:
        pool.stop()


@dataclass
class _Call:
    """A task, and what will be its result; None where the pool could not take it."""

    arguments: list[Any]
    future: Future[Any] | None = None


class _Workers:
    """A pool of processes and the calls that wait in it, in order.

    A process that is killed while it holds a lock of the pool, or has nothing to do, breaks the pool with all
    that waits in it. A new one is made then, and does what was not done.
    """

    def __init__(self, function: Callable[..., Any], workers: int, time_limit: float) -> None:
        self._function, self._workers, self._time_limit = function, workers, time_limit
        self._calls: collections.deque[_Call] = collections.deque()
        self._pool = self._new_pool()

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, arguments: Iterable[Any]) -> None:
        """Let a call wait for a process."""
        call = _Call(list(arguments))
        self._schedule(call)
        self._calls.append(call)

    def first(self) -> Any:  # noqa: ANN401 - whatever the function returns
        """The result of the call that waits longest, or a `VideoError` in its place."""
        for _ in range(_POOLS):
            if not self._broke(self._calls[0].future):
                break
            self._renew()
        future = self._calls.popleft().future
        if self._broke(future):
            return VideoError("crashed", f"{_POOLS} pools of processes broke while it was read")
        assert future is not None
        return _result(future, self._time_limit)

    def stop(self) -> None:
        """End all processes, whatever they do."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()

    def _new_pool(self) -> ProcessPool:
        # Forked workers start at once, and scripts without `if __name__ == "__main__"` work.
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        return ProcessPool(max_workers=self._workers, context=context, initializer=limit_memory)

    def _schedule(self, call: _Call) -> None:
        try:
            call.future = self._pool.schedule(self._function, args=call.arguments, timeout=self._time_limit)
        except RuntimeError:  # the pool broke; seen once it is this call's turn
            call.future = None

    def _broke(self, future: Future[Any] | None) -> bool:
        """Wait for a result; whether there will be none because the pool broke."""
        if future is None:
            return True
        try:
            error = future.exception(self._time_limit + _STUCK)
        except TimeoutError:  # by now the time limit would have ended it
            return True
        # A process that a signal ends has a code below 0; one that loses its pool gives up with one above.
        given_up = isinstance(error, ProcessExpired) and error.exitcode > 0
        return given_up or isinstance(error, BrokenProcessPool)

    def _renew(self) -> None:
        self.stop()
        self._pool = self._new_pool()
        for call in self._calls:
            if call.future is None or not call.future.done() or self._broke(call.future):
                self._schedule(call)


def _result(future: Future[Any], time_limit: float) -> Any:  # noqa: ANN401 - whatever the function returns
    try:
        return future.result()
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
