"""Small sets to be taken apart and put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from vidcondense.storage.codecs import Coding
from vidcondense.storage.condensed import (
    CondensedDataset,
    Origin,
    load_condensed,
    save_condensed,
    save_labelled,
)
from vidcondense.synthetic.keyframes import KeyFrameVideos, Upsampling
from vidcondense.synthetic.static_dynamic import StaticDynamicVideos

MakeSet = Callable[..., CondensedDataset]


@pytest.fixture
def make_set(tmp_path: Path) -> MakeSet:
    """A set of 6 frames of 8×8, videos of several numbers of key frames, written at tmp_path / name."""

    def make(
        name: str,
        classes: tuple[str, ...] = ("a", "b", "c"),
        *,
        per_class: int = 3,
        seed: int = 0,
        codec: str = "float32",
        size: int = 8,
        upsampling: Upsampling = "bilinear",
        coding: Coding | None = None,
        kind: str = "key-frames",
        soft: str | None = None,
        views: int = 0,
        origin: Mapping[str, Any] | None = None,
    ) -> CondensedDataset:
        stream = torch.Generator().manual_seed(seed)
        labels = torch.arange(len(classes)).repeat_interleave(per_class)
        said: dict[str, Any] = {
            "method": "prism",
            "options": {"lr": 1.0},
            "seed": seed,
            "classes": classes,
            "mean": (0.25, 0.5, 0.75),
            "std": (0.5, 0.25, 0.125),
            "flip": True,
            "data": {"layout": "folder", "stride": 2, "classes": None, "train_split": "x", "train_clips": 9},
            "versions": {"vidcondense": "0", "torch": "1"},
            **(origin or {}),
        }
        folder = tmp_path / name
        if kind == "static-dynamic":
            static = torch.randn(2 * len(labels), 3, 8, 8, generator=stream)
            videos = StaticDynamicVideos(static, 6, labels, convolution_lr=0.1, seed=seed)
        else:
            mask = torch.rand(len(labels), 6, generator=stream) < 0.4
            mask[:, [0, -1]] = True
            frames = torch.randn(len(labels), 6, 3, size, size, generator=stream)
            videos = KeyFrameVideos(frames, mask, labels, size=(8, 8), upsampling=upsampling)
        save_condensed(folder, videos, codec, Origin(**said), coding)
        made = load_condensed(folder)
        if soft is None:
            return made
        rows = torch.rand(len(made) * max(1, views), len(classes), generator=stream).softmax(dim=1)
        labelling = {"kind": soft, "views": views, "seed": 0} if soft == "teacher" else {"kind": soft}
        save_labelled(tmp_path / f"{name}-soft", made, rows, labelling)
        return load_condensed(tmp_path / f"{name}-soft")

    return make
