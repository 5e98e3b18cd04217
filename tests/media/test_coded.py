from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from marks import installed
from vidcondense.errors import FormatError
from vidcondense.media.coded import IMAGE_FORMATS, decode_picture, encode_picture


def waves(height=40, width=24, channels=3):
    y, x, c = np.mgrid[:height, :width, :channels]
    return np.rint(127 + 100 * np.sin(x / 9 + y / 7 + c / 3)).astype(np.uint8)


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", installed(IMAGE_FORMATS))
def test_round_trip(name, channels):
    picture = waves(channels=channels)
    decoded = decode_picture(encode_picture(picture, name, 90), name, picture.shape)
    if IMAGE_FORMATS[name].lossy:
        assert 30 < psnr(decoded, picture) < 70
    else:
        np.testing.assert_array_equal(decoded, picture)


@pytest.mark.parametrize("name", installed(IMAGE_FORMATS))
def test_the_smallest_picture(name):
    picture = np.full((1, 1, 3), 130, np.uint8)
    decoded = decode_picture(encode_picture(picture, name, 90), name, (1, 1, 3))
    assert np.abs(decoded.astype(int) - 130).max() <= 3


@pytest.mark.parametrize("name", installed(IMAGE_FORMATS))
@pytest.mark.parametrize("shape", [(39, 24, 3), (24, 40, 3), (40, 25, 3)])
def test_another_size_fails_before_decoding(name, shape):
    with pytest.raises(FormatError, match="pixels"):
        decode_picture(encode_picture(waves(), name, 90), name, shape)


@pytest.mark.parametrize("name", installed(IMAGE_FORMATS))
def test_cut_pictures_fail(name):
    data = encode_picture(waves(), name, 90)
    for length in range(0, 2 * len(data) // 3, 17):
        with pytest.raises(FormatError, match="damaged"):
            decode_picture(data[:length], name, (40, 24, 3))


@pytest.mark.parametrize("name", installed(IMAGE_FORMATS))
def test_content_of_another_format_fails(name):
    file = io.BytesIO()
    Image.fromarray(waves()).save(file, "BMP")
    with pytest.raises(FormatError, match="damaged"):
        decode_picture(file.getvalue(), name, (40, 24, 3))
