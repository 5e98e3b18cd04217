"""Codecs: key frames in pixel units ⇄ tensors of a payload.

`float32` and `float16` store values; every other codec stores 256 levels over a range: as they are (`uint8`),
compressed without loss (`lzma`, `png`, `webp-lossless`), or with loss (`jpeg`, `webp`, `avif`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vidcondense.errors import LimitError
from vidcondense.media.coded import IMAGE_FORMATS
from vidcondense.options import require
from vidcondense.storage import packing
from vidcondense.storage.packing import Levels, Shape

Frames = Float[Tensor, "m c h w"]
"""Stored frames in pixel units: RGB, 0 to 1 for real clips, beyond it where noise was learned from."""

Owner = Int[Tensor, " m"]
"""The range each stored frame belongs to: one of its video, or one for all."""

Payload = dict[str, Tensor]

Layout = dict[str, tuple[torch.dtype, tuple[int | None, ...]]]
"""Type and shape of tensors, by name; None is a length that only the payload knows."""

ValueRange = Literal["video", "set"]

KEY_FRAMES = "key_frames"
_MAX_PACKED = 2**30  # numbers that a payload may unpack to: 4 GiB as float32


@dataclass(frozen=True, kw_only=True)
class Coding:
    """How a codec is used."""

    quality: int = 75
    """Of jpeg, webp and avif: 0 (smallest) to 100 (best)."""

    value_range: ValueRange = "video"
    """What shares one range of 256 levels: the frames of a video, or all of the set."""

    def __post_init__(self) -> None:
        require(0 <= self.quality <= 100, "quality", self.quality, "must be from 0 to 100")
        known = self.value_range in ("video", "set")
        require(known, "value_range", self.value_range, "must be video or set")


@dataclass(frozen=True)
class Codec:
    """A way to store frames.

    Args:
        encode: frames, the range each belongs to, and the quality, to tensors.
        decode: the way back, to float32, for frames of a known shape.
        layout: what the tensors must be, by the shape of the frames and the number of ranges.
        value_bytes: bytes of a number, before any compression.
        packed: whether the numbers are compressed.
    """

    encode: Callable[[Frames, Owner, int], Payload]
    decode: Callable[[Mapping[str, Tensor], Owner, Shape], Frames]
    layout: Callable[[Shape, int], Layout]
    value_bytes: int
    packed: bool = False


def range_owner(owner: Owner, value_range: str) -> Owner:
    """The range of each frame: that of its video, or the only one."""
    return owner if value_range == "video" else torch.zeros_like(owner)


def check_packed(codec: str, num_values: int) -> None:
    """Raise `LimitError` for more numbers than a compressed payload may stand for."""
    if CODECS[codec].packed and num_values > _MAX_PACKED:
        raise LimitError(
            f"--codec {codec} stores up to {_MAX_PACKED} numbers, not {num_values}; use --codec uint8"
        )


def _as_type(dtype: torch.dtype) -> Codec:
    return Codec(
        encode=lambda frames, owner, quality: {KEY_FRAMES: frames.to(dtype)},
        decode=lambda payload, owner, shape: payload[KEY_FRAMES].float(),
        layout=lambda shape, ranges: {KEY_FRAMES: (dtype, shape)},
        value_bytes=dtype.itemsize,
    )


def _levels(
    pack: Callable[[Levels, int], Payload],
    unpack: Callable[[Mapping[str, Tensor], Shape], Levels],
    layout: Callable[[Shape], Layout],
    *,
    packed: bool = True,
) -> Codec:
    """256 levels over a range, which always holds 0 to 1 (so real clips stay exact), packed somehow."""

    def encode(frames: Frames, owner: Owner, quality: int) -> Payload:
        low, high = torch.zeros(int(owner.max()) + 1), torch.ones(int(owner.max()) + 1)
        low.scatter_reduce_(0, owner, frames.flatten(1).amin(1), "amin")
        high.scatter_reduce_(0, owner, frames.flatten(1).amax(1), "amax")
        start, width = _per_frame(low, owner), _per_frame(high - low, owner)
        levels = ((frames - start) / width * 255).round().clamp(0, 255).to(torch.uint8)
        return {**pack(levels, quality), "low": low, "high": high}

    def decode(payload: Mapping[str, Tensor], owner: Owner, shape: Shape) -> Frames:
        low, high = payload["low"], payload["high"]
        return unpack(payload, shape) / 255 * _per_frame(high - low, owner) + _per_frame(low, owner)

    def whole_layout(shape: Shape, ranges: int) -> Layout:
        bounds: Layout = dict.fromkeys(("low", "high"), (torch.float32, (ranges,)))
        return {**layout(shape), **bounds}

    return Codec(encode, decode, whole_layout, 1, packed)


def _per_frame(values: Float[Tensor, " n"], owner: Owner) -> Float[Tensor, "m 1 1 1"]:
    return values[owner][:, None, None, None]


def _images(image_format: str) -> Codec:
    def pack(levels: Levels, quality: int) -> Payload:
        stream, sizes = packing.pack_images(levels, image_format, quality)
        return {KEY_FRAMES: stream, "sizes": sizes}

    return _levels(
        pack,
        lambda payload, shape: packing.unpack_images(
            payload[KEY_FRAMES], payload["sizes"], image_format, shape
        ),
        lambda shape: {
            KEY_FRAMES: (torch.uint8, (None,)),
            "sizes": (torch.int64, (packing.num_strips(shape),)),
        },
    )


CODECS: Mapping[str, Codec] = {
    "float32": _as_type(torch.float32),
    "float16": _as_type(torch.float16),
    "uint8": _levels(
        lambda levels, quality: {KEY_FRAMES: levels},
        lambda payload, shape: payload[KEY_FRAMES],
        lambda shape: {KEY_FRAMES: (torch.uint8, shape)},
        packed=False,
    ),
    "lzma": _levels(
        lambda levels, quality: {KEY_FRAMES: packing.pack_lzma(levels)},
        lambda payload, shape: packing.unpack_lzma(payload[KEY_FRAMES], shape),
        lambda shape: {KEY_FRAMES: (torch.uint8, (None,))},
    ),
    **{name: _images(name) for name in IMAGE_FORMATS},
}
"""Every codec by its name."""
