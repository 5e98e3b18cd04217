from __future__ import annotations

import numpy as np
from PIL import Image

from vidcondense.exports.export import export

KEY = np.array([0xD5, 0x5E, 0x00])


def outlined(path):
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    return int((np.abs(pixels - KEY).max(axis=2) < 8).sum()), pixels.shape


def test_a_row_a_video_with_key_frames_outlined(make_set, tmp_path):
    made = make_set(("jump",), per_class=1)
    export(made, tmp_path / "two", "sheets")
    two, small = outlined(tmp_path / "two" / "sheet-000.png")
    made = make_set(("jump",), per_class=2)
    export(made, tmp_path / "five", "sheets")
    five, large = outlined(tmp_path / "five" / "sheet-000.png")
    assert 2.3 < five / two < 2.7, "key frames: 2 of one video, 2 + 3 of two"
    assert large[0] > small[0]
    assert large[1] == small[1]


def test_many_videos_take_many_sheets(make_set, tmp_path, hostile):
    export(make_set(hostile, per_class=6), tmp_path / "out", "sheets")
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == [
        "sheet-000.png",
        "sheet-001.png",
    ]
