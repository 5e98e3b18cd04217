from __future__ import annotations

import pytest

from vidcondense.video.finder import Finder


@pytest.mark.parametrize(
    ("listed", "found", "note"),
    [
        ("a/1.avi", "a/1.avi", None),
        ("1.avi", "a/1.avi", None),
        ("a/2.avi", "a/2.mp4", "another ending"),
        ("A/1.AVI", "a/1.avi", "another case"),
        ("b/cafe\u0301.mp4", "b/caf\u00e9.mp4", "another case"),
        ("a/frames.avi", "a/frames", "another ending"),
        ("a/v.2", "a/v.2.mp4", "another ending"),
        ("c/1.avi", None, None),
        ("a/3.avi", None, None),
        ("/1.avi", None, None),
        ("", None, None),
    ],
)
def test_one_by_one(listed, found, note):
    finder = Finder(["a/1.avi", "a/2.mp4", "b/caf\u00e9.mp4", "a/frames", "a/v.2.mp4"])
    assert finder.find(listed) == found
    assert [note in text for text in finder.notes()] == ([True] if note else [])


def test_other_folders_only_where_names_are_unique():
    assert Finder(["a/1.avi"]).find("b/1.avi") is None
    finder = Finder(["a/1.avi"], unique_names=True)
    assert finder.find("b/1.mp4") == "a/1.avi"
    assert finder.notes() == ["1 listed videos were found by their name alone, in another folder"]


def test_no_guess_between_two():
    finder = Finder(["train/a/1.mp4", "val/a/1.mp4"])
    assert finder.find("a/1.mp4") is None
    assert finder.notes() == ["1 listed videos were not used, for several files fit"]
    assert finder.find("a/1.mp4", prefer=("val",)) == "val/a/1.mp4"


def test_the_exact_file_comes_first():
    finder = Finder(["a/1.mp4", "A/1.mp4", "x/a/1.mp4", "a/1.avi"])
    assert finder.find("a/1.mp4") == "a/1.mp4"
    assert finder.find("A/1.mp4") == "A/1.mp4"
    assert finder.find("a/1.webm") is None  # below x, too


def test_equal_names_in_very_many_folders():
    """The work for one does not grow with the number of the others: else this would take minutes."""
    paths = [f"root/{number}/clip.mp4" for number in range(20_000)]
    finder = Finder(paths)
    assert all(finder.find(f"{number}/clip.avi") == path for number, path in enumerate(paths))
