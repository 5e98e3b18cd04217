"""Clips seen otherwise: some of them, or with their frames in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from vidcondense import rng
from vidcondense.interfaces import ClipSource, Indices, Labels, Videos

FrameOrder = Literal["ordered", "shuffled", "reversed"]


class Chosen:
    """Some clips of a source, as a source.

    Args:
        clips: the source.
        indices: which.
    """

    def __init__(self, clips: ClipSource, indices: Indices) -> None:
        self._clips = clips
        self._indices = indices
        self.classes = clips.classes
        self.mean, self.std = clips.mean, clips.std

    @property
    def labels(self) -> Labels:
        """The label of each chosen clip."""
        return self._clips.labels[self._indices]

    def batch(self, indices: Sequence[int] | Tensor) -> Videos:
        """The clips at `indices` of the chosen ones, in network units."""
        return self._clips.batch(self._indices[torch.as_tensor(indices)])

    def __len__(self) -> int:
        return len(self._indices)


class Reordered:
    """Clips with their frames in another order, as a source.

    Args:
        clips: the source.
        order: as they are, at random (a fixed order for each clip), or backwards.
        seed: of the random orders.
    """

    def __init__(self, clips: ClipSource, order: FrameOrder, *, seed: int) -> None:
        self._clips = clips
        self._order = order
        self._seed = seed
        self.classes = clips.classes
        self.labels = clips.labels
        self.mean, self.std = clips.mean, clips.std

    def batch(self, indices: Sequence[int] | Tensor) -> Videos:
        """The clips at `indices`, in network units."""
        videos = self._clips.batch(indices)
        if self._order == "reversed":
            return videos.flip(1)
        if self._order == "shuffled":
            chosen = torch.as_tensor(indices).tolist()
            return torch.stack(
                [
                    video[self._permutation(index, len(video))]
                    for index, video in zip(chosen, videos, strict=True)
                ]
            )
        return videos

    def _permutation(self, index: int, num_frames: int) -> Tensor:
        return torch.randperm(num_frames, generator=rng.generator(self._seed, "frames", index))

    def __len__(self) -> int:
        return len(self._clips)
