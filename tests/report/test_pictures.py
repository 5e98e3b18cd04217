from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from vidcondense.errors import OutputError
from vidcondense.report.pictures import side_by_side, write_pictures


class Clips:
    """As much of a condensed set as pictures need: two videos of class 0, one of class 2, none of class 1."""

    classes = ("../up", "none", "naïve 動き")
    labels = torch.tensor([0, 2, 0])
    positions = ((0, 3), (0, 1, 3), (0, 2, 3))
    shape = (4, 3, 48, 48)

    def clips(self, indices):
        return torch.stack([torch.full(self.shape, 0.2 * float(index)) for index in indices])


@pytest.fixture
def write(monkeypatch):
    """Without the run-time check that asks for a real set."""
    function = write_pictures
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def test_side_by_side_enlarges_small_videos():
    videos = np.random.default_rng(0).integers(0, 256, (2, 3, 50, 60, 3), dtype=np.uint8)
    joined = side_by_side(videos)
    assert joined.shape == (3, 200, 480, 3)
    for video, frame, y, x in [(0, 0, 0, 0), (1, 2, 49, 59), (1, 0, 10, 20), (0, 2, 30, 5)]:
        block = joined[frame, 4 * y : 4 * y + 4, 240 * video + 4 * x : 240 * video + 4 * x + 4]
        assert (block == videos[video, frame, y, x]).all()


def test_side_by_side_keeps_large_videos():
    videos = np.zeros((1, 2, 200, 200, 3), dtype=np.uint8)
    assert side_by_side(videos).shape == (2, 200, 200, 3)


def test_names_stay_inside_the_folder(tmp_path, write):
    written = write(Clips(), tmp_path / "pictures", animation="gif")
    names = [path.name for path in written]
    assert names == ["000-up.png", "000-up.gif", "002-na-ve.png", "002-na-ve.gif"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures"]
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == sorted(names)


def test_animation_shows_the_videos_of_the_class(tmp_path, write):
    write(Clips(), tmp_path, animation="gif")
    with Image.open(tmp_path / "000-up.gif") as moving:
        picture = np.asarray(moving.convert("RGB"))
    side = picture.shape[0]
    assert picture.shape[1] == 2 * side
    assert abs(int(picture[5, 5, 0]) - 0) <= 2  # video 0
    assert abs(int(picture[5, side + 5, 0]) - 102) <= 2  # video 2, 0.4 · 255


def test_existing_picture_is_kept_and_nothing_is_written(tmp_path, write):
    (tmp_path / "002-na-ve.png").write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        write(Clips(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["002-na-ve.png"]
    write(Clips(), tmp_path, overwrite=True)
    assert len(list(tmp_path.iterdir())) == 4
