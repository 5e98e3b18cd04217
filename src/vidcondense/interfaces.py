"""The vocabulary the parts share: axis letters, array types, and the protocols at the seams.

Axes: N videos, T frames, C channels (RGB), H height, W width, K classes, D features.
Videos are `[N, T, C, H, W]` everywhere; a network that wants another order permutes inside itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

Videos = Float[Tensor, "n t c h w"]
"""Float videos, in *network units* (mean subtracted, divided by the deviation) unless said otherwise."""

Clips8 = UInt8[Tensor, "n t c h w"]
"""Real clips as cached: RGB, 0 to 255."""

Labels = Int[Tensor, " n"]
"""Class ids, 0 to K - 1 (int64)."""

Indices = Int[Tensor, " _"]
"""Which clips, by their number; of any length."""

KeyMask = Bool[Tensor, "n t"]
"""True where frame t of video n is a key frame."""

PerTarget = Float[Tensor, " g"]
"""One value for each target: a class, or a part of one."""


@runtime_checkable
class ClipSource(Protocol):
    """Clips a network can be trained or tested on: real (`ClipDataset`) or condensed (`CondensedDataset`)."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; a label is an index into them."""

    @property
    def labels(self) -> Labels:
        """One label a clip, on the CPU."""

    @property
    def mean(self) -> Float[Tensor, " c"]:
        """The recorded mean of each channel, in [0, 1]."""

    @property
    def std(self) -> Float[Tensor, " c"]:
        """The recorded standard deviation of each channel."""

    def batch(self, indices: Sequence[int] | Tensor) -> Videos:
        """The clips at `indices`, on the CPU, in network units (the recorded mean and std applied)."""

    def __len__(self) -> int:
        """How many clips there are."""


@runtime_checkable
class RealClips(ClipSource, Protocol):
    """Real clips to condense: `ClipDataset`, or anything else that offers this."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`(T, C, H, W)` of every clip."""

    @property
    def flip(self) -> bool:
        """Whether mirroring a clip keeps its label."""

    def indices_of(self, label: int) -> Labels:
        """Which clips have this label."""
