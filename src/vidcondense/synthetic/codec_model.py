"""What a codec makes of key frames, inside the graph: so that they are learned as they will be stored."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vidcondense.synthetic import jpeg
from vidcondense.synthetic.levels import Frames, Owner, Ranges, range_owner, ranges_of
from vidcondense.synthetic.mosaics import from_strips, to_strips


@dataclass(frozen=True, kw_only=True)
class CodecModel:
    """Levels over a range, rounded, or put through JPEG.

    Rounding to a level has no gradient, so the rounded value is given the gradient of the value before it
    (straight-through; Bengio, Léonard and Courville, arXiv 1308.3432). JPEG has a model of its own.

    Args:
        mean: of the real training clips, by which network units become pixels.
        std: likewise.
        top: the highest level.
        value_range: `video` or `set`: what shares one range.
        quality: of JPEG; None for levels as they are.
        rate_weight: of the bits of JPEG, to be added to the loss.
    """

    mean: Float[Tensor, "c 1 1"]
    std: Float[Tensor, "c 1 1"]
    top: int
    value_range: str
    quality: int | None = None
    rate_weight: float = 0.0

    def __call__(self, frames: Frames, owner: Owner) -> Frames:
        """Frames as they would be read back; in network units, as they come.

        Args:
            frames: `[M, C, h, w]`.
            owner: the video of each.
        """
        levels, ranges = self._levels(frames, owner)
        if self.quality is None:
            coded = levels + (levels.round().clamp(0, self.top) - levels).detach()
        else:
            count, channels, height, width = frames.shape
            strips = [jpeg.jpeg(strip, self.quality) for strip in to_strips(levels)]
            coded = torch.cat(from_strips(strips, (count, channels, height, width)))
        return (ranges.from_levels(coded) - self.mean) / self.std

    def rate(self, frames: Frames, owner: Owner) -> Float[Tensor, ""]:
        """About how many bits frames take as JPEG, times the weight."""
        assert self.quality is not None, "only JPEG has a rate"
        strips = to_strips(self._levels(frames, owner)[0])
        bits = [jpeg.bits(jpeg.quantised(strip, self.quality)) for strip in strips]
        return self.rate_weight * torch.stack(bits).sum()

    def _levels(self, frames: Frames, owner: Owner) -> tuple[Frames, Ranges]:
        pixels = frames * self.std + self.mean
        ranges = ranges_of(pixels, range_owner(owner, self.value_range), self.top)
        return ranges.to_levels(pixels), ranges
