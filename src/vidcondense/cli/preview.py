"""Videos on a terminal that has colours: two pixels a sign, one above the other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from rich.style import Style
from rich.text import Text

from vidcondense.interfaces import Videos
from vidcondense.media.viewable import viewable
from vidcondense.storage.condensed import CondensedDataset

_COLUMNS = 14  # of signs a frame
_CLASSES = 3
_FRAMES = 6


def preview(clips: CondensedDataset, columns: int) -> list[tuple[str, Text]]:
    """The first video of the first classes: a title and some frames of it, key frames where it has them.

    Args:
        clips: the set.
        columns: width of the terminal in signs.
    """
    labels = clips.labels.tolist()
    most = max(1, min(_FRAMES, (columns + 1) // (_COLUMNS + 1)))
    found = []
    for label in sorted(set(labels))[:_CLASSES]:
        video = labels.index(label)
        frames = _chosen(clips.positions[video] or range(clips.shape[0]), most)
        pictures = half_blocks(clips.clips([video])[:, frames])
        found.append(
            (f"{clips.classes[label]}, video {video}, frames {', '.join(map(str, frames))}", pictures)
        )
    return found


def half_blocks(video: Videos) -> Text:
    """The frames of one video in pixel units, side by side; the upper half of a sign is one pixel."""
    height, width = video.shape[3:]
    rows = 2 * max(1, round(_COLUMNS * height / width / 2))
    small = F.interpolate(video[0], size=(rows, _COLUMNS), mode="bilinear", antialias=True)
    pixels = viewable(small[None])[0].tolist()
    text = Text()
    for row in range(0, rows, 2):
        for number, frame in enumerate(pixels):
            text.append(" " if number else "")
            for above, below in zip(frame[row], frame[row + 1], strict=True):
                text.append("▀", Style(color=_rgb(above), bgcolor=_rgb(below)))
        text.append("\n" if row + 2 < rows else "")
    return text


def _chosen(frames: Sequence[int], most: int) -> list[int]:
    """All of them, or as many as fit, evenly spread."""
    if len(frames) <= most:
        return list(frames)
    return [frames[int(index)] for index in torch.linspace(0, len(frames) - 1, most).round()]


def _rgb(pixel: Sequence[int]) -> str:
    return "rgb({},{},{})".format(*pixel)
