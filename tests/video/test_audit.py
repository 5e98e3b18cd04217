from __future__ import annotations

import random
import shutil

import numpy as np
import pytest
from PIL import Image

from vidcondense.errors import DataError
from vidcondense.media.encode import encode_lossless
from vidcondense.video.audit import audit
from vidcondense.video.index import DataOptions
from vidcondense.video.tables import write_csv


def look(root, quick=False, listener=lambda event: None, **options):
    return audit(str(root), DataOptions(**{"workers": 0, **options}), quick=quick, listener=listener)


def test_facts_by_hand(make_folder, make_video):
    root = make_folder({"train/a": 3, "train/b": 1, "test/a": 2, "test/b": 2})
    make_video(root / "train" / "a" / "9.mp4", 200, num_frames=50, size=32)
    heard = []
    found = look(root, listener=heard.append)
    assert found.counts() == {"a": {"train": 4, "test": 2}, "b": {"train": 1, "test": 2}}
    assert found.imbalance == 4
    assert found.sizes == {(16, 16): 8, (32, 32): 1}
    assert found.frame_rates == {25.0: 9}
    assert (found.frames.least, found.frames.median, found.frames.most) == (6, 6, 50)
    assert (found.seconds.least, found.seconds.most) == (6 / 25, 2)
    assert found.hours == pytest.approx((8 * 6 / 25 + 2) / 3600)
    assert found.leaks == found.duplicates == found.quarantined == ()
    assert found.problem is None
    assert heard == [{"kind": "check", "done": i, "total": 9} for i in range(1, 10)]
    assert any(
        "classes are unequal: 4 training videos of 'a', 1 of 'b'" in note for note in found.listing.notes
    )


def test_the_same_with_workers(make_folder):
    root = make_folder()
    (root / "train" / "a" / "x.mp4").write_text("no video")
    assert look(root, max_bad=0.5) == look(root, max_bad=0.5, workers=2)


def test_bad_files_and_what_makes_a_dataset_unusable(make_folder):
    root = make_folder()
    (root / "train" / "a" / "x.mp4").write_text("no video")
    (root / "train" / "b" / "y.mp4").symlink_to("/etc/passwd")
    found = look(root)
    assert [(item.path, item.code) for item in found.quarantined] == [
        ("train/a/x.mp4", "not-a-video"),
        ("train/b/y.mp4", "outside-root"),
    ]
    assert "2 of 12 videos cannot be used" in found.problem
    assert look(root, max_bad=0.5).problem is None
    for video in (root / "test").rglob("*.mp4"):
        video.write_text("bad")
    assert "no video to test on" in look(root, max_bad=0.9).problem


def test_a_bad_file_does_not_leak(make_folder):
    root = make_folder()
    for split in ("train", "test"):
        (root / split / "a" / f"v_a_g01_c0{split == 'test':d}.avi").write_text(f"no video to {split} on")
    assert look(root, max_bad=0.5).leaks == ()


def test_what_is_unusual_about_a_video_is_told(tmp_path):
    for name in ("train/a/1", "train/b/1", "test/a/1"):
        (tmp_path / name).mkdir(parents=True)
        for frame in range(1, 4):
            size = 8 * frame if name == "train/b/1" else 8
            Image.new("RGB", (size, 8)).save(tmp_path / name / f"img_{frame:05d}.png")
    assert look(tmp_path).remarks == (("train/b/1", "frames of several sizes"),)


@pytest.mark.parametrize("quick", [False, True])
def test_what_no_list_names_does_not_count(make_folder, quick):
    root = make_folder()
    for number in range(5):
        (root / "train" / "b" / f"broken{number}.mp4").symlink_to("nowhere")
    chosen = "path,label,split\n" + "".join(
        f"{split}/{name}/0.mp4,{name},{split}\n" for split in ("train", "test") for name in "ab"
    )
    (root / "list.csv").write_text(chosen)
    found = look(root, quick=quick)
    assert (found.listing.layout, len(found.usable)) == ("csv", 4)
    assert (found.quarantined, found.problem) == ((), None)


def test_no_dataset(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        look(tmp_path / "none")


@pytest.mark.parametrize("quick", [False, True])
def test_identical_files_leak(make_folder, quick):
    root = make_folder()
    shutil.copy(root / "train" / "a" / "1.mp4", root / "test" / "b" / "copy.mp4")
    shutil.copy(root / "train" / "a" / "1.mp4", root / "train" / "b" / "copy.mp4")
    found = look(root, quick=quick)
    (leak,) = found.leaks
    assert (leak.kind, leak.train, leak.test) == (
        "file",
        ("train/a/1.mp4", "train/b/copy.mp4"),
        ("test/b/copy.mp4",),
    )
    assert found.duplicates == (("train/a/1.mp4", "train/b/copy.mp4"),)


def test_the_same_frames_in_another_container_leak(make_folder):
    root = make_folder()
    frames = np.random.default_rng(1).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)
    (root / "train" / "a" / "new.mp4").write_bytes(encode_lossless(frames, container="mp4"))
    (root / "test" / "a" / "other name.mkv").write_bytes(encode_lossless(frames))
    (leak,) = look(root).leaks
    assert (leak.kind, leak.train, leak.test) == ("frames", ("train/a/new.mp4",), ("test/a/other name.mkv",))
    assert look(root, quick=True).leaks == ()


def test_quick_decodes_nothing(make_folder, monkeypatch):
    monkeypatch.setattr("vidcondense.video.audit.try_probe", None)
    root = make_folder()
    (root / "train" / "a" / "x.mp4").write_text("no video")
    found = look(root, quick=True)
    assert not found.decoded
    assert found.frames is None
    assert found.counts()["a"]["train"] == 4


def test_the_official_subset(ucf101_5):
    found = look(ucf101_5, quick=True)
    assert found.listing.layout == "ucf101"
    assert found.as_dict()["splits"] == {"train": 294, "test": 106}
    assert found.leaks == ()
    assert found.problem is None


def test_a_random_split_of_the_same_clips_leaks(ucf101_5, tmp_path):
    """Whole groups on one side is what makes the official split one; drawing single clips breaks it."""
    official = look(ucf101_5, quick=True).listing
    lines = write_csv(official).splitlines()
    rows = [line.split(",") for line in lines[1:]]
    splits = [row[2] for row in rows]
    random.Random(0).shuffle(splits)
    text = "path,label,split\n" + "".join(
        f"{row[0]},{row[1]},{split}\n" for row, split in zip(rows, splits, strict=True)
    )
    (tmp_path / "random.csv").write_text(text)
    found = look(ucf101_5, quick=True, list_file=(tmp_path / "random.csv",))
    assert found.listing.layout == "csv"
    assert found.as_dict()["splits"] == {"train": 294, "test": 106}
    groups = {}
    for row, split in zip(rows, splits, strict=True):
        groups.setdefault((row[1], row[0].split("_")[-2]), set()).add(split)
    expected = {f"{name}/{group}" for (name, group), sides in groups.items() if len(sides) == 2}
    assert len(expected) > 50
    assert {leak.name for leak in found.leaks} == expected


def test_decoding_a_class_of_the_official_subset(ucf101_5, tmp_path):
    for folder in ("Diving", "Swing"):
        for source in sorted((ucf101_5 / "UCF-101" / folder).glob("*_c04.mp4"))[::4]:
            (tmp_path / "UCF-101" / folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(source, tmp_path / "UCF-101" / folder)
    shutil.copytree(ucf101_5 / "ucfTrainTestlist", tmp_path / "ucfTrainTestlist")
    found = look(tmp_path, workers=2)
    assert set(found.sizes) == {(160, 120)}
    assert found.quarantined == found.leaks == ()
    assert found.frames.least >= 29
    assert found.problem is None
