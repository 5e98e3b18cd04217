"""From the names in the table of methods to the parts that do the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.errors import DataError, UsageError
from vidcondense.events import Listener
from vidcondense.insertion.conflict import Inserter
from vidcondense.interfaces import Indices, Labels, Matcher, RealClips
from vidcondense.matching.distribution import DistributionMatcher
from vidcondense.matching.gradient import GradientMatcher
from vidcondense.matching.options import MatcherName
from vidcondense.methods import METHODS, Init, RepresentationName, SelectionName, Stage
from vidcondense.models import check_features
from vidcondense.selection.best import select_best
from vidcondense.selection.coreset import Rule, herding, k_center, select_by
from vidcondense.selection.features import feature_networks
from vidcondense.selection.random import select_random
from vidcondense.settings import CondenseOptions
from vidcondense.synthetic.keyframes import KeyFrameVideos, downsample, spread_mask

STILL = 1
"""Key frames of a still."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What one stage works with.

    Args:
        videos: what is learned.
        matcher: what it must match.
        inserter: adds key frames; None where none are added.
        iterations: of the stage.
        lr: the learning rate of what sets none of its own.
    """

    videos: KeyFrameVideos
    matcher: Matcher
    inserter: Inserter | None
    iterations: int
    lr: float


def assemble(stage: Stage, real: RealClips, options: CondenseOptions, compute: Compute) -> Parts:
    """Build the parts of a stage, before its first iteration."""
    videos = learned_videos(stage, real, options, compute)
    matcher = MATCHERS[options.matcher_of(stage)](real, videos.labels, options, compute)
    inserter = None
    if stage.insertion:
        inserter = Inserter(options.insert, options.iterations, videos.mask, options.seed)
    return Parts(
        videos=videos,
        matcher=matcher,
        inserter=inserter,
        iterations=options.iterations,
        lr=options.lr_of(stage),
    )


def learned_videos(
    stage: Stage, real: RealClips, options: CondenseOptions, compute: Compute
) -> KeyFrameVideos:
    """The synthetic videos before the first step, in network units: Gaussian noise, or random real clips."""
    num_frames, channels, height, width = real.shape
    labels = torch.arange(len(real.classes)).repeat_interleave(options.vpc)
    size = _key_frame_size(real, options)
    init: Init = options.init or stage.init
    if init == "noise":
        stream = rng.generator(options.seed, "noise")
        frames = options.init_scale * torch.randn(len(labels), num_frames, channels, *size, generator=stream)
    else:
        frames = downsample(real.batch(select_random(real, options.vpc, options.seed)), size)
    mask = spread_mask(len(labels), num_frames, START[stage.videos](options, num_frames))
    return KeyFrameVideos(compute.move(frames), compute.move(mask), labels, (height, width))


def selected_videos(
    real: RealClips, options: CondenseOptions, compute: Compute, listener: Listener
) -> KeyFrameVideos:
    """The real clips that the method keeps, every frame of them."""
    name = METHODS[options.method].select
    assert name is not None, "a method that learns"
    indices = SELECTIONS[name](real, options, compute, listener)
    frames = downsample(real.batch(indices), _key_frame_size(real, options))
    mask = torch.ones(frames.shape[:2], dtype=torch.bool)
    return KeyFrameVideos(compute.move(frames), compute.move(mask), real.labels[indices], real.shape[2:])


def selection_steps(options: CondenseOptions) -> int:
    """How many training steps a selection takes."""
    select = options.select
    if options.method == "best-of-random":
        return select.draws * select.draw_networks * select.draw_steps
    by_features = METHODS[options.method].select in ("herding", "k-center")
    trained = by_features and select.features == "trained"
    return select.num_feature_networks * select.feature_steps if trained else 0


def key_frame_bounds(options: CondenseOptions, num_frames: int) -> tuple[int, int]:
    """The fewest and the most key frames that a video of the set may have."""
    stages = METHODS[options.method].stages
    if not stages:
        return num_frames, num_frames
    fewest = START[stages[-1].videos](options, num_frames)
    if not stages[-1].insertion or options.insert.insertion == "none":
        return fewest, fewest
    return fewest, max(fewest, min(options.insert.max_key_frames or num_frames, num_frames))


def check_condense(real: RealClips, options: CondenseOptions) -> None:
    """Refuse what cannot work before anything starts.

    Raises:
        UsageError: the clips are too small for the network, or have fewer frames than key frames are asked.
        DataError: a class has fewer clips than `vpc`.
    """
    num_frames, _, size, _ = real.shape
    check_features(options.match.model, num_frames, size)
    side = options.key_frame_size or size
    if side > size:
        raise UsageError(f"--key-frame-size {side}: the clips are only {size}×{size} pixels")
    keys = options.initial_key_frames or 2
    if keys > num_frames:
        raise UsageError(f"--initial-key-frames {keys}: the clips have only {num_frames} frames")
    for label, name in enumerate(real.classes):
        found = len(real.indices_of(label))
        if found < options.vpc:
            raise DataError(
                f"class {name!r} has {found} training clips, fewer than --vpc {options.vpc}; "
                "use a smaller --vpc or leave the class out"
            )


def _key_frame_size(real: RealClips, options: CondenseOptions) -> tuple[int, int]:
    side = options.key_frame_size
    return (side, side) if side else real.shape[2:]


START: Mapping[RepresentationName, Callable[[CondenseOptions, int], int]] = {
    "sparse": lambda options, num_frames: options.initial_key_frames or 2,
    "dense": lambda options, num_frames: num_frames,
    "still": lambda options, num_frames: STILL,
}
"""The key frames a video starts with."""

MakeMatcher = Callable[[RealClips, Labels, CondenseOptions, Compute], Matcher]


def _gradient_matcher(*, siamese: bool) -> MakeMatcher:
    return lambda real, labels, options, compute: GradientMatcher(
        real, labels, options.match, siamese=siamese, seed=options.seed, compute=compute
    )


MATCHERS: Mapping[MatcherName, MakeMatcher] = {
    "dm": lambda real, labels, options, compute: DistributionMatcher(
        real, labels, options.match, seed=options.seed, compute=compute
    ),
    "dc": _gradient_matcher(siamese=False),
    "dsa": _gradient_matcher(siamese=True),
}
"""What videos can be made to match."""

Select = Callable[[RealClips, CondenseOptions, Compute, Listener], Indices]


def _by_features(rule: Rule) -> Select:
    def select(real: RealClips, options: CondenseOptions, compute: Compute, listener: Listener) -> Indices:
        networks = feature_networks(
            real, options.match.model, options.select, seed=options.seed, compute=compute
        )
        return select_by(rule, real, options.vpc, networks, compute)

    return select


SELECTIONS: Mapping[SelectionName, Select] = {
    "random": lambda real, options, compute, listener: select_random(real, options.vpc, options.seed),
    "herding": _by_features(herding),
    "k-center": _by_features(k_center),
    "best-of-random": lambda real, options, compute, listener: select_best(
        real,
        options.vpc,
        options.match.model,
        options.select,
        seed=options.seed,
        compute=compute,
        listener=listener,
    ),
}
"""How real clips are chosen."""
