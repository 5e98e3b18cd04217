"""Levels of frames ⇄ one stream of bytes: few bits a level, LZMA, pictures, or a video.

Frames of three channels are RGB; of any other number, each channel is a grey picture. Many small frames share
one picture, see `synthetic.mosaics`.
"""

from __future__ import annotations

import lzma

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from vidcondense.errors import FormatError
from vidcondense.media.coded import decode_picture, encode_picture
from vidcondense.media.streams import decode_stream, encode_stream
from vidcondense.synthetic.mosaics import (
    Shape,
    from_strips,
    from_tiles,
    strip_sizes,
    tile_grid,
    to_strips,
    to_tiles,
)

Levels = UInt8[Tensor, "m c h w"]
Stream = UInt8[Tensor, " b"]
Sizes = Int[Tensor, " s"]

# No container: hash and size are in the manifest. Levels have no structure of bytes for lc, lp, pb to use.
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 0, "pb": 0}]


def pack_bits(levels: Levels, bits: int) -> Stream:
    """The lowest `bits` bits of every level, one after the other, the highest of them first."""
    every = np.unpackbits(levels.contiguous().numpy().reshape(-1, 1), axis=1)
    return torch.from_numpy(np.packbits(every[:, 8 - bits :]))


def unpack_bits(stream: Stream, bits: int, shape: Shape) -> Levels:
    """Levels of a known shape, from a stream of `bits_length`."""
    own = np.unpackbits(stream.numpy(), count=int(np.prod(shape)) * bits).reshape(-1, bits)
    every = np.pad(own, ((0, 0), (8 - bits, 0)))
    return torch.from_numpy(np.packbits(every)).view(shape)


def bits_length(bits: int, shape: Shape) -> int:
    """Bytes of levels of this shape at `bits` bits each."""
    return -(-int(np.prod(shape)) * bits // 8)


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
    strips = [
        encode_picture(strip.permute(1, 2, 0).contiguous().numpy(), image_format, quality)
        for strip in to_strips(_as_pictures(levels))
    ]
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
    pictures = picture_shape(shape)
    _, channels, height, width = pictures
    strips = []
    for data, (_, rows, columns) in zip(torch.split(stream, lengths), strip_sizes(pictures), strict=True):
        own = (rows * height, columns * width, channels)
        strip = decode_picture(data.numpy().tobytes(), image_format, own)
        strips.append(torch.from_numpy(strip).permute(2, 0, 1))
    return torch.cat(from_strips(strips, pictures)).reshape(shape)


def num_strips(shape: Shape) -> int:
    """How many strips frames of this shape take."""
    return len(strip_sizes(picture_shape(shape)))


def pack_video(levels: Levels, video_format: str, quality: int) -> Stream:
    """Encode levels as one video of tiles.

    Args:
        levels: of any size.
        video_format: a key of `VIDEO_FORMATS`.
        quality: 0 to 100.
    """
    frames = to_tiles(_as_pictures(levels)).permute(0, 2, 3, 1).contiguous().numpy()
    return _to_stream(encode_stream(frames, video_format, quality))


def unpack_video(stream: Stream, video_format: str, shape: Shape) -> Levels:
    """Levels of a known shape.

    Raises:
        FormatError: the stream is damaged, or not of this number and size of frames.
    """
    pictures = picture_shape(shape)
    _, channels, height, width = pictures
    rows, columns, length = tile_grid(pictures)
    own = (length, rows * height, columns * width, channels)
    video = torch.from_numpy(decode_stream(stream.numpy().tobytes(), video_format, own))
    return from_tiles(video.permute(0, 3, 1, 2).contiguous(), pictures).reshape(shape)


def picture_shape(shape: Shape) -> Shape:
    """Of RGB frames where there are three channels, else of each channel as a grey one."""
    count, channels, height, width = shape
    return shape if channels == 3 else (count * channels, 1, height, width)


def _as_pictures(levels: Levels) -> UInt8[Tensor, "p b h w"]:
    count, channels, height, width = levels.shape
    return levels.reshape(picture_shape((count, channels, height, width)))


def _to_stream(content: bytes) -> Stream:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)
