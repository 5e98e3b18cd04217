"""Several commands side by side on a Ray cluster: `jobs.py` on more than one machine (pip extra `ray`).

Ray decides where a command runs. All machines must see the same files under the same paths and have the same
packages installed; the commands are those that a single machine would run.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from vidcondense.errors import UsageError
from vidcondense.files import make_folder
from vidcondense.interrupts import Interrupts, catch_interrupts
from vidcondense.jobs import Outcome, run_command, stop_when_interrupted
from vidcondense.video.pool import num_workers

_POLL_SECONDS = 0.5
_STOP_SECONDS = 60.0


def run_on_ray(
    commands: Iterable[tuple[str, Sequence[str]]], *, logs: Path, jobs: int, threads: int | None, gpu: bool
) -> Generator[Outcome]:
    """Run vidcondense commands as tasks of a Ray cluster, and yield how each ended, as they end.

    The cluster is that of RAY_ADDRESS; without one, Ray starts one on this machine and ends it at the end.

    Args:
        commands: the name of each, one that a file can have, and its arguments; asked for when one can begin.
        logs: the folder for what each writes on standard error, `NAME.log`; made where it is missing.
        jobs: how many run at a time.
        threads: of each process; default: the cores of this machine, shared evenly.
        gpu: let each have a GPU of its own, where the cluster has any.

    Raises:
        UsageError: Ray is not installed, or no machine of the cluster has so many cores.
        Interrupted: SIGINT or SIGTERM came; the running commands were told to stop.
    """
    ray = _import_ray()
    make_folder(logs)
    threads = threads or max(1, num_workers(-1) // jobs)
    with _cluster(ray), catch_interrupts() as interrupts:
        task = ray.remote(num_cpus=threads, num_gpus=_gpus(ray, threads, gpu), max_retries=0)(run_command)
        waiting = iter(commands)
        running: dict[Any, str] = {}
        try:
            while True:
                stop_when_interrupted(interrupts)
                for name, arguments in itertools.islice(waiting, jobs - len(running)):
                    log = (logs / f"{name}.log").absolute()
                    running[task.remote(list(arguments), log, threads, Path.cwd())] = name
                if not running:
                    return
                for reference in _wait(ray, list(running), interrupts):
                    reason, seconds = _ended(ray, reference)
                    yield Outcome(name=running.pop(reference), reason=reason, seconds=seconds)
        finally:
            for reference in running:
                ray.cancel(reference)
            if running:
                ray.wait(list(running), num_returns=len(running), timeout=_STOP_SECONDS)


def _import_ray() -> Any:  # noqa: ANN401 - a module without types
    try:
        import ray
    except ImportError as error:
        raise UsageError(
            "--engine ray needs Ray, which is not here: pip install 'vidcondense[ray]'"
        ) from error
    return ray


@contextlib.contextmanager
def _cluster(ray: Any) -> Iterator[None]:  # noqa: ANN401
    if ray.is_initialized():  # the caller's
        yield
        return
    alone = {} if os.environ.get("RAY_ADDRESS") else {"include_dashboard": False}
    ray.init(log_to_driver=False, logging_level="ERROR", **alone)
    try:
        yield
    finally:
        ray.shutdown()


def _gpus(ray: Any, threads: int, gpu: bool) -> int:  # noqa: ANN401
    most = max(node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"])
    if threads > most:
        raise UsageError(f"--threads {threads}: no machine of the Ray cluster has more than {most:g} cores")
    return int(gpu and ray.cluster_resources().get("GPU", 0) > 0)


def _wait(ray: Any, references: list[Any], interrupts: Interrupts) -> list[Any]:  # noqa: ANN401
    while True:
        done: list[Any] = ray.wait(references, timeout=_POLL_SECONDS)[0]
        stop_when_interrupted(interrupts)
        if done:
            return done


def _ended(ray: Any, reference: Any) -> tuple[str, float]:  # noqa: ANN401
    try:
        ended: tuple[str, float] = ray.get(reference)
        return ended
    except ray.exceptions.RayError as error:
        return f"Ray lost the process ({type(error).__name__}: {str(error).splitlines()[0]})", 0.0
