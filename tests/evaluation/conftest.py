from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from vidcondense.compute import Compute
from vidcondense.models import MODELS, Architecture, VideoNetwork

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


class HeldOut:
    """Test clips in memory: pixels in [0, 1], `[V, N, T, C, H, W]` for V clips of each video."""

    def __init__(self, pixels: Tensor, labels: Tensor, num_classes: int, *, flip: bool = False) -> None:
        self.pixels = pixels
        self.labels = labels
        self.classes = tuple(f"class {label}" for label in range(num_classes))
        self.groups = tuple(f"film {index // 2}" for index in range(len(labels)))
        self.mean, self.std = torch.tensor(MEAN), torch.tensor(STD)
        self.num_views = len(pixels)
        self.flip = flip
        self.shape = tuple(pixels.shape[2:])

    def indices_of(self, label: int) -> Tensor:
        return (self.labels == label).nonzero().flatten()

    def batch(self, indices: Sequence[int] | Tensor, view: int | None = None) -> Tensor:
        view = self.num_views // 2 if view is None else view
        clips = self.pixels[view][torch.as_tensor(indices)]
        return (clips - self.mean[:, None, None]) / self.std[:, None, None]

    def __len__(self) -> int:
        return len(self.labels)


class Tiny(VideoNetwork):
    """A linear network, small enough to train in no time."""

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(num_features, num_classes)

    def embed(self, videos: Tensor) -> Tensor:
        return videos.flatten(1)

    def forward(self, videos: Tensor) -> Tensor:
        return self.linear(self.embed(videos))


@pytest.fixture
def cpu() -> Compute:
    return Compute(torch.device("cpu"), "float32")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the linear network, in the table for the time of a test."""

    def build(num_classes: int, num_frames: int, size: int) -> Tiny:
        return Tiny(num_frames * 3 * size * size, num_classes)

    monkeypatch.setitem(MODELS, "tiny", Architecture(summary="", build=build, min_frames=2, min_size=4))
    return "tiny"


@pytest.fixture
def make_clips() -> Callable[..., HeldOut]:
    """Clips whose class is the brightest colour, under noise; each view has noise of its own."""

    def make(
        num: int = 12,
        num_views: int = 1,
        seed: int = 0,
        shape: tuple[int, ...] = (2, 3, 4, 4),
        noise: float = 0.1,
        flip: bool = False,
    ) -> HeldOut:
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(num) % 3
        pixels = 0.5 + noise * torch.randn(num_views, num, *shape, generator=generator)
        pixels[:, torch.arange(num), :, labels] += 0.2
        return HeldOut(pixels.clamp(0, 1), labels, 3, flip=flip)

    return make
