from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcondense.errors import DataError
from vidcondense.video.listing import Listing, Record, sort_records
from vidcondense.video.subset import (
    balance_note,
    cap_classes,
    choose_classes,
    match_lines,
    missing_note,
    untested_note,
)


def listing(*counts):
    records = [
        Record(path=f"{label}/{split}/{number}.mp4", label=label, split=split, group=f"{number}")
        for label, count in enumerate(counts)
        for split, some in (("train", count), ("test", 2))
        for number in range(some)
    ]
    classes = tuple(f"class {label}" for label in range(len(counts)))
    return Listing(layout="x", fold=None, classes=classes, records=sort_records(records))


def test_classes_keep_their_order_and_get_new_ids():
    result = choose_classes(listing(1, 2, 3, 4), ["class 3", "class 1", "class 3"])
    assert result.classes == ("class 1", "class 3")
    assert {(r.path[0], r.label) for r in result.records} == {("1", 0), ("3", 1)}
    assert len(result.records) == 2 + 4 + 4
    assert "2 of 4 classes are chosen" in result.notes


def test_missing_videos_are_those_of_the_chosen_classes():
    full = replace(listing(1, 2, 3), missing={"b.mp4": 2, "a.mp4": 0, "c.mp4": 2})
    part = choose_classes(full, ["class 1", "class 2"])
    assert part.missing == {"b.mp4": 1, "c.mp4": 1}
    assert missing_note(part) == ["2 of 11 listed videos are missing, first 'b.mp4'"]
    assert missing_note(listing(1, 1)) == []


def test_unknown_and_too_few_classes():
    with pytest.raises(DataError, match=r"--classes: unknown class 'clas 1'; did you mean class 1\?"):
        choose_classes(listing(1, 1), ["clas 1", "class 0"])
    with pytest.raises(DataError, match="--classes names only 'class 1'"):
        choose_classes(listing(1, 1), ["class 1"])


@given(st.lists(st.integers(0, 9), min_size=2, max_size=4), st.integers(1, 10), st.integers(0, 9))
def test_caps(counts, most, seed):
    full = listing(*counts)
    capped = cap_classes(full, most, seed)
    for label, count in enumerate(counts):
        mine = [r for r in capped.records if r.label == label]
        assert sum(r.split == "train" for r in mine) == min(count, most)
        assert sum(r.split == "test" for r in mine) == 2
    assert set(capped.records) <= set(full.records)
    assert list(capped.records) == [r for r in full.records if r in set(capped.records)]


def test_caps_are_drawn_and_one_video_more_moves_no_other():
    first, other = (cap_classes(listing(50, 50), 10, seed).records for seed in (0, 1))
    assert first != other
    assert {r.path for r in first if r.split == "train"} != {
        f"{c}/train/{n}.mp4" for c in "01" for n in range(10)
    }
    more = cap_classes(listing(51, 50), 10, 0)
    assert len({r.path for r in more.records} - {r.path for r in first}) <= 1


def test_unequal_classes_are_noted():
    assert balance_note(listing(3, 9)) == [
        "classes are unequal: 9 training videos of 'class 1', 3 of 'class 0'; --max-per-class evens them out"
    ]
    assert balance_note(listing(4, 9)) == []


def test_classes_without_a_test_video_are_noted():
    full = listing(2, 2, 2)
    assert untested_note(full) == []
    lacking = replace(full, records=tuple(r for r in full.records if r.split == "train" or r.label == 1))
    assert untested_note(lacking) == ["no test video of 2 classes: 'class 0', 'class 2'"]
    assert untested_note(replace(full, records=lacking.records[:1])) == [], "of none: an error elsewhere"


def test_numbered_lines():
    full = replace(listing(1, 1, 1), classes=("Diving", "50 shades", "3"))
    assert match_lines(full, ["1 Diving", "50 shades", "2\t50 shades", "3", "4 3", "Golf"]) == (
        "Diving",
        "50 shades",
        "50 shades",
        "3",
        "3",
        "Golf",
    )
