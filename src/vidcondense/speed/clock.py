"""Timing work that may run on a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from vidcondense.compute import Compute


@dataclass(frozen=True, kw_only=True)
class Timed:
    """Calls, and the seconds they took together."""

    calls: int
    seconds: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds


def timed(work: Callable[[int], object], seconds: float, compute: Compute) -> Timed:
    """Call `work` with 0, then, on the clock, with 1, 2, … until `seconds` are over, at least once.

    The first call warms up: libraries choose their algorithms in it. The clock is read when the device is
    done with what it was given, so calls do not overlap.
    """
    work(0)
    finish(compute)
    calls, start, elapsed = 0, time.perf_counter(), 0.0
    while calls == 0 or elapsed < seconds:
        calls += 1
        work(calls)
        finish(compute)
        elapsed = time.perf_counter() - start
    return Timed(calls=calls, seconds=elapsed)


def finish(compute: Compute) -> None:
    """Wait until the device has done what it was given."""
    if compute.device.type == "cuda":
        torch.cuda.synchronize(compute.device)
