"""`ClipDataset`: real clips, memory-mapped, as a torch `Dataset`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import Dataset

from vidcondense.errors import DataError
from vidcondense.interfaces import Clips8, Labels, Videos

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ClipFile:
    """A raw file of uint8 clips `[rows, views, T, H, W, C]`."""

    path: Path
    shape: tuple[int, ...]

    def map(self) -> np.ndarray:
        """The clips as a memory map (copy-on-write: nothing can change the file).

        Raises:
            DataError: the file is not there any more, or was cut.
        """
        try:
            return np.memmap(self.path, dtype=np.uint8, mode="c", shape=self.shape)
        except (OSError, ValueError) as error:
            raise DataError(
                f"the cached clips {self.path} are gone ({error}); run the command again"
            ) from error


@dataclass(frozen=True, kw_only=True)
class ClipFacts:
    """What is known of each clip of a set, in order; and of the set."""

    classes: tuple[str, ...]
    labels: tuple[int, ...]
    groups: tuple[str, ...]
    """Source groups: videos of one group come from one recording."""
    paths: tuple[str, ...]
    """Relative to the dataset's root."""
    rows: tuple[int, ...]
    """Where each clip lies in the raw file."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    flip: bool


class ClipDataset(Dataset[tuple[Tensor, int]]):
    """Real clips: `dataset[i]` is `(clip float32 [T, C, H, W] in [0, 1], label)`.

    Fits a plain `DataLoader` with any number of workers, and is a `ClipSource` for training.

    Attributes:
        classes: class names; a label is an index into them.
        labels: int64 `[n]`, on the CPU.
        groups: the source group of each clip.
        paths: the file of each clip, relative to the dataset's root.
        mean: float32 `[3]`, the mean of the *training* clips' channels, in [0, 1].
        std: float32 `[3]`, their standard deviation (at least 1/255).
        flip: whether a mirrored clip keeps its label.
        num_views: clips cut from each video; `dataset[i]` is the middle one.
        normalise: whether items are normalised by `mean` and `std`.
    """

    def __init__(self, file: ClipFile, facts: ClipFacts, *, normalise: bool = False) -> None:
        self.file = file
        self.facts = facts
        self.normalise = normalise
        self.classes = facts.classes
        self.groups = facts.groups
        self.paths = facts.paths
        self.flip = facts.flip
        self.num_views = file.shape[1]
        self.labels: Labels = torch.tensor(facts.labels, dtype=torch.int64)
        self.mean: Float[Tensor, " c"] = torch.tensor(facts.mean, dtype=torch.float32)
        self.std: Float[Tensor, " c"] = torch.tensor(facts.std, dtype=torch.float32)
        self._rows = np.asarray(facts.rows, dtype=np.int64)
        self._clips: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`(T, C, H, W)` of every clip."""
        _, _, num_frames, height, width, channels = self.file.shape
        return num_frames, channels, height, width

    def __len__(self) -> int:
        return len(self.facts.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        label = int(self.labels[index])
        if self.normalise:
            return self.batch([index])[0], label
        return self.clips8([index])[0].float().div_(255), label

    def clips8(self, indices: Sequence[int] | Tensor, view: int | None = None) -> Clips8:
        """The clips at `indices` as uint8 RGB; their memory order is T, H, W, C.

        Args:
            indices: which clips (negative ones count from the end).
            view: which of the `num_views` clips of each video; default: the middle one.

        Raises:
            IndexError: there is no such clip or view.
        """
        if view is None:
            view = self.num_views // 2
        if not 0 <= view < self.num_views:
            raise IndexError(f"view {view} of {self.num_views}")
        rows = self._rows[np.asarray(indices, dtype=np.int64)]
        return torch.from_numpy(self._open()[rows, view]).permute(0, 1, 4, 2, 3)

    def batch(self, indices: Sequence[int] | Tensor, view: int | None = None) -> Videos:
        """The clips at `indices` as float32, normalised by `mean` and `std`; see `clips8`."""
        return normalised(self.clips8(indices, view), self.mean, self.std)

    def indices_of(self, label: int) -> Int[Tensor, " m"]:
        """Which clips have a label."""
        return (self.labels == label).nonzero().flatten()

    def frames(self) -> ClipDataset:
        """Every frame of every clip (the middle one of its video) as a clip of its own, in order."""
        rows, views, num_frames, *pixels = self.file.shape
        facts = self.facts
        firsts = [(row * views + views // 2) * num_frames for row in facts.rows]
        single = replace(
            facts,
            labels=_each(facts.labels, num_frames),
            groups=_each(facts.groups, num_frames),
            paths=_each(facts.paths, num_frames),
            rows=tuple(first + frame for first in firsts for frame in range(num_frames)),
        )
        file = replace(self.file, shape=(rows * views * num_frames, 1, 1, *pixels))
        return ClipDataset(file, single, normalise=self.normalise)

    def subset(self, indices: Sequence[int] | Tensor) -> ClipDataset:
        """The clips at `indices`, in that order, as a dataset of its own (`mean` and `std` stay)."""
        chosen = [int(index) for index in indices]
        facts = self.facts
        picked = replace(
            facts,
            labels=tuple(facts.labels[index] for index in chosen),
            groups=tuple(facts.groups[index] for index in chosen),
            paths=tuple(facts.paths[index] for index in chosen),
            rows=tuple(facts.rows[index] for index in chosen),
        )
        return ClipDataset(self.file, picked, normalise=self.normalise)

    def _open(self) -> np.ndarray:
        if self._clips is None:
            self._clips = self.file.map()
        return self._clips

    def __getstate__(self) -> dict[str, Any]:
        # A pickled memory map would carry all clips; another process maps the file itself.
        return {**self.__dict__, "_clips": None}


def _each(values: tuple[T, ...], count: int) -> tuple[T, ...]:
    """Every value `count` times, in order."""
    return tuple(value for value in values for _ in range(count))


def normalised(clips: Clips8, mean: Float[Tensor, " c"], std: Float[Tensor, " c"]) -> Videos:
    """Clips in network units: float32, from [0, 1], less `mean`, over `std`; all on one device."""
    return clips.float().div_(255).sub_(mean[:, None, None]).div_(std[:, None, None])
