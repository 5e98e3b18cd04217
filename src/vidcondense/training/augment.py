"""Differentiable augmentation of videos: what is drawn for a clip holds for all of its frames.

Source: Zhao and Bilen, "Dataset Condensation with Differentiable Siamese Augmentation" (ICML 2021, arXiv
2102.08259): one kind of augmentation a batch, drawn from six, with the strengths of the published code. The
videos are in network units, so what comes in from outside the picture (0) has the mean colour.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vidcondense import rng
from vidcondense.interfaces import Labels, Videos
from vidcondense.training.units import Prepare

Numbers = Float[Tensor, "m 3"]
"""What is drawn, uniformly from [0, 1): three numbers a clip, or one row for all clips."""

_BRIGHTNESS, _SATURATION, _CONTRAST = 1.0, 2.0, 0.5
_CROP = 0.125  # of the side: how far a clip is shifted at most
_CUTOUT = 0.5  # of the side: the square that is cut out
_SCALE = 1.2
_ROTATE = 15.0  # degrees


def colour(videos: Videos, numbers: Numbers) -> Videos:
    """Brightness, saturation and contrast."""
    brightness, saturation, contrast = (_per_clip(column) for column in numbers.T)
    videos = videos + (brightness - 0.5) * _BRIGHTNESS
    grey = videos.mean(dim=2, keepdim=True)
    videos = (videos - grey) * saturation * _SATURATION + grey
    mean = videos.mean(dim=(1, 2, 3, 4), keepdim=True)
    return (videos - mean) * (contrast + _CONTRAST) + mean


def crop(videos: Videos, numbers: Numbers) -> Videos:
    """Shift by whole pixels, up and down, left and right."""
    height, width = videos.shape[3:]
    reach = (round(height * _CROP), round(width * _CROP))
    padded = F.pad(videos, (reach[1], reach[1], reach[0], reach[0]))
    shifted = []
    for video, row in zip(padded, numbers.expand(len(videos), 3).tolist(), strict=True):
        top, left = (math.floor(number * (2 * far + 1)) for number, far in zip(row, reach, strict=False))
        shifted.append(video[:, :, top : top + height, left : left + width])
    return torch.stack(shifted)


def cutout(videos: Videos, numbers: Numbers) -> Videos:
    """Set a square to 0; its centre lies anywhere, so a part of it may be outside."""
    inside = []
    for size, column in zip(videos.shape[3:], numbers.T, strict=False):
        side = round(size * _CUTOUT)
        start = torch.floor(column * (size + 1 - side % 2)) - side // 2
        position = torch.arange(size, device=videos.device)
        inside.append((position >= start[:, None]) & (position < start[:, None] + side))
    square = inside[0][:, :, None] & inside[1][:, None, :]
    return videos * ~square[:, None, None]


def flip(videos: Videos, numbers: Numbers) -> Videos:
    """Mirror left to right, half of the time; only where that keeps the label."""
    return torch.where(_per_clip(numbers[:, 0]) < 0.5, videos.flip(-1), videos)


def scale(videos: Videos, numbers: Numbers) -> Videos:
    """Shrink or enlarge by up to 1.2, height and width apart."""
    factors = 1 / _SCALE + numbers * (_SCALE - 1 / _SCALE)
    zero = torch.zeros_like(factors[:, 0])
    return _transform(videos, torch.stack([factors[:, 0], zero, zero, factors[:, 1]], dim=1))


def rotate(videos: Videos, numbers: Numbers) -> Videos:
    """Turn by up to 15 degrees either way."""
    angle = (numbers[:, 0] - 0.5) * 2 * math.radians(_ROTATE)
    return _transform(videos, torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1))


AUGMENTATIONS: Mapping[str, Callable[[Videos, Numbers], Videos]] = {
    "colour": colour,
    "crop": crop,
    "cutout": cutout,
    "flip": flip,
    "scale": scale,
    "rotate": rotate,
}
"""Every augmentation by its name."""


@dataclass(frozen=True)
class Augmentation:
    """One draw: a kind and its numbers. The same draw can be applied to several batches (Siamese).

    Args:
        kind: a key of `AUGMENTATIONS`.
        numbers: a row for each clip, or one for all.
    """

    kind: str
    numbers: Numbers

    def __call__(self, videos: Videos) -> Videos:
        """Augmented videos of the same shape, differentiable in `videos`."""
        return AUGMENTATIONS[self.kind](videos, self.numbers.to(videos.device))


def draw_augmentation(stream: torch.Generator, *, mirror: bool, clips: int = 1) -> Augmentation:
    """Draw a kind, and numbers for `clips` clips (1: the same for all).

    Args:
        stream: randomness.
        mirror: whether mirroring keeps the labels; without it `flip` is not among the kinds.
        clips: rows of numbers.
    """
    kinds = [kind for kind in AUGMENTATIONS if mirror or kind != "flip"]
    kind = kinds[int(torch.randint(len(kinds), (1,), generator=stream))]
    return Augmentation(kind, torch.rand(clips, 3, generator=stream))


@dataclass(frozen=True)
class SiameseAugmentation:
    """A draw for each target: the same for its real clips and its synthetic videos.

    Args:
        draws: of each target, with one row of numbers.
    """

    draws: tuple[Augmentation, ...]

    def __call__(self, videos: Videos, targets: Labels) -> Videos:
        """Each video augmented by the draw of its target, `[N]`; differentiable in `videos`."""
        numbers = torch.cat([draw.numbers for draw in self.draws])[targets]
        kinds = [self.draws[target].kind for target in targets.tolist()]
        parts, places = [], []
        with torch.autocast(videos.device.type, enabled=False):
            for kind in dict.fromkeys(kinds):
                own = torch.tensor([place for place, other in enumerate(kinds) if other == kind])
                parts.append(Augmentation(kind, numbers[own])(videos[own.to(videos.device)]))
                places.append(own)
        return torch.cat(parts)[torch.cat(places).argsort().to(videos.device)]


def siamese_draw(seed: int, number: int, target: int, *, mirror: bool) -> Augmentation:
    """What alters the real clips and the synthetic videos of a target alike, as DSA has it.

    Args:
        seed: of the draws.
        number: of the iteration, or of its network.
        target: its number among all.
        mirror: whether mirroring keeps the labels.
    """
    return draw_augmentation(rng.generator(seed, "augment", number, target), mirror=mirror)


def augmenting(seed: int, *, mirror: bool) -> Prepare:
    """For one training: each batch by a kind of its own, each clip by numbers of its own.

    Args:
        seed: of the draws; the batches are told apart by their order.
        mirror: whether mirroring keeps the labels.
    """
    steps = itertools.count()

    def augment(videos: Videos) -> Videos:
        stream = rng.generator(seed, "augment", next(steps))
        return draw_augmentation(stream, mirror=mirror, clips=len(videos))(videos)

    return augment


def _per_clip(values: Float[Tensor, " m"]) -> Float[Tensor, "m 1 1 1 1"]:
    return values[:, None, None, None, None]


def _transform(videos: Videos, matrix: Float[Tensor, "m 4"]) -> Videos:
    """Sample each frame where the clip's 2×2 matrix (row by row) sends its pixels, bilinearly, 0 outside."""
    clips, frames = videos.shape[:2]
    theta = F.pad(matrix.view(-1, 2, 2), (0, 1)).expand(clips, 2, 3).repeat_interleave(frames, dim=0)
    flat = videos.flatten(0, 1)
    grid = F.affine_grid(theta, list(flat.shape), align_corners=False)
    return F.grid_sample(flat, grid, align_corners=False).view_as(videos)
