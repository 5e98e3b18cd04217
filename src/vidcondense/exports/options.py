"""How a set is exported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from vidcondense.options import check_choices, require

VideoName = Literal["mp4", "preview", "npy"]

_LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How a set is exported."""

    fps: float = 8.0
    """Frames per second of videos and animations."""

    video: VideoName | None = None
    """What webdataset and huggingface hold of each video: mp4 (lossless), preview (lossy H.264 that every
    browser plays), or npy (webdataset alone: float32 [T, C, H, W], not clamped). By default npy in
    webdataset, mp4 in huggingface."""

    shard_videos: int = 1000
    """Videos in a shard of webdataset, at most."""

    licence: str = "unknown"
    """Licence to state on the huggingface card: an identifier such as cc-by-4.0."""

    def __post_init__(self) -> None:
        require(0 < self.fps <= 1000, "fps", self.fps, "must be above 0, up to 1000")
        check_choices(self)
        require(self.shard_videos >= 1, "shard_videos", self.shard_videos, "must be at least 1")
        rule = "must be an identifier such as cc-by-4.0 (small letters, digits, dots, hyphens)"
        require(_LICENCE.fullmatch(self.licence) is not None, "licence", self.licence, rule)
