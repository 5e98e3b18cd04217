"""Levels over a range: how pixels become small whole numbers, and back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

Frames = Float[Tensor, "m c h w"]
"""Stored frames in pixel units: RGB, 0 to 1 for real clips, beyond it where noise was learned from."""

Owner = Int[Tensor, " m"]
"""The range each stored frame belongs to: one of its video, or one for all."""

Bounds = Float[Tensor, " r"]


def range_owner(owner: Owner, value_range: str) -> Owner:
    """The range of each frame: that of its video, or the only one."""
    return owner if value_range == "video" else torch.zeros_like(owner)


@dataclass(frozen=True)
class Ranges:
    """Ranges of levels.

    Args:
        low: what level 0 stands for, for each range.
        high: what the highest level stands for.
        owner: the range each frame belongs to.
        top: the highest level.
    """

    low: Bounds
    high: Bounds
    owner: Owner
    top: int

    def to_levels(self, frames: Frames) -> Frames:
        """Frames in levels, not rounded yet."""
        return (frames - self._start) / self._width * self.top

    def from_levels(self, levels: Frames) -> Frames:
        """The way back."""
        return levels / self.top * self._width + self._start

    @property
    def _start(self) -> Float[Tensor, "m 1 1 1"]:
        return self.low[self.owner][:, None, None, None]

    @property
    def _width(self) -> Float[Tensor, "m 1 1 1"]:
        return (self.high - self.low)[self.owner][:, None, None, None]


def ranges_of(frames: Frames, owner: Owner, top: int) -> Ranges:
    """The ranges that frames need; each holds 0 to 1, so that real clips stay exact in 256 levels."""
    count = int(owner.max()) + 1
    low, high = frames.new_zeros(count), frames.new_ones(count)
    low.scatter_reduce_(0, owner, frames.detach().flatten(1).amin(1), "amin")
    high.scatter_reduce_(0, owner, frames.detach().flatten(1).amax(1), "amax")
    return Ranges(low, high, owner, top)
