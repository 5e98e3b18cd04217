"""From a row of the table of methods to the parts that do the work."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.distributed import ALONE, Ranks
from vidcondense.errors import DataError, UsageError
from vidcondense.insertion.conflict import Inserter
from vidcondense.interfaces import Indices, Labels, Matcher, RealClips, Representation, Shareable
from vidcondense.matching.distribution import DistributionMatcher
from vidcondense.matching.gradient import GradientMatcher
from vidcondense.matching.kernel import KernelMatcher
from vidcondense.matching.options import MatcherName, OptimiserName
from vidcondense.matching.targets import make_targets
from vidcondense.matching.trajectory import TrajectoryMatcher, experts_for
from vidcondense.methods import METHODS, Init, RepresentationName, Stage
from vidcondense.models import check_features
from vidcondense.options import require
from vidcondense.selection.random import select_random
from vidcondense.settings import CondenseOptions
from vidcondense.synthetic.codec_model import CodecModel
from vidcondense.synthetic.keyframes import KeyFrameVideos, downsample, spread_mask
from vidcondense.synthetic.static_dynamic import OWN, StaticDynamicVideos
from vidcondense.training.trajectories import Experts
from vidcondense.video.single_frames import SingleFrames


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What one stage works with.

    Args:
        videos: what is learned.
        matcher: what it must match.
        inserter: adds key frames; None where none are added.
        iterations: of the stage.
        lr: the learning rate of what sets none of its own.
        optimiser: what steps all that is learned.
        labels: of the videos of all ranks.
        own: the numbers of the videos that this rank matches.
        apart: whether this rank has no other videos, and need not know how others fare.
    """

    videos: Representation
    matcher: Matcher
    inserter: Inserter | None
    iterations: int
    lr: float
    optimiser: OptimiserName
    labels: Labels
    own: range
    apart: bool


def assemble(
    stage: Stage,
    real: RealClips,
    options: CondenseOptions,
    compute: Compute,
    before: Representation | None,
    ranks: Ranks = ALONE,
) -> Parts:
    """Build the parts of a stage, before its first iteration.

    Args:
        stage: a stage of the options' method.
        real: the training clips.
        options: of the whole condensation.
        compute: where it runs.
        before: what the stage before has learned.
        ranks: the processes that share the classes.
    """
    if stage.videos == "static":
        real = SingleFrames(real)
    options = stage_options(stage, options)
    videos, inserter = _represent(stage, real, options, compute, before), None
    labels, classes = videos.labels, ranks.share(len(real.classes))
    own = range(classes.start * options.vpc, classes.stop * options.vpc)
    matcher = MATCHERS[options.matcher_of(stage)](real, labels, options, compute, ranks)
    apart = ranks.size > 1 and options.matcher_of(stage) == "dm" and isinstance(videos, KeyFrameVideos)
    if ranks.size > 1 and isinstance(matcher, Shareable):
        matcher.share(own)
    if apart:
        assert isinstance(videos, KeyFrameVideos), "what is shared otherwise is no rank's own"
        videos = videos.part(own)
    if stage.insertion:
        assert isinstance(videos, KeyFrameVideos), "only key frames are inserted"
        part = own if apart else range(len(labels))
        inserter = Inserter(
            options.insert, options.iterations, videos.mask, options.seed, part=part, num_videos=len(labels)
        )
    return Parts(
        videos=videos,
        matcher=matcher,
        inserter=inserter,
        iterations=options.iterations,
        lr=options.lr_of(stage),
        optimiser=options.optimiser_of(stage),
        labels=labels,
        own=own,
        apart=apart,
    )


def stage_options(stage: Stage, options: CondenseOptions) -> CondenseOptions:
    """The options of one stage: those of the condensation, unless it is a stage with options of its own."""
    if stage.videos != "static":
        return options
    own = options.static_dynamic
    return replace(
        options,
        vpc=OWN * options.vpc,
        iterations=own.static_iterations,
        lr=own.static_lr,
        seed=rng.derive_seed(options.seed, "static"),
        match=replace(options.match, match=None, match_targets="class", model=own.static_model),
    )


def total_iterations(options: CondenseOptions) -> int:
    """The iterations of all stages; 0 of a method that does not learn."""
    return sum(stage_options(stage, options).iterations for stage in METHODS[options.method].stages)


def _represent(
    stage: Stage,
    real: RealClips,
    options: CondenseOptions,
    compute: Compute,
    before: Representation | None,
) -> Representation:
    if stage.videos != "static-dynamic":
        return learned_videos(stage, real, options, compute)
    assert isinstance(before, KeyFrameVideos), "a stage of still images comes first"
    return StaticDynamicVideos(
        before.frames[:, 0],
        real.shape[0],
        before.labels[::OWN],
        convolution_lr=options.static_dynamic.convolution_lr,
        seed=options.seed,
    )


def learned_videos(
    stage: Stage, real: RealClips, options: CondenseOptions, compute: Compute
) -> KeyFrameVideos:
    """The synthetic videos before the first step, in network units: Gaussian noise, or random real clips.

    With a target for each video the clip is one of that target's.
    """
    num_frames, channels, height, width = real.shape
    labels = torch.arange(len(real.classes)).repeat_interleave(options.vpc)
    size = key_frame_size(real.shape, options)
    init: Init = options.init or stage.init
    if init == "noise":
        stream = rng.generator(options.seed, "noise")
        frames = options.init_scale * torch.randn(len(labels), num_frames, channels, *size, generator=stream)
    else:
        frames = downsample(real.batch(_first_clips(real, labels, options)), size)
    mask = spread_mask(len(labels), num_frames, START[stage.videos](options, num_frames))
    return KeyFrameVideos(
        compute.move(frames),
        compute.move(mask),
        labels,
        (height, width),
        options.upsampling,
        _codec_model(real, options, compute) if options.codec_aware else None,
    )


def _first_clips(real: RealClips, labels: Labels, options: CondenseOptions) -> Indices:
    """A random clip for each video: of its own cluster where it has one, else of its class."""
    if options.match.match_targets == "class":
        return select_random(real, options.vpc, options.seed)
    targets = make_targets(options.match.match_targets, real, labels, options.seed)
    return torch.cat(targets.draw(1, rng.derive_seed(options.seed, "initial clips"), 0))[targets.of_video]


def _codec_model(real: RealClips, options: CondenseOptions, compute: Compute) -> CodecModel:
    coding = options.coding()
    mean, std = (compute.move(values[:, None, None]) for values in (real.mean, real.std))
    return CodecModel(
        mean=mean,
        std=std,
        top=coding.top,
        value_range=coding.value_range,
        quality=options.quality if options.codec == "jpeg" else None,
        rate_weight=options.rate_weight,
    )


def key_frame_size(shape: tuple[int, int, int, int], options: CondenseOptions) -> tuple[int, int]:
    """Height and width of the key frames of videos of `shape`, `(T, C, H, W)`."""
    side = options.key_frame_size
    return (side, side) if side else shape[2:]


def check_condense(real: RealClips, options: CondenseOptions, ranks: Ranks = ALONE) -> None:
    """Refuse what cannot work before anything starts.

    Raises:
        UsageError: the clips are too small for the network, or have fewer frames than key frames are asked;
            or the work cannot be shared by so many ranks.
        DataError: a class has fewer clips than `vpc`; or experts were trained on other clips.
        FormatError: a folder of experts is none, or damaged.
    """
    num_frames, _, size, _ = real.shape
    check_features(options.match.model, num_frames, size)
    for stage in METHODS[options.method].stages:
        if stage.videos == "static":
            check_features(options.static_dynamic.static_model, 1, size)
    side = options.key_frame_size or size
    if side > size:
        raise UsageError(f"--key-frame-size {side}: the clips are only {size}×{size} pixels")
    given = options.initial_key_frames
    if given is not None and given > num_frames:
        raise UsageError(f"--initial-key-frames {given}: the clips have only {num_frames} frames")
    for stage in METHODS[options.method].stages:
        keys = START[stage.videos](options, num_frames)
        rule = f"--method {options.method} starts from {keys} key frames"
        require(keys <= num_frames, "num_frames", num_frames, rule)
    if ranks.size > 1:
        _check_shares(real, options, ranks)
    for label, name in enumerate(real.classes):
        found = len(real.indices_of(label))
        if found < options.vpc:
            raise DataError(
                f"class {name!r} has {found} training clips, fewer than --vpc {options.vpc}; "
                "use a smaller --vpc or leave the class out"
            )
    if follows_experts(options):
        experts_for(options.match, real)


def followed_experts(options: CondenseOptions) -> dict[str, Any]:
    """Which experts the videos will follow, as JSON for the manifest; empty where they follow none."""
    if not follows_experts(options):
        return {}
    folder = options.match.trajectory.experts
    assert folder is not None, "checked before anything starts"
    return {"experts_sha256": Experts(folder).sha256}


def follows_experts(options: CondenseOptions) -> bool:
    """Whether videos are learned by matching the trajectories of experts (mtt)."""
    stages = METHODS[options.method].stages
    return bool(stages) and options.matcher_of(stages[-1]) == "mtt"


def _check_shares(real: RealClips, options: CondenseOptions, ranks: Ranks) -> None:
    """Raise `UsageError` unless there is work for each rank, which can be shared."""
    if ranks.size > len(real.classes):
        raise UsageError(
            f"torchrun started {ranks.size} processes, which share {len(real.classes)} classes; start fewer"
        )
    if options.codec_aware:
        raise UsageError("--codec-aware looks at the frames of all ranks; start it without torchrun")
    stages = METHODS[options.method].stages
    if not stages:
        raise UsageError(f"--method {options.method} runs in one process; start it without torchrun")
    if options.budget is not None and stages[-1].insertion and options.insert.insertion != "none":
        raise UsageError(
            f"--budget {options.budget}: ranks insert apart and cannot share it; "
            "start it without torchrun, or with --insertion none"
        )
    if follows_experts(options):
        videos = options.vpc * len(real.classes)
        batch = min(options.match.trajectory.synthetic_batch, videos)
        parts = math.ceil(batch / options.match.chunk_of(real.shape))
        if ranks.size > parts:
            raise UsageError(
                f"torchrun started {ranks.size} processes to share a student's step on {batch} videos, "
                f"which is too few chunks; use --chunk {max(1, batch // ranks.size)}, or fewer processes"
            )


START: Mapping[RepresentationName, Callable[[CondenseOptions, int], int]] = {
    "sparse": lambda options, num_frames: options.initial_key_frames or 2,
    "dense": lambda options, num_frames: num_frames,
    "still": lambda options, num_frames: 1,
    "static": lambda options, num_frames: 1,
    "static-dynamic": lambda options, num_frames: 0,
}
"""The key frames a video starts with."""

MakeMatcher = Callable[[RealClips, Labels, CondenseOptions, Compute, Ranks], Matcher]


def _gradient_matcher(*, siamese: bool) -> MakeMatcher:
    return lambda real, labels, options, compute, ranks: GradientMatcher(
        real, labels, options.match, siamese=siamese, seed=options.seed, compute=compute
    )


MATCHERS: Mapping[MatcherName, MakeMatcher] = {
    "dm": lambda real, labels, options, compute, ranks: DistributionMatcher(
        real, labels, options.match, seed=options.seed, compute=compute
    ),
    "dc": _gradient_matcher(siamese=False),
    "dsa": _gradient_matcher(siamese=True),
    "mtt": lambda real, labels, options, compute, ranks: TrajectoryMatcher(
        real, labels, options.match, seed=options.seed, compute=compute, ranks=ranks
    ),
    "frepo": lambda real, labels, options, compute, ranks: KernelMatcher(
        real, labels, options.match, options.kernel, seed=options.seed, compute=compute, ranks=ranks
    ),
}
"""What videos can be made to match."""
