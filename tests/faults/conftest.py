"""A small dataset, and a condensed set."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bad_videos import good
from commands import CLIP, run


@pytest.fixture(scope="session")
def small_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes with two videos to train on and one to test on each, 8 frames of 44×44."""
    root = tmp_path_factory.mktemp("faults") / "data"
    for split, count in (("train", 2), ("test", 1)):
        for name in ("a", "b"):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                sides = (44, 44 + 2 * len(list(root.rglob("*.mp4"))))  # no two files are the same
                (root / split / name / f"{number}.mp4").write_bytes(good(8, sides))
    return root


@pytest.fixture
def root(small_root: Path, tmp_path: Path) -> Path:
    """A copy of it, to spoil."""
    return Path(shutil.copytree(small_root, tmp_path / "data"))


@pytest.fixture(scope="session")
def small_set(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A condensed set of real clips from it, as uint8."""
    out = tmp_path_factory.mktemp("faults-set") / "set"
    cache = tmp_path_factory.mktemp("faults-cache")
    made = run("condense", small_root, "--out", out, "--method", "random", *CLIP, "--cache-dir", cache)
    assert made.code == 0, made.err
    return out
