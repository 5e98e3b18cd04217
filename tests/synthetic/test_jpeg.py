from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.fft import dctn

from vidcondense.media.coded import decode_picture, encode_picture, jpeg_tables
from vidcondense.synthetic.jpeg import HARD, SOFT, bits, jpeg, quantised

# ITU-T T.81, tables K.1 and K.2: what quality 50 is.
LUMA = (
    "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62 "
    "18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 "
    "99"
)
COLOUR = "17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66 99 99 99 99 99 99"


def picture(height=40, width=48, noise=0.0):
    y, x = np.mgrid[:height, :width]
    waves = [
        127 + 100 * np.sin(x / 5 + y / 9),
        127 + 100 * np.cos(y / 6 - x / 13),
        127 + 90 * np.sin((x + y) / 7),
    ]
    noisy = np.stack(waves, axis=-1) + noise * np.random.default_rng(0).standard_normal((height, width, 3))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def as_tensor(pixels):
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy()).float()


def by_pillow(pixels, quality):
    decoded = decode_picture(encode_picture(pixels, "jpeg", quality), "jpeg", pixels.shape)
    return as_tensor(decoded)


def rms(difference):
    return float(difference.double().square().mean().sqrt())


@pytest.mark.parametrize("quality", [0, 10, 30, 50, 75, 90, 100])
@pytest.mark.parametrize("noise", [0.0, 40.0])
@pytest.mark.parametrize("size", [(64, 64), (33, 47), (16, 16), (8, 32), (200, 40)])
def test_with_hard_rounding_it_is_what_pillow_decodes(size, noise, quality):
    pixels = picture(*size, noise)
    expected = by_pillow(pixels, quality)
    found = jpeg(as_tensor(pixels), quality, HARD)
    assert found.equal(found.round())
    # What lies between two numbers is rounded up by one and down by the other: few coefficients differ.
    assert float((found - expected).abs().mean()) < 2.5
    lost = rms(as_tensor(pixels) - expected)
    assert rms(found - expected) < max(2, lost / 4)


@pytest.mark.parametrize("quality", [10, 50, 75, 95])
def test_soft_rounding_stays_near_what_pillow_decodes(quality):
    pixels = picture()
    expected = by_pillow(pixels, quality)
    lost = rms(as_tensor(pixels) - expected)
    assert 0 < rms(jpeg(as_tensor(pixels), quality) - expected) < 0.6 * lost


@pytest.mark.parametrize("quality", [1, 25, 50, 60, 75, 99, 100])
def test_tables_are_those_of_the_standard_scaled(quality):
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    for found, standard in zip(jpeg_tables(quality), (LUMA, COLOUR + 32 * " 99"), strict=True):
        expected = [min(max((int(step) * scale + 50) // 100, 1), 255) for step in standard.split()]
        assert list(found) == expected


def test_coefficients_are_scipys():
    grey = np.repeat(picture()[:, :, :1], 3, axis=2)
    luma, blue, red = quantised(as_tensor(grey), 50)
    table = np.array([int(step) for step in LUMA.split()]).reshape(8, 8)
    block = grey[8:16, 16:24, 0].astype(float) - 128
    np.testing.assert_allclose(luma[6 + 2], dctn(block, norm="ortho") / table, atol=1e-4)
    assert len(luma) == 30
    assert len(blue) == len(red) == 9
    assert float(blue.abs().max()) < 1e-3


def test_bits_count_what_is_not_zero():
    blocks = [torch.zeros(2, 8, 8), torch.zeros(1, 8, 8), torch.zeros(1, 8, 8)]
    assert float(bits(blocks)) == 0
    blocks[0][0, 0, 0], blocks[2][0, 1, 1] = -3.0, 1.0
    assert float(bits(blocks)) == pytest.approx(3)


def test_bits_follow_the_size_of_the_file():
    counts, sizes = [], []
    for quality in (10, 40, 75, 95):
        for noise in (0.0, 10.0, 40.0):
            pixels = picture(noise=noise)
            counts.append(float(bits(quantised(as_tensor(pixels), quality))))
            sizes.append(len(encode_picture(pixels, "jpeg", quality)))
    assert np.corrcoef(counts, sizes)[0, 1] > 0.95


def test_gradient_is_that_of_finite_differences():
    stream = torch.Generator().manual_seed(0)
    pixels = 60 + 130 * torch.rand(3, 11, 17, generator=stream, dtype=torch.float64)
    weights = torch.randn(pixels.shape, generator=stream, dtype=torch.float64)
    for function in (
        lambda picture: (jpeg(picture, 30, SOFT) * weights).sum(),
        lambda picture: bits(quantised(picture, 30)),
    ):
        (gradient,) = torch.autograd.grad(function(pixels.requires_grad_()), pixels)
        for _ in range(10):
            step = 1e-6 * torch.randn(pixels.shape, generator=stream, dtype=torch.float64)
            slope = (function(pixels + step) - function(pixels - step)) / 2
            torch.testing.assert_close((gradient * step).sum(), slope, rtol=1e-4, atol=1e-9)
