"""Small datasets made by known construction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from vidcondense.media.encode import encode_lossless
from vidcondense.video.listing import Tree
from vidcondense.video.names import without_ending


def make_tree(*clips: str, **options: object) -> Tree:
    """A tree in memory: videos, and folders of images (paths without a video's ending).

    Args:
        clips: their paths.
        options: `texts`, a mapping of path to text; `root`.
    """
    texts = options.get("texts", {})
    return Tree(
        videos=tuple(sorted(path for path in clips if without_ending(path) != path)),
        frames=tuple(sorted(path for path in clips if without_ending(path) == path)),
        texts=tuple(sorted(texts)),
        read=texts.__getitem__,
        root=options.get("root", ""),
    )


@pytest.fixture(name="make_tree")
def make_tree_fixture() -> Callable[..., Tree]:
    return make_tree


def make_video(path: Path, value: int = 0, num_frames: int = 6, size: int = 16) -> Path:
    """A lossless video: frame t is uniformly grey with `value + t`, red is 50 more."""
    frames = np.full((num_frames, size, size, 3), value, np.uint8)
    frames += np.arange(num_frames, dtype=np.uint8)[:, None, None, None]
    frames[..., 0] += 50
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_lossless(frames, container="mp4"))
    return path


@pytest.fixture(name="make_video")
def make_video_fixture() -> Callable[..., Path]:
    return make_video


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes `{split}/{class}/{n}.mp4`; returns the root. Every video has a value of its own."""

    def make(
        counts: Mapping[str, int] | None = None, name: str = "data", num_frames: int = 6, size: int = 16
    ) -> Path:
        root = tmp_path / name
        value = 0
        for folder, count in (counts or {"train/a": 3, "train/b": 3, "test/a": 2, "test/b": 2}).items():
            for number in range(count):
                make_video(root / folder / f"{number}.mp4", value, num_frames, size)
                value += 10
        return root

    return make
