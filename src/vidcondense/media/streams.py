"""Frames ⇄ a bare video stream in memory, as a condensed set keeps its frames: no container, no file."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from jaxtyping import UInt8

from vidcondense.errors import FormatError
from vidcondense.media.encode import BT601, encode_video


@dataclass(frozen=True)
class VideoFormat:
    """A video format.

    Args:
        container: FFmpeg's name for the bare stream.
        encoder: FFmpeg's name.
        decoder: likewise.
        options: of the encoder; in both one thread, so that the bytes do not depend on the machine's cores.
        crf: the constant rate factors of quality 0 and of quality 100; linear between them.
    """

    container: str
    encoder: str
    decoder: str
    options: Mapping[str, str]
    crf: tuple[int, int]


VIDEO_FORMATS: Mapping[str, VideoFormat] = {
    # `psnr`: networks do not see what x264 adds for human eyes. For `asm`, see `encode_h264`. Cuts to another
    # clip get key frames by themselves.
    "h264": VideoFormat(
        "h264",
        "libx264",
        "h264",
        {"preset": "veryslow", "tune": "psnr", "x264-params": "asm=0:keyint=infinite"},
        (51, 0),
    ),
    "av1": VideoFormat(
        "obu", "libsvtav1", "libdav1d", {"preset": "1", "svtav1-params": "lp=1:keyint=-1:tune=1"}, (63, 1)
    ),
}
"""The formats by the name of the codec that stores frames in them."""

_MULTIPLE = 2  # of the sides of a frame, for colour at half resolution
_SMALLEST = 8  # side that both encoders take
_START = re.compile(rb"\x00{2,3}\x01")  # of a unit in an H.264 stream
_SEI = 6  # the unit that only names x264 and its options, in 600 bytes


def encode_stream(frames: UInt8[np.ndarray, "t h w c"], video_format: str, quality: int) -> bytes:
    """Encode frames as one stream; lossy, colour at half resolution.

    Args:
        frames: RGB (c = 3) or grey (c = 1), 0 to 255. Sides are padded to even ones of 8 or more by repeating
            the last row and column.
        video_format: a key of `VIDEO_FORMATS`.
        quality: 0 (smallest) to 100 (best).
    """
    chosen = VIDEO_FORMATS[video_format]
    worst, best = chosen.crf
    crf = round(worst + (best - worst) * quality / 100)
    padded = np.pad(frames, ((0, 0), *map(_padding, frames.shape[1:3]), (0, 0)), mode="edge")
    rgb = np.broadcast_to(padded, (*padded.shape[:3], 3))
    options = {**chosen.options, "crf": str(crf), **BT601}
    with _quiet():
        data = encode_video(rgb, chosen.container, chosen.encoder, "yuv420p", 25.0, options)
    return _without_sei(data) if video_format == "h264" else data


def decode_stream(
    data: bytes, video_format: str, shape: tuple[int, int, int, int]
) -> UInt8[np.ndarray, "t h w c"]:
    """Decode a stream whose size is known beforehand; no memory is taken for any other.

    Args:
        data: the whole stream.
        video_format: a key of `VIDEO_FORMATS`.
        shape: number of frames, height, width, and 3 (RGB) or 1 (grey).

    Raises:
        FormatError: it is no whole stream of that format, number and size of frames.
    """
    count, height, width, channels = shape
    sides = tuple(side + sum(_padding(side)) for side in (height, width))
    decoder = av.CodecContext.create(VIDEO_FORMATS[video_format].decoder, "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.thread_count = 1
    # Decoders take memory in blocks of up to 128 pixels.
    most = int(np.prod([-(-side // 128) * 128 for side in sides]))
    decoder.options = {"max_pixels": str(most), "err_detect": "explode"}
    found: list[np.ndarray] = []
    try:
        packets = [*decoder.parse(data), *decoder.parse(), None]
        for packet in packets:
            for frame in decoder.decode(packet):
                if frame.is_corrupt or (frame.height, frame.width) != sides or len(found) == count:
                    raise FormatError(
                        f"a {video_format} stream is damaged, or not {count} frames of {width}×{height}"
                    )
                found.append(frame.to_ndarray(format="rgb24")[:height, :width, :channels])
    except (av.error.FFmpegError, ValueError) as error:
        raise FormatError(f"a {video_format} stream is damaged: {error}") from error
    if len(found) != count:
        raise FormatError(f"a {video_format} stream is damaged: it has {len(found)} of {count} frames")
    return np.stack(found)


def _padding(side: int) -> tuple[int, int]:
    """Rows or columns to add before and behind."""
    return 0, max(side + side % _MULTIPLE, _SMALLEST) - side


def _without_sei(data: bytes) -> bytes:
    units = [unit for unit in _START.split(data)[1:] if unit[0] & 0x1F != _SEI]
    return b"".join(b"\0\0\1" + unit for unit in units)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """SVT-AV1 writes to the standard error, and listens to nothing but the environment."""
    before = os.environ.get("SVT_LOG")
    os.environ["SVT_LOG"] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ["SVT_LOG"]
        else:
            os.environ["SVT_LOG"] = before
