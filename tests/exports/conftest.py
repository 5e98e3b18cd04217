"""Condensed sets of a few small videos, to be exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from vidcondense.storage.condensed import CondensedDataset, Origin, load_condensed, save_condensed
from vidcondense.synthetic.keyframes import KeyFrameVideos

HOSTILE = (
    "../../etc",
    "a,b;\"c\"\n=cmd()|'x'",
    "<script>alert(1)</script>",
    "Wave",
    "wave",
    "naïve 動き 😀 \udc80 $x_y*",
    "",
    "--- # {}: [y]\t\x00",
)

Make = Callable[..., CondensedDataset]


@pytest.fixture
def hostile() -> tuple[str, ...]:
    """Class names that are no names of folders, or markup."""
    return HOSTILE


@pytest.fixture
def make_set(tmp_path: Path) -> Make:
    """A set of smooth moving colours, 44×44, 5 frames, two videos a class; `noise` reaches beyond 0 to 1."""

    def make(
        classes: tuple[str, ...] = ("jump", "wave"), *, noise: bool = False, per_class: int = 2
    ) -> CondensedDataset:
        labels = torch.arange(len(classes)).repeat_interleave(per_class)
        frames = _noise(len(labels)) if noise else _waves(len(labels))
        mask = torch.tensor([[1, 0, 0, 0, 1], [1, 0, 1, 0, 1]]).bool()[torch.arange(len(labels)) % 2]
        origin = Origin(
            method="prism",
            options={"lr": 10.0},
            seed=3,
            classes=classes,
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            flip=False,
            data={"layout": "folder"},
            versions={"vidcondense": "0"},
        )
        save_condensed(tmp_path / "set", KeyFrameVideos(frames, mask, labels), "float32", origin)
        return load_condensed(tmp_path / "set")

    return make


def _noise(count: int) -> torch.Tensor:
    return torch.randn(count, 5, 3, 44, 44, generator=torch.Generator().manual_seed(0))


def _waves(count: int) -> torch.Tensor:
    n, t, c, y, x = torch.meshgrid(*map(torch.arange, (count, 5, 3, 44, 44)), indexing="ij")
    return 0.5 + 0.4 * torch.sin(x / (9 + c) + t / 2 + n) * torch.cos(y / 8 - t / 3 + c)
