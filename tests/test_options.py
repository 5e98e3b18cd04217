from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from vidcondense.errors import UsageError
from vidcondense.exports.options import ExportOptions
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.options import MatchOptions
from vidcondense.options import as_json, changed_fields, check_choices, choose, flag, parse_bytes, require
from vidcondense.selection.options import SelectOptions
from vidcondense.settings import CondenseOptions
from vidcondense.side_by_side import SideBySide
from vidcondense.storage.codecs import Coding
from vidcondense.training.options import TrainOptions
from vidcondense.video.sampling import ClipOptions
from vidcondense.video.toy import ToyOptions


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
    many = {f"name-{letter}": 1 for letter in "abcdefghijklmnop"}
    with pytest.raises(UsageError, match=r"did you mean name-a\?$"):
        choose(many, "nome-a", "method")


@dataclass(frozen=True, kw_only=True)
class Chosen:
    how: Literal["near", "far"] = "near"
    how_often: Literal["once", "twice"] | None = None
    orders: tuple[Literal["up", "down"], ...] = ("up",)
    free: str = "anything"


def chosen(**values):
    """As where types are not checked."""
    made = Chosen()
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def test_check_choices():
    check_choices(Chosen())
    check_choices(chosen(how="far", how_often="twice", free="x"))
    with pytest.raises(UsageError, match=r"unknown how 'fa'; did you mean far\? \(known: near, far\)"):
        check_choices(chosen(how="fa"))
    with pytest.raises(UsageError, match=r"unknown how 'None' \(known"):
        check_choices(chosen(how=None))
    with pytest.raises(UsageError, match=r"unknown how often 'ones'; did you mean once\?"):
        check_choices(chosen(how_often="ones"))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (CondenseOptions, "init"),
        (CondenseOptions, "upsampling"),
        (CondenseOptions, "value_range"),
        (MatchOptions, "match"),
        (MatchOptions, "match_targets"),
        (InsertionOptions, "insertion"),
        (InsertionOptions, "match_gradient"),
        (SelectOptions, "features"),
        (Coding, "value_range"),
        (TrainOptions, "schedule"),
        (ExportOptions, "video"),
        (ClipOptions, "placement"),
        (ClipOptions, "short"),
        (ToyOptions, "mode"),
        (SideBySide, "engine"),
    ],
)
def test_a_misspelt_choice_fails_also_where_types_are_not_checked(options, name):
    made = options()
    object.__setattr__(made, name, "misspelt")
    with pytest.raises(UsageError, match=f"unknown {name.replace('_', ' ')} 'misspelt'"):
        made.__post_init__()


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
