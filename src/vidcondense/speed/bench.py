"""Measuring this machine at the work of a condensation, part by part, so that what bounds it can be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from vidcondense.assembly import check_condense
from vidcondense.compute import Compute, has_bfloat16
from vidcondense.condenser import Condenser
from vidcondense.estimation import peak_memory_mb
from vidcondense.events import Listener, ignore
from vidcondense.matching.distribution import DistributionMatcher
from vidcondense.matching.options import MatchOptions
from vidcondense.models import network_for
from vidcondense.options import as_json, require
from vidcondense.settings import CondenseOptions
from vidcondense.speed.clock import Timed, timed
from vidcondense.speed.flops import ClipFlops, clip_flops, matrix_peak
from vidcondense.speed.machine import machine
from vidcondense.speed.sample import sample_clips
from vidcondense.training import TrainOptions, train
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.index import DataOptions
from vidcondense.video.sampling import ClipOptions

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_PARTS = ("matrix products", "decoding", "real clips", "synthetic videos", "training", "condensation")


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """What is measured, and for how long."""

    seconds: float = 3.0
    """Seconds to measure each of the six parts for (longer where one step takes longer)."""

    vpc: int = 1
    """Synthetic videos per class."""

    batch_size: int = 32
    """Clips a training step."""

    match: MatchOptions = field(default_factory=MatchOptions)
    """What is matched, by distribution matching."""

    def __post_init__(self) -> None:
        require(self.seconds > 0, "seconds", self.seconds, "must be more than 0")
        require(self.batch_size >= 1, "batch_size", self.batch_size, "must be at least 1")
        require(self.match.match in (None, "dm"), "match", self.match.match, "only dm is measured")
        _ = self.condensation  # its own checks

    @property
    def condensation(self) -> CondenseOptions:
        """PRISM, with these options."""
        return CondenseOptions(vpc=self.vpc, match=self.match)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How fast one part of the work goes.

    Attributes:
        per_second: clips, steps or iterations a second.
        flops: operations a second of its matrix products and convolutions; None where it has none.
        share: that, of the matrix peak at the precision that was measured; None likewise, or without a peak.
    """

    per_second: float
    flops: float | None = None
    share: float | None = None


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What was measured.

    Attributes:
        machine: what it was measured on.
        settings: options, shape and number of classes, device, precision.
        peak: operations a second of a large matrix product, by precision; None where the device has no
            instructions for it.
        decode: clips decoded a second, on all cores.
        real: real clips a second through a network, for their means.
        synthetic: synthetic videos a second through a network and back to their pixels.
        training: training steps a second.
        iterations: of a condensation, a second.
        iteration_real: real clips a second during the condensation.
        iteration_synthetic: synthetic videos a second during the condensation.
        memory_mb: MiB, the most that this process ever had (None where the system does not tell).
        gpu_memory_mb: MiB, the most that was allocated on the GPU; None without one.
    """

    machine: Mapping[str, Any]
    settings: Mapping[str, Any]
    peak: Mapping[str, float | None]
    decode: Rate
    real: Rate
    synthetic: Rate
    training: Rate
    iterations: Rate
    iteration_real: Rate
    iteration_synthetic: Rate
    memory_mb: float | None
    gpu_memory_mb: float | None


def bench(
    data: str | Path | None,
    options: BenchOptions | None = None,
    *,
    reading: DataOptions | None = None,
    clip: ClipOptions | None = None,
    compute: Compute,
    listener: Listener = ignore,
) -> Bench:
    """Measure decoding, matching, training and condensing, each for some seconds.

    Args:
        data: a dataset's folder, of which a few clips are decoded; None for a generated toy set.
        options: what to measure.
        reading: how the dataset is read.
        clip: how clips are cut.
        compute: device and precision.
        listener: hears `{"kind": "bench", "done": i, "total": n}` after each part.

    Raises:
        UsageError: the network does not take such clips.
        DataError: the folder is no dataset, or a class has too few videos that can be used.
    """
    options, reading, clip = options or BenchOptions(), reading or DataOptions(), clip or ClipOptions()
    told = 0

    def tell() -> None:
        nonlocal told
        told += 1
        listener({"kind": "bench", "done": told, "total": len(_PARTS)})

    flops = clip_flops(options.match.model, num_classes=1, num_frames=clip.num_frames, size=clip.size)
    peak = _peaks(compute, options.seconds / 2)
    tell()
    root = None if data is None else Path(data)
    per_class = max(options.vpc, options.match.real_batch_of("dm"))
    with sample_clips(root, reading, clip, per_class=per_class, seconds=options.seconds) as sample:
        tell()
        work = _Work(sample.clips, options, compute, flops, peak[compute.precision])
        check_condense(sample.clips, options.condensation)
        real = work.real()
        tell()
        synthetic = work.synthetic()
        tell()
        training = work.training()
        tell()
        iterations, iteration_real, iteration_synthetic = work.condensation()
        tell()
    on_gpu = compute.device.type == "cuda"
    return Bench(
        machine=machine(),
        settings={
            **as_json(options),
            "data": None if root is None else str(root),
            "clip": as_json(clip),
            "classes": len(sample.clips.classes),
            "device": compute.device.type,
            "precision": compute.precision,
            "flops_a_clip": asdict(flops),
        },
        peak=peak,
        decode=Rate(per_second=sample.decoding.rate),
        real=real,
        synthetic=synthetic,
        training=training,
        iterations=iterations,
        iteration_real=iteration_real,
        iteration_synthetic=iteration_synthetic,
        memory_mb=peak_memory_mb(),
        gpu_memory_mb=torch.cuda.max_memory_allocated(compute.device) / 2**20 if on_gpu else None,
    )


def _peaks(compute: Compute, seconds: float) -> dict[str, float | None]:
    """The matrix peak of each precision that the device has: one emulated product may take a minute."""
    able = {"float32": True, "bfloat16": has_bfloat16(compute.device)}
    return {
        name: matrix_peak(dtype, compute, seconds) if able[name] else None for name, dtype in _DTYPES.items()
    }


@dataclass(frozen=True)
class _Work:
    """The parts that run networks."""

    clips: ClipDataset
    options: BenchOptions
    compute: Compute
    flops: ClipFlops
    peak: float | None

    def real(self) -> Rate:
        """Clips a second to their means, a network for all."""
        matcher = self._matcher(self.options.match)
        network, clips = matcher.network(0), matcher.targets.num_drawn(self.options.match.real_batch_of("dm"))
        found = timed(lambda call: matcher.real_means(network, call), self.options.seconds, self.compute)
        return self._rate(found, clips, self.flops.forward)

    def synthetic(self) -> Rate:
        """Videos a second, forward and backward, with a network and real means that are known."""
        uses = 10**9  # the same network in every iteration
        matcher = self._matcher(replace(self.options.match, pool=1, uses=uses))
        videos = Condenser(self.clips, self.options.condensation, self.compute).videos.render(0).detach()
        found = timed(lambda call: matcher.match(videos, call), self.options.seconds, self.compute)
        return self._rate(found, len(videos), self._synthetic_flops(matcher, len(videos)))

    def training(self) -> Rate:
        """Steps a second of training on real clips."""
        step = _train(self.clips, self.options, self.compute, steps=3)
        more = max(3, round(self.options.seconds * step.rate))
        found = _train(self.clips, self.options, self.compute, steps=more)
        size = min(self.options.batch_size, len(self.clips))
        return self._rate(found, 1, size * self.flops.training)

    def condensation(self) -> tuple[Rate, Rate, Rate]:
        """Iterations, real clips and synthetic videos a second."""
        condenser = Condenser(self.clips, self.options.condensation, self.compute)
        videos, seen = len(condenser.videos.labels), []
        found = timed(
            lambda call: seen.append(condenser.step()[-1]["clips"]), self.options.seconds, self.compute
        )
        real = sum(seen[1:]) - found.calls * videos  # the first call is not on the clock
        matcher = condenser.parts.matcher
        assert isinstance(matcher, DistributionMatcher), "PRISM matches distributions"
        synthetic = found.calls * videos * self._synthetic_flops(matcher, videos)
        flops = (real * self.flops.forward + synthetic) / found.calls
        return (
            self._rate(found, 1, flops),
            Rate(per_second=real / found.seconds),
            Rate(per_second=found.calls * videos / found.seconds),
        )

    def _rate(self, found: Timed, each: int, flops: int | float) -> Rate:
        """A rate of calls that stand for `each` things of `flops` operations each."""
        per_second = found.rate * each
        share = None if self.peak is None else per_second * flops / self.peak
        return Rate(per_second=per_second, flops=per_second * flops, share=share)

    def _matcher(self, options: MatchOptions) -> DistributionMatcher:
        labels = torch.arange(len(self.clips.classes)).repeat_interleave(self.options.vpc)
        return DistributionMatcher(self.clips, labels, options, seed=0, compute=self.compute)

    def _synthetic_flops(self, matcher: DistributionMatcher, videos: int) -> int:
        """Of a video; in several chunks its forward pass is done twice."""
        again = self.flops.forward if videos > matcher.chunk else 0
        return self.flops.synthetic + again


def _train(clips: ClipDataset, options: BenchOptions, compute: Compute, *, steps: int) -> Timed:
    """The steps of a training but for its first, which warms up."""
    network = network_for(options.match.model, clips.shape, len(clips.classes), seed=0, compute=compute)
    times: list[float] = []
    train(
        network,
        clips,
        # A learning rate too small to diverge.
        TrainOptions(steps=steps, batch_size=options.batch_size, lr=1e-6, augment=False),
        seed=0,
        compute=compute,
        after_step=lambda step: times.append(perf_counter()),
    )
    return Timed(calls=len(times) - 1, seconds=times[-1] - times[0])
