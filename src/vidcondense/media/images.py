"""Videos → pictures for people: animations, strips of frames."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image


def save_strip(frames: UInt8[np.ndarray, "t h w 3"], side: int) -> bytes:
    """Encode all RGB frames (0 to 255) next to each other as one WebP picture (quality 80).

    Args:
        frames: of a video.
        side: larger frames are shrunk to this height and width in pixels; T · side may be 16 383 at most.
    """
    if frames.shape[1] > side:
        frames = np.stack([np.asarray(Image.fromarray(frame).resize((side, side))) for frame in frames])
    file = io.BytesIO()
    Image.fromarray(np.concatenate(list(frames), axis=1)).save(file, format="webp", quality=80, method=4)
    return file.getvalue()


def save_animation(
    frames: UInt8[np.ndarray, "t h w 3"], *, fps: float = 8.0, image_format: Literal["webp", "gif"] = "webp"
) -> bytes:
    """Encode RGB frames (0 to 255) as an endless animation: WebP (quality 80), or GIF (256 colours)."""
    first, *rest = [Image.fromarray(frame) for frame in frames]
    file = io.BytesIO()
    first.save(
        file,
        format=image_format,
        save_all=True,
        append_images=rest,
        duration=round(1000 / fps),
        loop=0,
        **({"quality": 80, "method": 4} if image_format == "webp" else {}),
    )
    return file.getvalue()
