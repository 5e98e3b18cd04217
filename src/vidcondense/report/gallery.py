"""The videos of a report: strips of frames in data URIs, class by class, real clips beside condensed ones."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from vidcondense.interfaces import Videos
from vidcondense.media.images import save_strip
from vidcondense.media.viewable import viewable
from vidcondense.report.curves import cosines_head, reason
from vidcondense.report.runs import KeyFrame, Run

PIXELS = 9_000_000
"""Of all frames in a page: learned frames are noisy and compress badly, noise to 0.7 bytes a pixel."""

_MAX_SIDE = 160
_MAX_STRIP = 16_000  # pixels; a WebP image has at most 16 383


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One playing video.

    Attributes:
        title: below it.
        strip: all its frames side by side, as a data URI.
        frames: how many.
        key_frames: those frames that are stored; empty of a real clip.
        reasons: why each is one, in words.
        dense: whether all frames are stored, and none was inserted.
        cosines: the title of the cosines of those that were inserted.
    """

    title: str
    strip: str
    frames: int
    key_frames: Sequence[KeyFrame] = ()
    reasons: Sequence[str] = ()
    dense: bool = False
    cosines: str = ""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A condensed video and the real clips nearest to it."""

    run: int
    condensed: Clip
    real: Sequence[Clip]


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The videos of one class."""

    name: str
    pairs: Sequence[Pair]


Neighbours = Mapping[tuple[int, int], Sequence[tuple[str, Videos]]]
"""By run and video: a title and frames (`[1, T, C, H, W]`, pixel units) of the real clips nearest to it."""


def shown_videos(run: Run, most: int) -> list[int]:
    """Which videos of a set to show: the first of every class, then the second, and so on."""
    labels = run.clips.labels.tolist()
    seen: dict[int, int] = {}
    turn = []
    for video, label in enumerate(labels):
        turn.append((seen.setdefault(label, 0), label, video))
        seen[label] += 1
    return sorted(video for _, _, video in sorted(turn)[:most])


def shelves(runs: Sequence[Run], shown: Sequence[Sequence[int]], neighbours: Neighbours) -> list[Shelf]:
    """All videos to show, by class in order of the first set's classes.

    Args:
        runs: the sets.
        shown: the videos of each.
        neighbours: real clips to show beside them.
    """
    side = _side(runs, shown, neighbours)
    found: dict[str, list[Pair]] = {}
    for index, (run, videos) in enumerate(zip(runs, shown, strict=True)):
        for name in run.clips.classes:
            found.setdefault(name, [])
        for video in videos:
            real = [
                Clip(title=title, strip=_strip(frames, side), frames=frames.shape[1])
                for title, frames in neighbours.get((index, video), ())
            ]
            name = run.clips.classes[int(run.clips.labels[video])]
            found[name].append(Pair(run=index, condensed=_condensed(run, video, side), real=real))
    return [Shelf(name=name, pairs=pairs) for name, pairs in found.items() if pairs]


def _condensed(run: Run, video: int, side: int) -> Clip:
    frames = run.clips.clips(torch.tensor([video]))
    key_frames = run.key_frames[video]
    return Clip(
        title=f"video {video}",
        strip=_strip(frames, side),
        frames=frames.shape[1],
        key_frames=key_frames,
        reasons=[_reason(run, key_frame) for key_frame in key_frames],
        dense=len(key_frames) == frames.shape[1] and all(each.iteration is None for each in key_frames),
        cosines=cosines_head(run),
    )


def _reason(run: Run, key_frame: KeyFrame) -> str:
    if key_frame.iteration is not None:
        return reason(run, key_frame.before, key_frame.after)
    return "there from the start" if run.events else "no log tells"


def _side(runs: Sequence[Run], shown: Sequence[Sequence[int]], neighbours: Neighbours) -> int:
    """The largest side in pixels at which all frames fit into a page, no larger than any set's own."""
    frames = sum(run.clips.shape[0] * len(videos) for run, videos in zip(runs, shown, strict=True))
    frames += sum(clip.shape[1] for clips in neighbours.values() for _, clip in clips)
    longest = max(run.clips.shape[0] for run in runs)
    own = max(run.clips.shape[2] for run in runs)
    return max(8, min(own, _MAX_SIDE, _MAX_STRIP // longest, math.isqrt(PIXELS // max(frames, 1))))


def _strip(video: Videos, side: int) -> str:
    webp = save_strip(viewable(video)[0], side)
    return f"data:image/webp;base64,{base64.b64encode(webp).decode('ascii')}"
