"""Frames → video files, as bytes that are the same on every call."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Literal

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

BT601 = {
    "colorspace": "smpte170m",
    "color_primaries": "smpte170m",
    "color_trc": "smpte170m",
    "color_range": "tv",
}
"""Options that tell every decoder how colours were stored."""


def encode_h264(
    frames: UInt8[np.ndarray, "t h w 3"], *, fps: float = 25.0, crf: int = 18, intra: bool = False
) -> bytes:
    """Encode RGB frames as an mp4 file (H.264, yuv420p) that every browser plays; lossy.

    Args:
        frames: 0 to 255. An odd height or width is padded by repeating the last row or column.
        fps: frames per second.
        crf: 0 (best) to 51; 18 looks as good as the original.
        intra: encode each frame on its own, at the constant quantiser `crf`. Then a frame's pixels do not
            depend on its neighbours, and a video and its reverse lose exactly the same.
    """
    if intra:
        options = {"preset": "veryfast", "qp": str(crf), "g": "1"}
    else:
        # x264's assembler reads beyond small frames when it searches for motion: two calls may then differ.
        options = {"preset": "medium", "crf": str(crf), "x264-params": "asm=0"}
    return encode_video(_even(frames), "mp4", "libx264", "yuv420p", fps, {**options, **BT601})


def encode_lossless(
    frames: UInt8[np.ndarray, "t h w 3"], *, fps: float = 25.0, container: Literal["mkv", "mp4"] = "mkv"
) -> bytes:
    """Encode RGB frames so that they decode exactly: FFV1 in mkv, or H.264 in RGB in mp4 (few players)."""
    if container == "mkv":
        return encode_video(frames, "matroska", "ffv1", "bgr0", fps, {"level": "3"})
    return encode_video(frames, "mp4", "libx264rgb", "rgb24", fps, {"qp": "0", "preset": "veryfast"})


def _even(frames: np.ndarray) -> np.ndarray:
    height, width = frames.shape[1:3]
    return np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def encode_video(
    frames: UInt8[np.ndarray, "t h w 3"],
    container: str,
    codec: str,
    pixels: str,
    fps: float,
    options: dict[str, str],
) -> bytes:
    """Encode RGB frames by one of FFmpeg's encoders.

    Args:
        frames: 0 to 255.
        container: FFmpeg's name.
        codec: FFmpeg's name of the encoder.
        pixels: FFmpeg's name of the format that pixels are stored in.
        fps: frames per second.
        options: of the encoder.
    """
    file = io.BytesIO()
    # Without `bitexact`, the file names the library's version and, in mkv, carries a random id.
    with av.open(file, "w", format=container, container_options={"fflags": "+bitexact"}) as output:
        rate = Fraction(fps).limit_denominator(1001)
        stream = output.add_stream(codec, rate=rate, options={**options, "flags": "+bitexact"})
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixels
        stream.codec_context.thread_count = 1  # so that the bytes do not depend on the machine's cores
        for frame in frames:
            image = VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            output.mux(stream.encode(image))
        output.mux(stream.encode())
    return file.getvalue()
