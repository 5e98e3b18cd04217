"""Opening a file that claims to be a video: nothing of its name or content can reach anything but the file.

FFmpeg looks at the content, so a script or a playlist named `x.mp4` would make it open *other* files, and a
file name may be a URL to it. So only regular files are opened, by us, and FFmpeg gets a handle without a name
together with lists of what it may do with it.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from vidcondense.errors import VideoError
from vidcondense.options import require

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"
"""FFmpeg's names of the containers we read: mp4 and mov, mkv and webm, avi."""

_SIGNATURE_BYTES = 12
_COVER = av.stream.Disposition.attached_pic


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one video file may cost at most."""

    max_pixels: int = 4096 * 2304
    """Most pixels in one frame."""
    max_frames: int = 36_000
    """Most frames in one file (20 minutes at 30 frames per second)."""

    def __post_init__(self) -> None:
        require(self.max_pixels > 0, "max_pixels", self.max_pixels, "must be at least 1")
        require(self.max_frames > 0, "max_frames", self.max_frames, "must be at least 1")


@contextlib.contextmanager
def open_video(path: Path, limits: Limits) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video file and its video stream (of several, the one with the most pixels); one thread decodes.

    Raises:
        VideoError: `not-regular`, `permission`, `unreadable`, `empty-file`, `not-a-video`,
            `format-not-allowed`, `unreadable-header`, `no-frames` (no stream at all), `no-video-stream`,
            `unsupported-codec`, `too-large` (by the header); while it is
            open: `undecodable`, `out-of-memory`.
    """
    with open_regular(path) as file, _open_container(file, limits) as container:
        stream = _best_stream(container)
        context = stream.codec_context
        check_pixels(context.width, context.height, limits)
        context.thread_count = 1  # workers are the parallelism; and an error then belongs to its own packet
        try:
            yield container, stream
        except MemoryError as error:
            raise VideoError("out-of-memory", "decoding it takes more memory than there is") from error
        except av.error.FFmpegError as error:
            raise VideoError("undecodable", f"FFmpeg gives up: {error.strerror}") from error


def check_pixels(width: int, height: int, limits: Limits) -> None:
    """Raise `VideoError` (`too-large`) when a frame has more pixels than allowed."""
    if width * height > limits.max_pixels:
        raise VideoError(
            "too-large", f"a frame has {width}×{height} pixels; the limit is {limits.max_pixels}"
        )


def too_long(frames: int, limits: Limits) -> VideoError:
    """The error of a video with too many frames."""
    return VideoError("too-long", f"it has {frames} frames or more; the limit is {limits.max_frames}")


def open_regular(path: Path) -> io.FileIO:
    """Open a file without ever waiting for a pipe or touching a device.

    Raises:
        VideoError: `not-regular`, `permission`, `unreadable`.
    """
    # Without O_NONBLOCK, opening a named pipe that appeared since the check would wait for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise VideoError("not-regular", f"it is {_kind(mode)}, not a regular file")
        file = io.FileIO(os.open(path, flags), "rb")
    except PermissionError as error:
        raise VideoError("permission", "this user may not read the file") from error
    except OSError as error:
        raise VideoError("unreadable", error.strerror or str(error)) from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise VideoError("not-regular", "it is no regular file any more")
    return file


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a directory",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")


def _open_container(file: io.FileIO, limits: Limits) -> InputContainer:
    start = file.read(_SIGNATURE_BYTES)
    file.seek(0)
    if not start:
        raise VideoError("empty-file", "it has 0 bytes")
    options = {
        "format_whitelist": FORMATS,
        "protocol_whitelist": "file",
        "max_pixels": str(limits.max_pixels),
    }
    try:
        return av.open(file, "r", options=options, metadata_errors="replace")
    except MemoryError as error:
        raise VideoError("out-of-memory", "its header asks for more memory than there is") from error
    except av.error.ArgumentError as error:
        raise VideoError(
            "format-not-allowed", "its content is no mp4, mov, mkv, webm or avi, whatever its name says"
        ) from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if _has_signature(start):
            raise VideoError(
                "unreadable-header", "it begins like a video, but its header is cut or damaged"
            ) from error
        raise VideoError("not-a-video", "its content is no video") from error


def _has_signature(start: bytes) -> bool:
    whole = len(start) == _SIGNATURE_BYTES
    return whole and (
        start[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")
        or start[:4] == b"\x1aE\xdf\xa3"
        or (start[:4] == b"RIFF" and start[8:12] == b"AVI ")
    )


def _best_stream(container: InputContainer) -> VideoStream:
    if not container.streams:
        raise VideoError("no-frames", "it holds no stream at all")
    videos = [stream for stream in container.streams.video if not stream.disposition & _COVER]
    if not videos:
        raise VideoError("no-video-stream", "it holds sound or pictures, but no video")
    readable = [stream for stream in videos if stream.codec_context is not None]
    if not readable:
        raise VideoError("unsupported-codec", "it is encrypted, or in a codec that cannot be decoded here")
    return max(readable, key=lambda stream: (stream.width * stream.height, -stream.index))
