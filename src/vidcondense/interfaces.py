"""The vocabulary the parts share: axis letters, array types, and the protocols at the seams.

Axes: N videos, T frames, C channels (RGB), H height, W width, K classes, D features.
Videos are `[N, T, C, H, W]` everywhere; a network that wants another order permutes inside itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

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


@runtime_checkable
class Representation(Protocol):
    """Synthetic videos as parameters that can be rendered (`synthetic/`)."""

    @property
    def labels(self) -> Labels:
        """The label of every rendered video, `[N]`, on the CPU."""

    def parameters(self) -> Sequence[Tensor | dict[str, Any]]:
        """What is learned, as `torch.optim` takes it: tensors, or groups with options of their own."""

    def render(self, iteration: int) -> Videos:
        """All videos, `[N, T, C, H, W]` in network units, differentiable in the parameters."""

    def regulariser(self) -> Float[Tensor, ""] | None:
        """What is to be added to the loss, such as a rate, differentiable in the parameters; or None."""

    def state(self) -> dict[str, Tensor]:
        """The tensors from which the representation goes on exactly, parameters included."""

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take on what `state` gave."""


@dataclass(frozen=True)
class Match:
    """How far videos are from what they must match, and which way they should go.

    Args:
        losses: one value a target, float32.
        gradient: ∂ Σ losses / ∂ videos, `[N, T, C, H, W]`.
        clips: how many clips, real and synthetic, went through a network for it.
        own: the gradients of the matcher's own parameters.
    """

    losses: PerTarget
    gradient: Videos
    clips: int
    own: tuple[Tensor, ...] = ()


@runtime_checkable
class Shareable(Protocol):
    """A matcher whose losses separate by class, so that several processes can each work on some classes."""

    def share(self, videos: range) -> None:
        """Match only these videos, all that some classes have; `match` is given no others from now on.

        Random draws are those of all videos: the parts together give the losses and gradients of the whole.
        """


@runtime_checkable
class Matcher(Protocol):
    """What synthetic videos must match (`matching/`)."""

    def parameters(self) -> Sequence[Tensor | dict[str, Any]]:
        """What the matcher itself learns beside the videos, such as a step size; mostly nothing."""

    def match(self, videos: Videos, iteration: int) -> Match:
        """Compare rendered videos (cut off from the graph they were rendered in) with real clips."""

    def after_step(self, videos: Representation, iteration: int) -> None:
        """Do what is to be done once the videos were stepped, such as training the matcher's network."""

    def state(self) -> dict[str, Tensor]:
        """The tensors from which the matcher goes on exactly; empty where the iteration says it all."""

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take on what `state` gave."""


@runtime_checkable
class Uneven(Protocol):
    """A matcher of which some iterations take more than others."""

    def extra_clips(self, iteration: int) -> int:
        """How many clips go through a network for an iteration beside those that every iteration takes."""


@runtime_checkable
class Learns(Protocol):
    """A matcher that learns something which whoever trains on the finished set should know."""

    def learned(self) -> Mapping[str, float]:
        """What it learned so far, by name."""
