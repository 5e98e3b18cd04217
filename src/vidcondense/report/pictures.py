"""Pictures of a condensed set: contact sheets and animations, a pair a class."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from vidcondense.errors import OutputError
from vidcondense.files import write_bytes
from vidcondense.media.images import save_animation
from vidcondense.media.viewable import Pictures, viewable
from vidcondense.report.figures import contact_sheet, png
from vidcondense.storage.condensed import CondensedDataset

_MIN_SIDE = 160  # pixels a video has in an animation, at least: small videos are enlarged
_FPS = 8.0
_MAX_VIDEOS = 40  # in one picture


def write_pictures(
    clips: CondensedDataset,
    folder: Path,
    *,
    animation: Literal["webp", "gif"] = "webp",
    overwrite: bool = False,
) -> list[Path]:
    """Write a contact sheet (PNG) and an animation for every class, of its first 40 videos at most.

    Values are clamped to [0, 1] for viewing.

    Returns:
        The files.

    Raises:
        OutputError: a file is there already, or cannot be written.
    """
    names = [f"{label:03d}-{_safe(name)}" for label, name in enumerate(clips.classes)]
    paths = [folder / f"{name}.{ending}" for name in names for ending in ("png", animation)]
    for path in paths:
        if path.exists() and not overwrite:
            raise OutputError(f"{path} exists; use --overwrite to replace it, or another folder")
    written = []
    for label, name in enumerate(names):
        members = (clips.labels == label).nonzero().flatten()[:_MAX_VIDEOS]
        if not len(members):
            continue
        videos = viewable(clips.clips(members))
        positions = [clips.positions[video] for video in members.tolist()]
        rows = [f"video {video}" for video in members.tolist()]
        sheet = contact_sheet(
            videos, positions, rows, title=f"{clips.classes[label]}: key frames are outlined"
        )
        written += [
            _write(folder / f"{name}.png", png(sheet)),
            _write(
                folder / f"{name}.{animation}",
                save_animation(side_by_side(videos), fps=_FPS, image_format=animation),
            ),
        ]
    return written


def side_by_side(videos: Pictures) -> UInt8[np.ndarray, "t height width 3"]:
    """Several videos as one, next to each other, enlarged by a whole factor where they are small."""
    factor = max(1, -(-_MIN_SIDE // videos.shape[2]))
    large = videos.repeat(factor, axis=2).repeat(factor, axis=3)
    return np.concatenate(list(large), axis=2)


def _write(path: Path, content: bytes) -> Path:
    write_bytes(path, content)
    return path


def _safe(name: str) -> str:
    """A class name as part of a file name: nothing in it can lead to another folder."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60] or "class"
