"""What a condensation will cost, measured on a few of its own steps before it starts."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import torch

from vidcondense.assembly import check_condense
from vidcondense.compute import Compute
from vidcondense.condenser import Condenser
from vidcondense.interfaces import RealClips, Uneven
from vidcondense.methods import METHODS
from vidcondense.models import network_for
from vidcondense.real_sets import training_steps
from vidcondense.settings import CondenseOptions
from vidcondense.sizes import size_of
from vidcondense.training import TrainOptions, train


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The cost of a condensation.

    Args:
        train_clips: real clips to condense.
        videos: synthetic videos.
        key_frames: fewest and most of them, in total.
        payload_bytes: for the fewest and the most key frames, before any compression.
        paper_mb: likewise.
        seconds: of the whole condensation, from the measured steps.
        peak_memory_mb: MiB, of this process after the measured steps (None where the system does not tell).
    """

    train_clips: int
    videos: int
    key_frames: tuple[int, int]
    payload_bytes: tuple[int, int]
    paper_mb: tuple[float, float]
    seconds: float
    peak_memory_mb: float | None


def estimate(real: RealClips, options: CondenseOptions, compute: Compute) -> Estimate:
    """Measure a few steps and count bytes.

    Raises:
        UsageError, DataError: as `condense` would.
    """
    check_condense(real, options)
    size = size_of(real.shape, len(real.classes), options)
    return Estimate(
        train_clips=len(real),
        videos=size.videos,
        key_frames=size.key_frames,
        payload_bytes=size.payload_bytes(options.codec, options.coding()),
        paper_mb=size.paper_mb,
        seconds=_measure(real, options, compute),
        peak_memory_mb=peak_memory_mb(),
    )


def _measure(real: RealClips, options: CondenseOptions, compute: Compute) -> float:
    """Seconds for all iterations, or for the training that a selection needs."""
    if METHODS[options.method].select is None:
        return _measure_iterations(real, options, compute)
    steps = training_steps(options)
    return _measure_training(real, options, compute) * steps if steps else 0.0


def _measure_training(real: RealClips, options: CondenseOptions, compute: Compute) -> float:
    """Seconds of a training step, the second of two (the first warms up)."""
    network = network_for(options.match.model, real.shape, len(real.classes), seed=0, compute=compute)
    times = []
    train(
        network,
        real,
        TrainOptions(steps=2),
        seed=0,
        compute=compute,
        after_step=lambda step: times.append(time.perf_counter()),
    )
    return times[-1] - times[0]


def _measure_iterations(real: RealClips, options: CondenseOptions, compute: Compute) -> float:
    """Seconds for all iterations of all stages."""
    condenser, seconds = Condenser(real, options, compute), 0.0
    for stage, iterations in enumerate(condenser.lengths):
        if stage:
            condenser.enter(stage)
        seconds += _measure_stage(condenser, iterations)
    return seconds


def _measure_stage(condenser: Condenser, iterations: int) -> float:
    """Seconds for all iterations of a stage, from the second one of each kind: by how many clips it takes.

    The one that may have used the same network goes before it; the first of all warms up.
    """
    matcher, pool = condenser.parts.matcher, condenser.options.match.pool
    kinds = [matcher.extra_clips(it) if isinstance(matcher, Uneven) else 0 for it in range(iterations)]
    seconds = {}
    for kind in dict.fromkeys(kinds):
        number = [iteration for iteration, each in enumerate(kinds) if each == kind][:2][-1]
        for iteration in sorted({max(0, number - pool), number}):
            condenser.iteration = condenser.begin + iteration
            start = time.perf_counter()
            condenser.step()
            seconds[kind] = time.perf_counter() - start
    return sum(seconds[kind] for kind in kinds)


def peak_gpu_mb(compute: Compute) -> float | None:
    """The most memory that tensors of this process ever had on its GPU, in MiB; None on a processor."""
    if compute.device.type != "cuda":
        return None
    return torch.cuda.max_memory_allocated(compute.device) / 2**20


def peak_memory_mb() -> float | None:
    """The most memory this process ever had, in MiB; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
