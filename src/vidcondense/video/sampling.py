"""Which frames of a video make a clip: pure functions of the number of frames; workers run them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vidcondense.errors import VideoError
from vidcondense.options import check_choices, require


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """How clips are cut from videos.

    A clip spans `(num_frames - 1) * stride + 1` frames of its video.
    """

    num_frames: int = 16
    """Frames in a clip."""
    stride: int = 4
    """Frames of the video from one frame of the clip to the next; 1 takes every frame."""
    size: int = 112
    """Height and width of a clip in pixels: the short side is scaled to this, the centre is kept."""
    clips_per_video: int = 1
    """Clips cut from each video."""
    placement: Literal["centre", "random"] = "centre"
    """Where clips lie in time: evenly spaced around the middle, or drawn from the seed."""
    placement_seed: int = 0
    """Seed of random placement."""
    short: Literal["stride", "repeat", "loop", "reject"] = "stride"
    """What to do with a video that is too short: take the largest stride that fits (and reject it where even
    stride 1 does not), repeat its last frame, begin again at its first, or reject it."""

    def __post_init__(self) -> None:
        check_choices(self)
        require(1 <= self.num_frames <= 1024, "num_frames", self.num_frames, "must be 1 to 1024")
        require(1 <= self.stride <= 1024, "stride", self.stride, "must be 1 to 1024")
        require(1 <= self.size <= 1024, "size", self.size, "must be 1 to 1024 pixels")
        require(1 <= self.clips_per_video <= 100, "clips_per_video", self.clips_per_video, "must be 1 to 100")
        require(
            0 <= self.placement_seed < 2**63, "placement_seed", self.placement_seed, "must be 0 to 2^63 - 1"
        )


def span(num_frames: int, stride: int) -> int:
    """Frames of the video from the first to the last of a clip, both included."""
    return (num_frames - 1) * stride + 1


def short_note(lengths: Sequence[int], options: ClipOptions) -> list[str]:
    """A remark where usable videos of so many frames are shorter than a clip spans."""
    needed = span(options.num_frames, options.stride)
    count = sum(length < needed for length in lengths)
    if not count:
        return []
    how = {
        "stride": f"clips of them have a smaller stride than {options.stride}",
        "repeat": "clips of them repeat the last frame",
        "loop": "clips of them begin again at the first frame",
    }[options.short]
    return [f"{count} of {len(lengths)} videos are shorter than the {needed} frames a clip spans; {how}"]


def clip_indices(video_frames: int, options: ClipOptions, seed: int) -> list[list[int]]:
    """The frame indices of each clip of one video.

    Args:
        video_frames: frames in the video.
        options: how clips are cut.
        seed: seed of this video's own random placement (not used for centred clips).

    Returns:
        `clips_per_video` lists of `num_frames` indices, each from 0 to `video_frames - 1`.

    Raises:
        VideoError: `too-short`, by the policy for short videos.
    """
    stride = _stride(video_frames, options)
    free = max(video_frames - span(options.num_frames, stride), 0)
    return [
        [_fold(start + step * stride, video_frames, options.short) for step in range(options.num_frames)]
        for start in _starts(free, options, seed)
    ]


def _stride(video_frames: int, options: ClipOptions) -> int:
    if video_frames >= span(options.num_frames, options.stride):
        return options.stride
    if options.short == "stride" and video_frames >= options.num_frames:
        return max((video_frames - 1) // max(options.num_frames - 1, 1), 1)
    if options.short in ("repeat", "loop") and video_frames > 0:
        return options.stride
    least = options.num_frames if options.short == "stride" else span(options.num_frames, options.stride)
    ways = {"stride": "--short repeat or loop", "reject": "a smaller --stride, or another --short"}
    advice = f"; use fewer --num-frames, or {ways[options.short]}" if options.short in ways else ""
    raise VideoError(
        "too-short",
        f"it has {video_frames} frames; {options.num_frames} at stride {options.stride} need {least} or "
        f"more{advice}",
    )


def _starts(free: int, options: ClipOptions, seed: int) -> list[int]:
    """The first frame of each clip, of the `free + 1` possible ones."""
    count = options.clips_per_video
    if options.placement == "random":
        source = random.Random(seed)
        return sorted(source.randint(0, free) for _ in range(count))
    return [(2 * clip + 1) * free // (2 * count) for clip in range(count)]


def _fold(index: int, video_frames: int, short: str) -> int:
    """An index beyond the end, brought back (only videos that are too short have such)."""
    return index % video_frames if short == "loop" else min(index, video_frames - 1)
