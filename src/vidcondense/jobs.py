"""Several commands side by side, each a process of its own: one that fails or dies takes no other with it."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidcondense.errors import Interrupted
from vidcondense.files import make_folder, writing
from vidcondense.interrupts import Interrupts, catch_interrupts
from vidcondense.video.pool import num_workers

_POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a command ended.

    Attributes:
        name: of the command.
        reason: the last line it wrote on standard error; empty where it ended well.
        seconds: its process took.
    """

    name: str
    reason: str
    seconds: float


def run_commands(
    commands: Iterable[tuple[str, Sequence[str]]], *, logs: Path, jobs: int, threads: int | None
) -> Generator[Outcome]:
    """Run vidcondense commands in processes of their own, and yield how each ended, as they end.

    Args:
        commands: the name of each, one that a file can have, and its arguments; asked for when one can begin.
        logs: the folder for what each writes on standard error, `NAME.log`; made where it is missing.
        jobs: how many run at a time.
        threads: of each process; default: the cores, shared evenly.

    Raises:
        Interrupted: SIGINT or SIGTERM came; the running commands were told to stop and have stopped.
    """
    waiting = iter(commands)
    running: dict[str, _Running] = {}
    threads = threads or max(1, num_workers(-1) // jobs)
    make_folder(logs)
    with catch_interrupts() as interrupts:
        try:
            while True:
                stop_when_interrupted(interrupts)
                for name, arguments in itertools.islice(waiting, jobs - len(running)):
                    running[name] = _start(arguments, logs / f"{name}.log", threads)
                if not running:
                    return
                _wait(running, interrupts)
                for name in [name for name, each in running.items() if each.process.poll() is not None]:
                    ended = running.pop(name)
                    yield Outcome(name=name, reason=_reason(ended), seconds=ended.seconds())
        finally:
            for each in running.values():
                each.process.terminate()
            for each in running.values():
                each.process.wait()


def run_command(arguments: Sequence[str], log: Path, threads: int, folder: Path) -> tuple[str, float]:
    """Run one vidcondense command in a process of its own, to its end.

    Args:
        arguments: of the command.
        log: the file for what it writes on standard error.
        threads: of the process.
        folder: to run it in.

    Returns:
        Why it failed, nothing where it did not; and the seconds it took.
    """
    running = _start(arguments, log, threads, folder)
    try:
        while running.process.poll() is None:  # in a wait without end Ray's wish to stop would not be heard
            time.sleep(_POLL_SECONDS)
    finally:
        running.process.terminate()
        running.process.wait()
    return _reason(running), running.seconds()


@dataclass(frozen=True)
class _Running:
    process: subprocess.Popen[bytes]
    log: Path
    start: float

    def seconds(self) -> float:
        return time.monotonic() - self.start


def _start(arguments: Sequence[str], log: Path, threads: int, folder: Path | None = None) -> _Running:
    start = time.monotonic()
    with writing(log), log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "vidcondense", *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            start_new_session=True,  # Ctrl-C reaches this process, which passes it on once
        )
    return _Running(process, log, start)


def stop_when_interrupted(interrupts: Interrupts) -> None:
    """Raise `Interrupted` once a signal came."""
    if interrupts.received is not None:
        raise Interrupted("stopped; the same command goes on from here", interrupts.received)


def _wait(running: Mapping[str, _Running], interrupts: Interrupts) -> None:
    while all(each.process.poll() is None for each in running.values()):
        stop_when_interrupted(interrupts)
        time.sleep(_POLL_SECONDS)


def _reason(ended: _Running) -> str:
    code = ended.process.returncode
    if code == 0:
        return ""
    if code < 0:
        return f"the process was killed by signal {-code} (9: perhaps for want of memory)"
    lines = ended.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].removeprefix("vidcondense: error: ") if lines else f"exit code {code}"
