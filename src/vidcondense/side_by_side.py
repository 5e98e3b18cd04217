"""How many commands run at a time, and what runs them: processes of this machine (`jobs.py`) or Ray."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vidcondense.jobs import Outcome, run_commands
from vidcondense.options import check_choices, require
from vidcondense.ray_jobs import run_on_ray

Engine = Literal["processes", "ray"]


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """How commands run side by side: each is a process of its own."""

    jobs: int = 1
    """Processes to run at the same time."""

    threads: int | None = None
    """Threads of each process (default: the cores, shared evenly among the jobs)."""

    engine: Engine = "processes"
    """What runs them: processes of this machine, or ray: the Ray cluster of RAY_ADDRESS, or one started here
    (pip install 'vidcondense[ray]')."""

    def __post_init__(self) -> None:
        check_choices(self)
        require(self.jobs >= 1, "jobs", self.jobs, "must be at least 1")
        require(self.threads is None or self.threads >= 1, "threads", self.threads, "must be at least 1")

    def run(
        self, commands: Iterable[tuple[str, Sequence[str]]], *, logs: Path, gpu: bool
    ) -> Generator[Outcome]:
        """Run vidcondense commands, and yield how each ended, as they end.

        Args:
            commands: the name of each, one that a file can have, and its arguments; asked for when one can
                begin.
            logs: the folder for what each writes on standard error, `NAME.log`; made where it is missing.
            gpu: on Ray, let each have a GPU of its own, where the cluster has any.

        Raises:
            UsageError: Ray is not installed, or no machine of the cluster has so many cores.
            Interrupted: SIGINT or SIGTERM came; the running commands were told to stop.
        """
        if self.engine == "ray":
            return run_on_ray(commands, logs=logs, jobs=self.jobs, threads=self.threads, gpu=gpu)
        return run_commands(commands, logs=logs, jobs=self.jobs, threads=self.threads)
