"""JPEG as a function that gradients go through: colour at half resolution, DCT, quantisation, and back.

What is done is what libjpeg, and so Pillow, does (ITU-T T.81 and JFIF 1.02): YCbCr of BT.601 in full range,
the mean of 2×2 pixels for colour, the DCT of 8×8 blocks, steps by Pillow's own tables, and the triangle
filter when colour is made large again. What has no gradient, rounding, is replaced: a coefficient x becomes
round(x) + (x - round(x))³, as in Shin and Song, "JPEG-resistant adversarial images" (2017). The closer one is
to a whole number, the less gradient goes through it. With hard rounding the model differs from what Pillow
decodes by less than a quarter of what JPEG loses, or by less than two levels (root mean square).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vidcondense.media.coded import jpeg_tables

Picture = Float[Tensor, "3 y x"]
"""RGB, 0 to 255."""

Planes: TypeAlias = list[Float[Tensor, "_ _"]]
"""Y, and Cb and Cr at half resolution, around 0."""

Blocks: TypeAlias = list[Float[Tensor, "_ 8 8"]]
"""Of every plane, row by row."""

_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


@dataclass(frozen=True)
class Rounding:
    """How numbers become whole ones.

    Args:
        pixels: levels of planes and of pictures.
        coefficients: of the DCT, in steps of the table.
    """

    pixels: Callable[[Tensor], Tensor]
    coefficients: Callable[[Tensor], Tensor]


SOFT = Rounding(lambda pixels: pixels, lambda steps: steps.round() + (steps - steps.round()) ** 3)
HARD = Rounding(torch.round, torch.round)


def jpeg(picture: Picture, quality: int, rounding: Rounding = SOFT) -> Picture:
    """What a picture is after JPEG.

    Args:
        picture: RGB, 0 to 255, of any size.
        quality: 0 (smallest) to 100.
        rounding: `SOFT` has gradients, `HARD` is what a file would give.
    """
    blocks = quantised(picture, quality, rounding)
    planes = _from_blocks([rounding.coefficients(steps) for steps in blocks], picture, quality)
    bounded = [rounding.pixels(plane).clamp(-128, 127) for plane in planes]
    return rounding.pixels(_to_rgb(bounded, picture)).clamp(0, 255)


def bits(blocks: Blocks) -> Float[Tensor, ""]:
    """About how many bits quantised coefficients take: Σ log₂(1 + |x|), 0 for a coefficient that is 0."""
    return torch.stack([steps.abs().log1p().sum() for steps in blocks]).sum() / math.log(2)


def quantised(picture: Picture, quality: int, rounding: Rounding = SOFT) -> Blocks:
    """The coefficients of every plane in steps of the quantisation table, not rounded yet."""
    planes = _to_planes(picture, rounding)
    basis = _basis(picture)
    return [
        basis @ _cut(plane) @ basis.T / table
        for plane, table in zip(planes, _tables(quality, picture), strict=True)
    ]


def _tables(quality: int, like: Tensor) -> list[Float[Tensor, "8 8"]]:
    luma, colour = (like.new_tensor(table).view(8, 8) for table in jpeg_tables(quality))
    return [luma, colour, colour]


def _to_planes(picture: Picture, rounding: Rounding) -> Planes:
    luma, *colours = rounding.pixels(torch.einsum("pc,cyx->pyx", picture.new_tensor(_TO_YCC), picture))
    height, width = luma.shape
    # To the right, libjpeg fills the last block of colours with the last pixel, not with the last mean.
    full = F.pad(torch.stack(colours)[None], (0, -width % 16, 0, height % 2), mode="replicate")
    return [luma - 128, *rounding.pixels(F.avg_pool2d(full, 2)[0])]


def _to_rgb(planes: Planes, like: Picture) -> Picture:
    luma, *colours = planes
    height, width = luma.shape
    large = F.interpolate(torch.stack(colours)[None], scale_factor=2, mode="bilinear", align_corners=False)
    ycc = torch.cat([luma[None] + 128, large[0, :, :height, :width]])
    return torch.einsum("cp,pyx->cyx", like.new_tensor(_TO_RGB), ycc)


def _from_blocks(blocks: Blocks, picture: Picture, quality: int) -> Planes:
    height, width = picture.shape[1:]
    half = ((height + 1) // 2, (width + 1) // 2)
    basis = _basis(picture)
    return [
        _join(basis.T @ (steps * table) @ basis, size)
        for steps, table, size in zip(
            blocks, _tables(quality, picture), ((height, width), half, half), strict=True
        )
    ]


def _cut(plane: Float[Tensor, "y x"]) -> Float[Tensor, "b 8 8"]:
    """A plane in blocks, its last row and column repeated where they are not full."""
    height, width = plane.shape
    full = F.pad(plane[None, None], (0, -width % 8, 0, -height % 8), mode="replicate")
    return full.view(-(-height // 8), 8, -1, 8).transpose(1, 2).reshape(-1, 8, 8)


def _join(blocks: Float[Tensor, "b 8 8"], size: tuple[int, int]) -> Float[Tensor, "y x"]:
    height, width = size
    rows = -(-height // 8)
    return blocks.view(rows, -1, 8, 8).transpose(1, 2).reshape(8 * rows, -1)[:height, :width]


def _basis(like: Tensor) -> Float[Tensor, "8 8"]:
    """The orthonormal DCT of 8 numbers, a frequency a row."""
    frequency, place = torch.arange(8, device=like.device)[:, None], torch.arange(8, device=like.device)
    waves = torch.cos(math.pi * frequency * (2 * place + 1) / 16) / 2
    waves[0] /= math.sqrt(2)
    return waves.to(like.dtype)
