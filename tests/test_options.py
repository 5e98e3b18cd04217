from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from vidcondense.errors import UsageError
from vidcondense.options import as_json, changed_fields, choose, flag, parse_bytes, require


@dataclass(frozen=True, kw_only=True)
class Inner:
    sizes: tuple[int, ...] = (1, 2)


@dataclass(frozen=True, kw_only=True)
class Outer:
    path: Path = Path("a/b")
    lr: float = 0.5
    inner: Inner = field(default_factory=Inner)


def test_flag():
    assert flag("num_frames") == "--num-frames"


def test_require():
    require(True, "lr", 0.1, "must be positive")
    with pytest.raises(UsageError, match="--real-batch 0: must be at least 1"):
        require(False, "real_batch", 0, "must be at least 1")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_require_never_lets_an_infinite_number_pass(value):
    with pytest.raises(UsageError):
        require(True, "lr", value, "must be a number")


def test_choose():
    assert choose({"prism": 1, "dm": 2}, "dm", "method") == 2
    with pytest.raises(
        UsageError, match=r"unknown method 'prims'; did you mean prism\? \(known: prism, dm\)"
    ):
        choose({"prism": 1, "dm": 2}, "prims", "method")
    with pytest.raises(UsageError, match=r"unknown method 'xyzzy' \(known"):
        choose({"prism": 1, "dm": 2}, "xyzzy", "method")


def test_as_json_and_changed_fields():
    old, new = as_json(Outer()), as_json(Outer(lr=2.0, inner=Inner(sizes=(3,))))
    assert old == {"path": "a/b", "lr": 0.5, "inner": {"sizes": [1, 2]}}
    assert changed_fields(old, old) == []
    assert changed_fields(old, new) == ["inner.sizes: [1, 2] → [3]", "lr: 0.5 → 2.0"]
    assert changed_fields({}, {"a": 1}) == ["a: None → 1"]


@pytest.mark.parametrize(
    ("text", "number"),
    [("4GB", 4 * 10**9), ("800MB", 8 * 10**8), ("1.5 GB", 15 * 10**8), ("2G", 2 * 10**9), ("5000", 5000)],
)
def test_texts_of_bytes(text, number):
    assert parse_bytes(text, "budget") == number


@pytest.mark.parametrize(
    "text", ["", "much", "-4GB", "4 PB", "0GB", "0.9", "4gB", "9" * 400, "9" * 300 + "TB"]
)
def test_bad_texts_of_bytes_fail(text):
    with pytest.raises(UsageError, match=r"--budget .*must be a number with a unit"):
        parse_bytes(text, "budget")
