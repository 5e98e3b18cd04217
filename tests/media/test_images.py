from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from vidcondense.media.images import save_animation, save_strip
from vidcondense.media.viewable import viewable


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


def test_viewable_clamps_and_rounds():
    videos = torch.tensor([-0.5, 0.0, 0.5, 1.0, 1.5, 0.1]).reshape(1, 2, 3, 1, 1)
    expected = np.array([0, 0, 128, 255, 255, 26], dtype=np.uint8).reshape(1, 2, 1, 1, 3)
    assert np.array_equal(viewable(videos), expected)


def test_viewable_puts_channels_last():
    videos = (torch.arange(2 * 3 * 3 * 4 * 5) % 256).reshape(2, 3, 3, 4, 5) / 255
    expected = np.moveaxis((videos * 255).round().numpy().astype(np.uint8), 2, -1)
    assert np.array_equal(viewable(videos), expected)


@pytest.mark.parametrize(("side", "expected"), [(40, 32), (16, 16)])
def test_strip_shows_all_frames_in_a_row_shrunk_where_too_large(side, expected):
    frames = np.zeros((5, 32, 32, 3), np.uint8)
    frames[:] = (50 * np.arange(5, dtype=np.uint8))[:, None, None, None]
    strip = np.asarray(opened(save_strip(frames, side)).convert("RGB")).astype(int)
    assert strip.shape == (expected, 5 * expected, 3)
    for number in range(5):
        middle = strip[:, number * expected + 3 : (number + 1) * expected - 3]
        assert np.abs(middle - 50 * number).max() <= 4
