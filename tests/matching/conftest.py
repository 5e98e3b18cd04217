"""A network that takes next to no time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from vidcondense import rng
from vidcondense.matching import online
from vidcondense.models import VideoNetwork


class Small(VideoNetwork):
    """Two layers on what clips look like from afar; the dropout is on in training only."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.AdaptiveAvgPool3d((2, 4, 4)), nn.Flatten(), nn.Linear(96, 24), nn.Softplus(), nn.Dropout(0.2)
        )
        self.classifier = nn.Linear(24, num_classes)

    def embed(self, videos: torch.Tensor) -> torch.Tensor:
        return self.features(videos.transpose(1, 2))

    def forward(self, videos: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.embed(videos))


@pytest.fixture
def small_networks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Networks of a pool are small; the list grows by the number of each that is built."""
    built: list[int] = []

    def build(
        model: str, shape: tuple, num_classes: int, *, seed: int, number: int, compute: object
    ) -> VideoNetwork:
        built.append(number)
        with rng.isolated(rng.derive_seed(seed, "network", number), torch.device("cpu")):
            return Small(num_classes).eval()

    monkeypatch.setattr(online, "random_network", build)
    return built


@pytest.fixture
def double_networks(small_networks: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, in double precision."""
    single: Callable[..., VideoNetwork] = online.random_network
    monkeypatch.setattr(online, "random_network", lambda *given, **named: single(*given, **named).double())
