from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from vidcondense.media.images import save_animation


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("image_format", ["webp", "gif"])
def test_animation(image_format):
    frames = np.zeros((5, 24, 32, 3), np.uint8)
    frames[:] = (50 * np.arange(5, dtype=np.uint8))[:, None, None, None]
    data = save_animation(frames, fps=4.0, image_format=image_format)
    assert data == save_animation(frames, fps=4.0, image_format=image_format)
    image = opened(data)
    assert (image.format, image.n_frames, image.info["loop"]) == (image_format.upper(), 5, 0)
    for number in range(5):
        image.seek(number)
        image.load()
        assert image.info["duration"] == 250
        assert np.abs(np.asarray(image.convert("RGB")).astype(int) - 50 * number).max() <= 3
