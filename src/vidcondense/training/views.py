"""Augmented views of clips: every clip several times, each time under a fixed augmentation of its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from vidcondense import rng
from vidcondense.interfaces import ClipSource, Labels, Videos
from vidcondense.training.augment import Augmentation, draw_augmentation


class AugmentedViews:
    """Clips to train on or to predict: clip n · V + v is view v of clip n.

    What a view looks like follows from (seed, n, v) alone, so a label that was made for it fits it for ever.

    Args:
        clips: what is augmented, in network units.
        num_views: V, of each clip.
        seed: of the augmentations.
        mirror: whether mirroring keeps the labels.
    """

    augmented = True
    """They are trained on as they are."""

    def __init__(self, clips: ClipSource, num_views: int, *, seed: int, mirror: bool) -> None:
        self._clips = clips
        self._count = num_views
        self._seed = seed
        self._mirror = mirror

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; a label is an index into them."""
        return self._clips.classes

    @property
    def labels(self) -> Labels:
        """The label of every view: that of its clip."""
        return self._clips.labels.repeat_interleave(self._count)

    @property
    def mean(self) -> Float[Tensor, " c"]:
        """The recorded mean of each channel."""
        return self._clips.mean

    @property
    def std(self) -> Float[Tensor, " c"]:
        """The recorded standard deviation of each channel."""
        return self._clips.std

    def batch(self, indices: Sequence[int] | Tensor) -> Videos:
        """The views at `indices`, in network units."""
        numbers = torch.as_tensor(indices)
        videos = self._clips.batch(numbers // self._count)
        return torch.cat(
            [
                self.augmentation(number)(video[None])
                for number, video in zip(numbers.tolist(), videos, strict=True)
            ]
        )

    def augmentation(self, number: int) -> Augmentation:
        """What is done to the clip of view `number`."""
        stream = rng.generator(self._seed, "view", *divmod(number, self._count))
        return draw_augmentation(stream, mirror=self._mirror)

    def __len__(self) -> int:
        return self._count * len(self._clips)
