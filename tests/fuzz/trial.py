"""Trying input after input in a process of its own, which may die, hang, or want too much memory."""

from __future__ import annotations

import multiprocessing
import resource
import signal
import time
import traceback
import warnings
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

MEMORY = 2**30
"""Bytes of address space a process may take beyond what it begins with."""

HANG = 60.0
"""Seconds after which an input counts as a hang: many times what the slowest takes."""


class Target(Protocol):
    """Something that reads hostile input."""

    def attempt(self, seed: int, number: int) -> tuple[int, int]:
        """Try input `number`; how many inputs that was, and how many were accepted. Raises: a crash."""
        ...


@dataclass
class Trial:
    """What came of it.

    Attributes:
        inputs: how many were tried.
        accepted: how many of them were valid still.
        crashes: what happened, by the number of the first input to which it did.
        since_crash: inputs tried since the last crash.
        seconds: that it took.
        peak_mib: the most memory of a process, what it began with included.
    """

    inputs: int = 0
    accepted: int = 0
    crashes: dict[int, str] = field(default_factory=dict)
    since_crash: int = 0
    seconds: float = 0.0
    peak_mib: float = 0.0

    def crashed(self, number: int, text: str) -> None:
        """Note a crash; the same error from the same line is the same crash."""
        if _place(text) not in map(_place, self.crashes.values()):
            self.crashes[number] = text
        self.inputs += 1
        self.since_crash = 0

    def survived(self, inputs: int, accepted: int) -> None:
        self.inputs += inputs
        self.accepted += accepted
        self.since_crash += inputs


def _place(text: str) -> str:
    """The last line of ours in a traceback, and the kind of error."""
    lines = text.strip().splitlines()
    places = [line.strip() for line in lines if line.startswith("  File ") and "vidcondense" in line]
    errors = [line.split(":")[0] for line in lines if line and not line.startswith(" ")]
    return f"{places[-1:]} {errors[-1:]}"


def try_inputs(
    target: Target, seed: int, seconds: float, *, most: int = 2**62, memory: int = MEMORY, hang: float = HANG
) -> Trial:
    """Try inputs 0, 1, 2 … of a target until `seconds` are over, or `most` are tried.

    A process that dies or hangs costs that one input; the next begins behind it.
    """
    trial, start, first = Trial(), time.monotonic(), 0
    while first < most and (left := seconds - (time.monotonic() - start)) > 0:
        first = _one_process(target, seed, range(first, most), left, memory, hang, trial)
    trial.seconds = time.monotonic() - start
    return trial


def _one_process(
    target: Target, seed: int, numbers: range, seconds: float, memory: int, hang: float, trial: Trial
) -> int:
    """Try inputs in one process; the number to go on from in another."""
    context = multiprocessing.get_context("fork")
    reading, writing = context.Pipe(duplex=False)
    current = context.Value("q", numbers.start, lock=False)
    child = context.Process(target=_work, args=(target, seed, numbers, seconds, memory, current, writing))
    child.start()
    writing.close()
    hung = False
    while True:
        before = current.value
        if reading.poll(hang):
            try:
                kind, *said = reading.recv()
            except EOFError:
                break
            if kind == "crash":
                trial.crashed(*said)
            elif kind == "survived":
                trial.survived(*said)
            else:
                trial.peak_mib = max(trial.peak_mib, *said)
        elif current.value == before:
            hung = True
            child.kill()
            break
    child.join()
    if child.exitcode == 0:
        return numbers.stop
    how = f"no end after {hang:g} seconds" if hung else _way_of_death(child.exitcode or 0)
    trial.crashed(current.value, how)
    return current.value + 1


def _way_of_death(code: int) -> str:
    return (
        f"the process died: {signal.Signals(-code).name}"
        if code < 0
        else f"the process ended with code {code}"
    )


def _work(
    target: Target,
    seed: int,
    numbers: range,
    seconds: float,
    memory: int,
    current: Any,
    writing: Connection,
) -> None:
    warnings.simplefilter("ignore")  # of other packages, about hostile files
    _limit(memory)
    end = time.monotonic() + seconds
    inputs, accepted, told = 0, 0, time.monotonic()
    for number in numbers:
        current.value = number
        try:
            tried, valid = target.attempt(seed, number)
            inputs, accepted = inputs + tried, accepted + valid
        except BaseException:
            writing.send(("survived", inputs, accepted))
            inputs, accepted = 0, 0
            writing.send(("crash", number, traceback.format_exc()))
        now = time.monotonic()
        if now - told > 1 or now > end:  # a process that dies loses the count of a second
            writing.send(("survived", inputs, accepted))
            inputs, accepted, told = 0, 0, now
        if now > end:
            break
    writing.send(("survived", inputs, accepted))
    writing.send(("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def _limit(memory: int) -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
