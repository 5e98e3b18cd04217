from __future__ import annotations

import pytest

from vidcondense.video.leakage import content_leaks, duplicates, source_leaks
from vidcondense.video.listing import Record


def record(path, split, group="", label=0):
    return Record(path=path, label=label, split=split, group=group or path)


def leaks(*records):
    return source_leaks(records, ("Diving", "Swing"))


@pytest.mark.parametrize(
    ("train", "test", "name"),
    [
        ("train/Diving/v_Diving_g01_c01.avi", "test/Diving/v_Diving_g01_c07.mp4", "Diving/g01"),
        ("a/Film_1_Diving_u_nm_np1_ba_goo_0.avi", "b/Film_1_Diving_u_cm_np2_fr_bad_4.avi", "Diving/Film_1"),
        ("a/-0abcdefghi_000010_000020.mp4", "b/-0abcdefghi_000050_000060.mp4", "Diving/-0abcdefghi"),
    ],
)
def test_the_same_recording_on_both_sides(train, test, name):
    # Groups of the layout differ, as those of official folders do: names tell more.
    (leak,) = leaks(record(train, "train"), record(test, "test"))
    assert (leak.kind, leak.name, leak.train, leak.test) == ("source", name, (train,), (test,))


def test_no_leak_within_a_split_between_classes_or_by_bare_names():
    assert not leaks(
        record("a/v_Diving_g01_c01.avi", "train"),
        record("a/v_Diving_g01_c02.avi", "train"),
        record("b/v_Diving_g02_c01.avi", "test"),
        record("b/v_Diving_g01_c01.avi", "test", label=1),
        record("train/Diving/0.mp4", "train"),
        record("test/Diving/0.mp4", "test"),
    )


def test_groups_of_the_list_count():
    (leak,) = leaks(record("1.mp4", "train", "tape 7"), record("2.mp4", "test", "tape 7", 1))
    assert leak.name == "tape 7"


def test_content():
    records = [record(name, "train" if name < "d" else "test") for name in "abcdef"]
    files = dict(zip("abcdef", "112345", strict=True)) | {"d": "1"}
    frames = dict(zip("abcdef", "xxyxyz", strict=True))
    found = content_leaks(records, files, frames)
    assert [(leak.kind, leak.train, leak.test) for leak in found] == [
        ("file", ("a", "b"), ("d",)),
        ("frames", ("c",), ("e",)),
    ]
    assert duplicates(records, frames) == [("a", "b")]
    assert content_leaks(records, {}, {}) == []
