"""One picture ⇄ bytes of a still-image format, as a condensed set keeps its frames."""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from vidcondense.errors import FormatError
from vidcondense.extras import import_extra, require_extra

MAX_SIDE = 16_383
"""Most pixels of a side in every format here; WebP has the fewest."""

_PACKAGE = "imagecodecs"

Picture = UInt8[np.ndarray, "h w c"]
"""RGB (c = 3) or grey (c = 1), 0 to 255."""


@dataclass(frozen=True)
class ImageFormat:
    """A still-image format.

    Args:
        name: Pillow's; of a format that Pillow does not have, its own.
        options: of its encoder.
        lossy: whether it has a quality.
        extra: what brings the package imagecodecs, which does what Pillow does not; None where Pillow does.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    lossy: bool = False
    extra: str | None = None


IMAGE_FORMATS: Mapping[str, ImageFormat] = {
    "png": ImageFormat("PNG", {"optimize": True}),
    # `exact` keeps colours where a pixel is transparent; none is, but the promise is to change nothing.
    "webp-lossless": ImageFormat("WEBP", {"lossless": True, "exact": True, "quality": 100, "method": 6}),
    "jpeg": ImageFormat("JPEG", {"optimize": True, "progressive": True}, lossy=True),
    "webp": ImageFormat("WEBP", {"method": 6}, lossy=True),
    # One thread, so that the bytes do not depend on the machine's cores.
    "avif": ImageFormat("AVIF", {"speed": 4, "max_threads": 1}, lossy=True),
    "jxl": ImageFormat("JPEG XL", {"effort": 9, "numthreads": 1}, lossy=True, extra="jxl"),
}
"""The formats by the name of the codec that stores frames in them."""


def check_format(image_format: str) -> None:
    """Raise `UsageError` unless what the format needs is installed."""
    extra = IMAGE_FORMATS[image_format].extra
    if extra is not None:
        require_extra(_PACKAGE, f"--codec {image_format}", extra=extra)


def encode_picture(picture: Picture, image_format: str, quality: int) -> bytes:
    """Encode one picture; colour is stored at half resolution by the lossy formats, but for JPEG XL.

    Args:
        picture: at most `MAX_SIDE` pixels high and wide.
        image_format: a key of `IMAGE_FORMATS`.
        quality: 0 (smallest) to 100; lossless formats have none.

    Raises:
        UsageError: the format needs a package that is not installed.
    """
    chosen = IMAGE_FORMATS[image_format]
    if chosen.extra is not None:
        check_format(image_format)
        data: bytes = import_extra(_PACKAGE).jpegxl_encode(
            np.ascontiguousarray(picture).reshape(_plain(picture.shape)), level=quality, **chosen.options
        )
        return data
    image = Image.fromarray(picture if picture.shape[2] == 3 else picture[:, :, 0])
    file = io.BytesIO()
    image.save(file, format=chosen.name, **chosen.options, **({"quality": quality} if chosen.lossy else {}))
    return file.getvalue()


@functools.cache
def jpeg_tables(quality: int) -> tuple[list[int], list[int]]:
    """The quantisation steps of brightness and of colour that the format `jpeg` uses, 64 each, row by row."""
    data = encode_picture(np.zeros((1, 1, 3), np.uint8), "jpeg", quality)
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        assert isinstance(image, JpegImageFile)
        return image.quantization[0], image.quantization[1]


def decode_picture(data: bytes, image_format: str, shape: tuple[int, int, int]) -> Picture:
    """Decode one picture whose size is known beforehand; no memory is taken for any other.

    Args:
        data: of the file.
        image_format: a key of `IMAGE_FORMATS`; content of any other format is refused.
        shape: height, width, and 3 (RGB) or 1 (grey).

    Raises:
        FormatError: it is no whole picture of that format and size.
        UsageError: the format needs a package that is not installed.
    """
    height, width, channels = shape
    if IMAGE_FORMATS[image_format].extra is not None:
        check_format(image_format)
        return _decode_jxl(data, shape)
    # The size is checked against what is expected, so Pillow's own limit is not needed.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data), formats=(IMAGE_FORMATS[image_format].name,)) as image:
                if image.size != (width, height):
                    found = f"{image.width}×{image.height}"
                    raise FormatError(f"a {image_format} picture has {found} pixels, not {width}×{height}")
                pixels = np.array(image.convert("RGB" if channels == 3 else "L"))
        # RuntimeError is what the decoder of AVIF raises.
        except (
            OSError,
            ValueError,
            SyntaxError,
            EOFError,
            RuntimeError,
            Image.DecompressionBombError,
        ) as error:
            raise FormatError(f"a {image_format} picture is damaged: {error}") from error
    return pixels.reshape(shape)


def _decode_jxl(data: bytes, shape: tuple[int, int, int]) -> Picture:
    imagecodecs = import_extra(_PACKAGE)
    pixels = np.empty(_plain(shape), np.uint8)
    try:
        imagecodecs.jpegxl_decode(data, out=pixels, numthreads=1)  # refuses any other size before it decodes
    except (ValueError, imagecodecs.JpegxlError) as error:
        raise FormatError(
            f"a jxl picture is damaged, or not {shape[1]}×{shape[0]} pixels: {error}"
        ) from error
    return pixels.reshape(shape)


def _plain(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without the channel of a grey picture."""
    return shape if shape[2] == 3 else shape[:2]
