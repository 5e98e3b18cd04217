"""Levels of frames ⇄ one stream of bytes: LZMA, or pictures, each a tall strip of many frames.

A strip pays for one header where a picture a frame would pay for each: at 16×16 pixels a header weighs more
than a frame. Frames of three channels are RGB; of any other number, each channel is a grey picture.
"""

from __future__ import annotations

import lzma

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from vidcondense.errors import FormatError
from vidcondense.media.coded import MAX_SIDE, decode_picture, encode_picture

Levels = UInt8[Tensor, "m c h w"]
Stream = UInt8[Tensor, " b"]
Sizes = Int[Tensor, " s"]
Shape = tuple[int, int, int, int]
"""Of all frames: M, C, h, w."""

# No container: hash and size are in the manifest. Levels have no structure of bytes for lc, lp, pb to use.
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 0, "pb": 0}]


def pack_lzma(levels: Levels) -> Stream:
    """Compress levels without loss, plane by plane."""
    return _to_stream(lzma.compress(levels.contiguous().numpy().data, lzma.FORMAT_RAW, filters=_FILTERS))


def unpack_lzma(stream: Stream, shape: Shape) -> Levels:
    """Levels of a known shape; never more memory than these need.

    Raises:
        FormatError: the stream is damaged, or holds more or fewer numbers.
    """
    expected = int(np.prod(shape))
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS)
    try:
        # One more than expected shows that there are more.
        content = decompressor.decompress(stream.numpy().tobytes(), max_length=expected + 1)
    except (lzma.LZMAError, EOFError) as error:
        raise FormatError(f"the compressed frames are damaged: {error}") from error
    if len(content) != expected or not decompressor.eof or decompressor.unused_data:
        raise FormatError(f"the compressed frames are not the {expected} numbers of the manifest")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).view(shape)


def pack_images(levels: Levels, image_format: str, quality: int) -> tuple[Stream, Sizes]:
    """Encode levels as strips.

    Args:
        levels: at most `MAX_SIDE` pixels high and wide.
        image_format: a key of `IMAGE_FORMATS`.
        quality: of lossy formats.

    Returns:
        The bytes of all strips in a row, and how many belong to each.
    """
    pictures = _as_pictures(levels)
    height = pictures.shape[2]
    strips = []
    for part in torch.split(pictures, MAX_SIDE // height):
        tall = part.permute(0, 2, 3, 1).flatten(0, 1).contiguous().numpy()
        strips.append(encode_picture(tall, image_format, quality))
    return _to_stream(b"".join(strips)), torch.tensor([len(strip) for strip in strips])


def unpack_images(stream: Stream, sizes: Sizes, image_format: str, shape: Shape) -> Levels:
    """Levels of a known shape.

    Raises:
        FormatError: the sizes do not add up to the stream, or a strip is damaged or of another size.
    """
    lengths = sizes.tolist()
    if any(length <= 0 for length in lengths) or sum(lengths) != len(stream):
        raise FormatError(
            f"the sizes of the pictures do not add up to the {len(stream)} bytes that are there"
        )
    count, channels, height, width = _picture_shape(shape)
    rows = MAX_SIDE // height
    parts = []
    for number, data in enumerate(torch.split(stream, lengths)):
        own = min(rows, count - number * rows)
        tall = decode_picture(data.numpy().tobytes(), image_format, (own * height, width, channels))
        parts.append(torch.from_numpy(tall).view(own, height, width, channels).permute(0, 3, 1, 2))
    return torch.cat(parts).reshape(shape)


def num_strips(shape: Shape) -> int:
    """How many strips frames of this shape take."""
    count, _, height, _ = _picture_shape(shape)
    return -(-count // (MAX_SIDE // height))


def _picture_shape(shape: Shape) -> Shape:
    count, channels, height, width = shape
    return shape if channels == 3 else (count * channels, 1, height, width)


def _as_pictures(levels: Levels) -> UInt8[Tensor, "p b h w"]:
    count, channels, height, width = levels.shape
    return levels.reshape(_picture_shape((count, channels, height, width)))


def _to_stream(content: bytes) -> Stream:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)
