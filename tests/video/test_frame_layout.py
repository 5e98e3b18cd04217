from __future__ import annotations

import pytest

from vidcondense.errors import DataError
from vidcondense.video.layouts import parse
from vidcondense.video.listing import SplitRule
from vidcondense.video.scan import scan


def facts(result):
    return [(r.path, result.classes[r.label], r.split, r.group) for r in result.records]


def test_each_folder_of_images_is_a_video(make_tree):
    tree = make_tree("train/a/v1", "train/b/v1.5", "test/a/v1", "test/b/v_b_g02_c01")
    result = parse(tree, "auto", SplitRule())
    assert facts(result) == [
        ("train/a/v1", "a", "train", "train/a/v1"),
        ("train/b/v1.5", "b", "train", "train/b/v1.5"),
        ("test/a/v1", "a", "test", "test/a/v1"),
        ("test/b/v_b_g02_c01", "b", "test", "test/b/g02"),
    ]
    assert result.layout == "frames"
    assert "folders of numbered images" in result.notes[0]


def test_a_drawn_split_keeps_groups_together(make_tree):
    names = [f"{c}/v_{c}_g{g:02d}_c{n:02d}" for c in "ab" for g in range(8) for n in range(3)]
    result = parse(make_tree(*names), "frames", SplitRule())
    train, test = ({r.group for r in result.records if r.split == split} for split in ("train", "test"))
    assert test
    assert not train & test


def test_what_is_no_folder_of_images_is_told(tmp_path):
    for name in ("a/one", "b/two", "c"):
        (tmp_path / name).mkdir(parents=True)
        if name != "c":
            for number in range(3):
                (tmp_path / name / f"frame{number:06}.jpg").write_bytes(b"")
    (tmp_path / "a" / "1.mp4").write_bytes(b"")
    (tmp_path / "a" / "notes.pdf").write_bytes(b"")
    notes = parse(scan(tmp_path).tree, "frames", SplitRule()).notes
    assert notes[1:] == (
        "1 video not used; --layout folder reads them",
        "not used for their ending: 1 × .pdf",
        "without a video, so no class: c",
    )


def test_videos_come_first_and_the_images_are_noted(make_tree):
    result = parse(
        make_tree("train/a/1.mp4", "train/b/1.mp4", "test/a/1.mp4", "train/a/v1"), "auto", SplitRule()
    )
    assert (result.layout, len(result.records)) == ("folder", 3)
    assert "1 folder of images not used; --layout frames reads them" in result.notes


def test_ucf101_as_folders_of_images(make_tree):
    texts = {
        "ucfTrainTestlist/classInd.txt": "1 Diving\n2 Swing\n",
        "ucfTrainTestlist/trainlist01.txt": "Diving/v_Diving_g08_c01.avi 1\nSwing/v_Swing_g09_c01.avi 2\n",
        "ucfTrainTestlist/testlist01.txt": "Diving/v_Diving_g01_c01.avi\n",
    }
    clips = [f"jpegs_112/v_{name}" for name in ("Diving_g08_c01", "Swing_g09_c01", "Diving_g01_c01")]
    result = parse(make_tree(*clips, texts=texts), "auto", SplitRule())
    assert [r.path for r in result.records] == clips


def test_no_such_folder(make_tree):
    with pytest.raises(DataError, match="no folder of numbered images"):
        parse(make_tree("a/1.mp4"), "frames", SplitRule())
