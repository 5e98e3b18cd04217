from __future__ import annotations

from vidcondense.words import counted, some


def test_one_is_singular_and_none_is_not():
    assert [counted(number, "clip") for number in (0, 1, 2)] == ["0 clips", "1 clip", "2 clips"]
    assert counted(2, "class", "classes") == "2 classes"


def test_a_few_names_stand_for_many():
    assert some(["a", "b"]) == "a, b"
    assert some(list("abcdef")) == "a, b, c, d, e, …"
    assert some([]) == ""
