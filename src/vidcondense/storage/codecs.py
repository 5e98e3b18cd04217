"""Codecs: key frames in pixel units ⇄ tensors of a payload.

`float32` and `float16` store values; every other codec stores levels over a range: as they are (`uint8`),
compressed without loss (`lzma`, `png`, `webp-lossless`), or with loss, as pictures (`jpeg`, `webp`, `avif`,
`jxl`) or as one video (`h264`, `av1`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from vidcondense.errors import LimitError, UsageError
from vidcondense.media.coded import IMAGE_FORMATS, check_format
from vidcondense.media.streams import VIDEO_FORMATS
from vidcondense.options import check_choices, require
from vidcondense.storage import packing
from vidcondense.storage.packing import Levels
from vidcondense.synthetic.levels import Frames, Owner, Ranges, ranges_of
from vidcondense.synthetic.mosaics import Shape

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
    """Of jpeg, webp, avif, jxl, h264 and av1: 0 (smallest) to 100 (best); the other codecs have none."""

    value_range: ValueRange = "video"
    """What shares one range of levels, in all codecs but float32 and float16: the frames of a video, or all
    of the set."""

    bits: int = 8
    """Bits of a level, 1 to 8; fewer than 8 in uint8, lzma, png and webp-lossless only."""

    def __post_init__(self) -> None:
        require(0 <= self.quality <= 100, "quality", self.quality, "must be from 0 to 100")
        check_choices(self)
        require(1 <= self.bits <= 8, "bits", self.bits, "must be from 1 to 8")

    @property
    def top(self) -> int:
        """The highest level."""
        return (1 << self.bits) - 1


@dataclass(frozen=True)
class Codec:
    """A way to store frames.

    Args:
        encode: frames, and the range each belongs to, to tensors.
        decode: the way back, to float32, for frames of a known shape.
        layout: what the tensors must be, by the shape of the frames and the number of ranges.
        value_bits: bits of a number, before any compression.
        packed: whether the numbers are compressed.
        exact_levels: whether levels come back as they were; then there may be fewer of them than 256.
    """

    encode: Callable[[Frames, Owner, Coding], Payload]
    decode: Callable[[Mapping[str, Tensor], Owner, Shape, Coding], Frames]
    layout: Callable[[Shape, int, Coding], Layout]
    value_bits: Callable[[Coding], int]
    packed: bool = False
    exact_levels: bool = False


def check_coding(codec: str, coding: Coding) -> None:
    """Raise `UsageError` for fewer bits a level than the codec has, or a codec that is not installed."""
    if codec in IMAGE_FORMATS:
        check_format(codec)
    if coding.bits < 8 and not CODECS[codec].exact_levels:
        able = ", ".join(name for name, each in CODECS.items() if each.exact_levels)
        raise UsageError(f"--bits {coding.bits}: --codec {codec} has no such levels; use one of {able}")


def check_packed(codec: str, num_values: int) -> None:
    """Raise `LimitError` for more numbers than a compressed payload may stand for."""
    if CODECS[codec].packed and num_values > _MAX_PACKED:
        raise LimitError(
            f"--codec {codec} stores up to {_MAX_PACKED} numbers, not {num_values}; use --codec uint8"
        )


def _as_type(dtype: torch.dtype) -> Codec:
    return Codec(
        encode=lambda frames, owner, coding: {KEY_FRAMES: frames.to(dtype)},
        decode=lambda payload, owner, shape, coding: payload[KEY_FRAMES].float(),
        layout=lambda shape, ranges, coding: {KEY_FRAMES: (dtype, shape)},
        value_bits=lambda coding: 8 * dtype.itemsize,
    )


def _levels(
    pack: Callable[[Levels, Coding], Payload],
    unpack: Callable[[Mapping[str, Tensor], Shape, Coding], Levels],
    layout: Callable[[Shape, Coding], Layout],
    *,
    packed: bool = True,
    exact: bool = True,
) -> Codec:
    """Levels over ranges, packed somehow."""

    def encode(frames: Frames, owner: Owner, coding: Coding) -> Payload:
        ranges = ranges_of(frames, owner, coding.top)
        levels = ranges.to_levels(frames).round().clamp(0, coding.top).to(torch.uint8)
        return {**pack(levels, coding), "low": ranges.low, "high": ranges.high}

    def decode(payload: Mapping[str, Tensor], owner: Owner, shape: Shape, coding: Coding) -> Frames:
        ranges = Ranges(payload["low"], payload["high"], owner, coding.top)
        return ranges.from_levels(unpack(payload, shape, coding).float())

    def whole_layout(shape: Shape, ranges: int, coding: Coding) -> Layout:
        bounds: Layout = dict.fromkeys(("low", "high"), (torch.float32, (ranges,)))
        return {**layout(shape, coding), **bounds}

    return Codec(encode, decode, whole_layout, lambda coding: coding.bits, packed, exact)


def _stream(shape: Shape, coding: Coding) -> Layout:
    return {KEY_FRAMES: (torch.uint8, (None,))}


def _plain() -> Codec:
    """Levels as they are; fewer than 256 of them bit by bit."""

    def pack(levels: Levels, coding: Coding) -> Payload:
        return {KEY_FRAMES: levels if coding.bits == 8 else packing.pack_bits(levels, coding.bits)}

    def unpack(payload: Mapping[str, Tensor], shape: Shape, coding: Coding) -> Levels:
        stored = payload[KEY_FRAMES]
        return stored if coding.bits == 8 else packing.unpack_bits(stored, coding.bits, shape)

    def layout(shape: Shape, coding: Coding) -> Layout:
        own = shape if coding.bits == 8 else (packing.bits_length(coding.bits, shape),)
        return {KEY_FRAMES: (torch.uint8, own)}

    return _levels(pack, unpack, layout, packed=False)


def _lzma() -> Codec:
    return _levels(
        lambda levels, coding: {KEY_FRAMES: packing.pack_lzma(levels)},
        lambda payload, shape, coding: packing.unpack_lzma(payload[KEY_FRAMES], shape),
        _stream,
    )


def _images(name: str) -> Codec:
    def pack(levels: Levels, coding: Coding) -> Payload:
        stream, sizes = packing.pack_images(levels, name, coding.quality)
        return {KEY_FRAMES: stream, "sizes": sizes}

    return _levels(
        pack,
        lambda payload, shape, coding: packing.unpack_images(
            payload[KEY_FRAMES], payload["sizes"], name, shape
        ),
        lambda shape, coding: {
            **_stream(shape, coding),
            "sizes": (torch.int64, (packing.num_strips(shape),)),
        },
        exact=not IMAGE_FORMATS[name].lossy,
    )


def _video(name: str) -> Codec:
    return _levels(
        lambda levels, coding: {KEY_FRAMES: packing.pack_video(levels, name, coding.quality)},
        lambda payload, shape, coding: packing.unpack_video(payload[KEY_FRAMES], name, shape),
        _stream,
        exact=False,
    )


CODECS: Mapping[str, Codec] = {
    "float32": _as_type(torch.float32),
    "float16": _as_type(torch.float16),
    "uint8": _plain(),
    "lzma": _lzma(),
    **{name: _images(name) for name in IMAGE_FORMATS},
    **{name: _video(name) for name in VIDEO_FORMATS},
}
"""Every codec by its name."""
