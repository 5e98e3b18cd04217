from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from vidcondense.compute import Compute

SHAPE = (2, 3, 4, 4)


class MemoryClips:
    """Clips in memory, `[V, N, T, C, H, W]` for V views of each video; counts what is asked of it."""

    def __init__(self, views: Tensor, labels: Tensor, num_classes: int) -> None:
        self.views = views
        self.labels = labels
        self.classes = tuple(f"class {label}" for label in range(num_classes))
        self.mean = torch.full((3,), 0.5)
        self.std = torch.full((3,), 0.25)
        self.num_views = len(views)
        self.asked = 0

    def batch(self, indices: Sequence[int] | Tensor, view: int = 0) -> Tensor:
        chosen = torch.as_tensor(indices)
        self.asked += len(chosen)
        return self.views[view][chosen]

    def __len__(self) -> int:
        return self.views.shape[1]


class Linear(nn.Module):
    """A linear classifier, optionally after dropout."""

    def __init__(self, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(2 * 3 * 4 * 4, num_classes)

    def forward(self, videos: Tensor) -> Tensor:
        return self.linear(self.dropout(videos.flatten(1)))


@pytest.fixture
def cpu() -> Compute:
    return Compute(torch.device("cpu"), "float32")


@pytest.fixture
def make_clips() -> Callable[..., MemoryClips]:
    """Clips of a few classes; the class is the sign pattern of the first pixels, under noise."""

    def make(num: int = 12, num_classes: int = 3, num_views: int = 1, seed: int = 0) -> MemoryClips:
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(num) % num_classes
        views = 0.1 * torch.randn(num_views, num, *SHAPE, generator=generator)
        views[:, torch.arange(num), 0, 0, 0, labels] += 1
        return MemoryClips(views, labels, num_classes)

    return make


@pytest.fixture
def make_network() -> Callable[..., Linear]:
    def make(num_classes: int = 3, seed: int = 0, dropout: float = 0.0) -> Linear:
        torch.manual_seed(seed)
        return Linear(num_classes, dropout)

    return make
