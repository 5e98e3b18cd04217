from __future__ import annotations

import dataclasses
import importlib.util
import re
import typing
from pathlib import Path

import pytest

from vidcondense.assembly import MATCHERS, START
from vidcondense.cli import condense, evaluate, experts, train
from vidcondense.matching.options import LEARNING_RATES, MatcherName
from vidcondense.methods import METHODS, RepresentationName, SelectionName
from vidcondense.real_sets import SELECTIONS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "methods"
SECTIONS = [
    "What it is",
    "Options",
    "Bytes",
    "Command",
    "Differences from the published code",
    "Traps",
]


def pages():
    spec = importlib.util.spec_from_file_location("method_pages", ROOT / ".ci" / "method_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text_of(name):
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def flags_of(kind):
    """Every flag of a dataclass of arguments, nested ones too."""
    hints = typing.get_type_hints(kind)
    for each in dataclasses.fields(kind):
        if dataclasses.is_dataclass(hints[each.name]):
            yield from flags_of(hints[each.name])
        else:
            no = "no-" if each.default is True else ""  # the flag says what is not the default
            yield f"--{no}{each.name.replace('_', '-')}"


def test_every_method_either_learns_or_selects_and_every_part_is_known():
    assert all(bool(method.stages) != bool(method.select) for method in METHODS.values())
    assert set(START) == set(typing.get_args(RepresentationName))
    assert set(MATCHERS) == set(LEARNING_RATES) == set(typing.get_args(MatcherName))
    assert set(SELECTIONS) == set(typing.get_args(SelectionName))
    stages = [stage for method in METHODS.values() for stage in method.stages]
    assert {stage.videos for stage in stages} == set(START)
    assert {name for stage in stages for name in stage.match} == set(MATCHERS)


@pytest.mark.parametrize("name", METHODS)
def test_the_head_of_the_page_is_what_the_table_says(name):
    assert text_of(name) == pages().page(name), "run python .ci/method_pages.py"


@pytest.mark.parametrize("name", METHODS)
def test_all_pages_have_one_shape_and_name_only_what_there_is(name):
    text = text_of(name)
    assert re.findall(r"^## (.*)", text, re.M) == SECTIONS
    assert f"--method {name}" in text.split("## Command")[1]
    known = {flag for command in (condense, evaluate, experts, train) for flag in flags_of(command.Arguments)}
    assert set(re.findall(r"--[a-z][a-z-]+", text)) <= known
    for path in re.findall(r"`([a-z_]+/[a-z0-9_]+\.py)`", text):
        assert (ROOT / "src" / "vidcondense" / path).is_file(), path
    for link in re.findall(r"\]\(([^)]+\.md)\)", text):
        assert (DOCS / link).is_file(), link


def test_the_index_is_made_of_the_table():
    assert (DOCS / "index.md").read_text(encoding="utf-8") == pages().index(), (
        "run python .ci/method_pages.py"
    )


def test_sizes_are_those_of_the_papers():
    """Dense 115, static-dynamic 38 of 48 channels of that (the papers print 94 with all they count)."""
    stored = pages().stored
    assert stored("dm").startswith("114.8 paper MB")
    assert stored("static-dynamic").startswith(f"{114.84 * 38 / 48:.1f} paper MB")
    assert stored("still").startswith("7.2 paper MB")
