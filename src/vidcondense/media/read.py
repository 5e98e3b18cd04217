"""Reading whatever holds a video: a file, or a folder of numbered images. Worker processes call this."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from vidcondense.errors import VideoError
from vidcondense.media import VIDEO_SUFFIXES
from vidcondense.media.decode import Decoded, Pick, look_through, read_clips
from vidcondense.media.source import Limits, open_regular, too_long
from vidcondense.media.stills import list_frames, load_frame, read_frames
from vidcondense.media.torchcodec import check_torchcodec, read_by_torchcodec

Decoder = Literal["pyav", "torchcodec"]
"""What decodes video files."""


@dataclass(frozen=True, kw_only=True)
class Probed:
    """What was found out about one video by reading all of it."""

    num_frames: int
    width: int
    height: int
    """Pixels of the first frame, upright."""
    fps: float | None
    """Frames per second as the file says; None where it does not."""
    notes: tuple[str, ...]
    file_digest: str
    """Of the bytes of the file (or of all images)."""
    frames_digest: str
    """Of all frames as RGB: the same for the same pictures in another container."""


def check_decoder(decoder: Decoder) -> None:
    """Raise `UsageError` unless it can be used here."""
    if decoder == "torchcodec":
        check_torchcodec()


def is_frame_folder(path: Path) -> bool:
    """Whether a path is to be read as a folder of images; a folder named `x.mp4` is not."""
    return path.suffix.lower() not in VIDEO_SUFFIXES and path.is_dir()


def try_read_clips(
    path: Path, size: int, pick: Pick, limits: Limits, skim: bool = False, decoder: Decoder = "pyav"
) -> Decoded | VideoError:
    """The clips of a video (see `read_clips`), with the reason returned instead of raised."""
    try:
        if is_frame_folder(path):  # only the images of its clips are decoded in any case
            return read_frames(path, size=size, pick=pick, limits=limits)
        if decoder == "torchcodec":
            found = read_by_torchcodec(path, size=size, pick=pick, limits=limits)
            if found is not None:
                return found
        return read_clips(path, size=size, pick=pick, limits=limits, skim=skim)
    except VideoError as error:
        return error


def try_probe(path: Path, limits: Limits) -> Probed | VideoError:
    """Read all of a video, with the reason returned instead of raised."""
    try:
        return _probe_frames(path, limits) if is_frame_folder(path) else _probe_file(path, limits)
    except VideoError as error:
        return error


def _probe_file(path: Path, limits: Limits) -> Probed:
    frames = _Digest()
    seen = look_through(path, frames.add, limits)
    with open_regular(path) as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return Probed(
        num_frames=seen.num_frames,
        width=seen.width,
        height=seen.height,
        fps=seen.fps,
        notes=seen.notes,
        file_digest=content,
        frames_digest=frames.hexdigest(),
    )


def _probe_frames(folder: Path, limits: Limits) -> Probed:
    frames, content = _Digest(), hashlib.sha256()
    paths = list_frames(folder)
    if len(paths) > limits.max_frames:
        raise too_long(len(paths), limits)
    shapes = []
    for path in paths:
        image = load_frame(path, limits)
        shapes.append(image.shape[:2])
        frames.add(image)
        with open_regular(path) as file:
            content.update(hashlib.file_digest(file, "sha256").digest())
    height, width = shapes[0]
    return Probed(
        num_frames=len(paths),
        width=width,
        height=height,
        fps=None,
        notes=("frames of several sizes",) if len(set(shapes)) > 1 else (),
        file_digest=content.hexdigest(),
        frames_digest=frames.hexdigest(),
    )


class _Digest:
    """A hash of frames and their sizes."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, frame: np.ndarray) -> None:
        self._hash.update(repr(frame.shape).encode())
        self._hash.update(np.ascontiguousarray(frame).data)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()
