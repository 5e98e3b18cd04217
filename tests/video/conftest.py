"""Small datasets made by known construction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from vidcondense.errors import DataError
from vidcondense.media.encode import encode_lossless
from vidcondense.video.listing import Listing, SplitRule, Tree
from vidcondense.video.names import without_ending
from vidcondense.video.tables import parse_csv, write_csv


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


def check_round_trip(listing: Listing) -> None:
    """What a parser accepted is the same after writing it as a list and reading that."""
    if any(name != name.strip() for name in listing.classes):
        with pytest.raises(DataError, match="begins or ends with a blank"):
            write_csv(listing)
        return
    tree = make_tree(*(record.path for record in listing.records), texts={"list.csv": write_csv(listing)})
    again = parse_csv(tree, SplitRule())
    assert (again.classes, again.records) == (listing.classes, listing.records)


@pytest.fixture(name="check_round_trip", scope="session")
def check_round_trip_fixture() -> Callable[[Listing], None]:
    return check_round_trip


@pytest.fixture(name="make_tree", scope="session")
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
