"""What may be made of a budget of bytes: the grid of sets among which tuning chooses.

Every form at every side, each with the most videos per class that fit:

- learned: a still or two key frames a video, of clusters of a class's real clips, from noise by DSA, as LZMA
  of 16 levels and as WebP, and from real clips by distribution matching, as WebP; and PRISM, one video a
  class, whose insertion stops at the budget;
- real clips (random, herding, best-of-random): one key frame a clip, two, or all frames, as WebP, and all
  frames as one video, H.264 or AV1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from vidcondense.assembly import learned_videos
from vidcondense.compute import Compute
from vidcondense.condensation import origin_of
from vidcondense.errors import LimitError, UsageError
from vidcondense.events import ignore
from vidcondense.files import size_text
from vidcondense.interfaces import RealClips
from vidcondense.methods import METHODS
from vidcondense.real_sets import selected_videos
from vidcondense.recipe import Recipe, from_keys, to_keys
from vidcondense.settings import CondenseOptions
from vidcondense.storage.codecs import CODECS
from vidcondense.storage.condensed import encoder
from vidcondense.tuning.space import Setting
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.folds import training_folds
from vidcondense.video.index import RealData
from vidcondense.video.record import recorded_data

SIDES = (8, 16, 32)
"""Sides of coarse key frames in pixels; that of the clips comes on top."""

VPCS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50)
"""Videos per class."""

MARGIN = 1.1
"""What a compressed set may weigh more than the draw that was measured in its place."""

_DSA: Setting = {"init": "noise", "match": "dsa", "lr": 10.0, "real-batch": 8}
"""The learning rate that cross-validation chose with five videos per class and 300 iterations, with the real
clips of that race (benchmarks/tuned.py); DSA's own defaults are for thousands of iterations."""

_FROM_REAL: Setting = {"init": "real", "match": "dm", "lr": 1.0}
"""A tenth of the default learning rate, meant to keep in every video what its real clip has of its own; it
was not tuned."""

_FRAMES: tuple[Setting, ...] = (
    {"method": "still", "initial-key-frames": 1},
    {"method": "prism", "initial-key-frames": 2},
)
_LEARNED: tuple[Setting, ...] = (
    {**_DSA, "codec": "lzma", "bits": 4, "quality": 75},
    {**_DSA, "codec": "webp", "bits": 8, "quality": 75},
    {**_FROM_REAL, "codec": "webp", "bits": 8, "quality": 40},
)
_PRISM: Setting = {
    "method": "prism",
    "init": "noise",
    "match": "dm",
    "match-targets": "class",
    "insertion": "conflict",
    "initial-key-frames": 2,
    "codec": "uint8",
    "bits": 8,
    "quality": 75,
}
_REAL = ("random", "herding", "best-of-random")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One set to race.

    Args:
        setting: what differs from the recipe to start from.
        bytes: of the whole set: exact where every number takes the same, else measured on a draw, with a
            margin; of PRISM before any insertion.
    """

    setting: Setting
    bytes: int


def candidates(base: Recipe, real: RealData, folds: int, compute: Compute) -> list[Candidate]:
    """The sets of the grid that keep to a budget, random real clips first: they are what to beat.

    Args:
        base: what they have in common; its `budget` is the limit.
        real: the clips that will be condensed.
        folds: of the cross-validation: no fold leaves fewer clips of a class than a set has videos of it.
        compute: where videos are made.

    Raises:
        UsageError: the recipe has no budget, or options that some method of the grid does not have.
        LimitError: nothing of the grid fits.
    """
    budget = base.condense.max_bytes
    if budget is None:
        raise UsageError("there is no --budget to keep; say how many bytes the set may take")
    most = _fewest_clips(real.train, folds)
    # The record of a fold is longer than that of a set of all clips.
    record = recorded_data(real, base.reading, base.clip) | {"held_out_fold": [folds, folds]}
    found, least = [], math.inf
    for form in _forms(base.clip.num_frames, base.clip.size):
        vpcs = (1,) if form["insertion"] != "none" else VPCS
        fitting = None
        for vpc in (each for each in vpcs if each <= most):
            setting = {**form, "vpc": vpc}
            options = from_keys(Recipe, {**to_keys(base), **setting}).condense
            size = weigh(real.train, options, record, compute)
            least = min(least, size)
            if size > budget:
                break
            fitting = Candidate(setting=setting, bytes=size)
        found += [fitting] if fitting else []
    if not found:
        raise LimitError(
            f"--budget {base.condense.budget}: nothing of the grid fits, the smallest set takes "
            f"{size_text(math.ceil(least))}; use a larger --budget, or fewer --classes"
        )
    return sorted(found, key=lambda each: each.setting["method"] != "random")


def weigh(real: RealClips, options: CondenseOptions, record: Mapping[str, Any], compute: Compute) -> int:
    """Bytes of a set like the one that `options` will make: before it is learned, or of a random draw.

    Real clips that learning begins with are drawn from the whole class here, also where each will be drawn
    from a cluster of its own: to find clusters takes long.

    Args:
        real: the training clips.
        options: of the condensation.
        record: what the manifest says of the data.
        compute: where videos are made.
    """
    stages = METHODS[options.method].stages
    drawn = replace(options, match=replace(options.match, match_targets="class"))
    videos = (
        learned_videos(stages[-1], real, drawn, compute)
        if stages
        else selected_videos(real, replace(options, method="random"), compute, ignore)
    )
    encode = encoder(videos, options.codec, origin_of(real, options, record, compute))
    size = encode(options.coding()).bytes
    return math.ceil(MARGIN * size) if CODECS[options.codec].packed else size


def _forms(num_frames: int, size: int) -> Iterator[Setting]:
    """Every setting but for the videos per class."""
    coded = [(min(keys, num_frames), "webp") for keys in (1, 2, num_frames)]
    coded += [(num_frames, "h264"), (num_frames, "av1")]
    real: list[Setting] = [
        {
            "method": method,
            "match-targets": "class",
            "insertion": "none",
            "codec": codec,
            "bits": 8,
            "quality": 40,
            "initial-key-frames": keys,
        }
        for method in _REAL
        for keys, codec in dict.fromkeys(coded)
    ]
    clusters: Setting = {"match-targets": "cluster", "insertion": "none"}
    learned = [{**frames, **clusters, **form} for frames, form in itertools.product(_FRAMES, _LEARNED)]
    sides = sorted({side for side in SIDES if side < size} | {size})
    for form, side in itertools.product([*real, *learned, _PRISM], sides):
        yield {**form, "key-frame-size": side}


def _fewest_clips(train: ClipDataset, folds: int) -> int:
    """Of a class that a fold leaves to be condensed."""
    kept = [train.labels[fold.kept] for fold in training_folds(train, folds)]
    return min(int(labels.bincount(minlength=len(train.classes)).min()) for labels in kept)
