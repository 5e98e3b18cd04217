from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcondense.errors import DataError
from vidcondense.video.catalogue import CATALOGUE, draw_tree, page
from vidcondense.video.layouts import LAYOUTS, Layout, parse
from vidcondense.video.listing import SplitRule
from vidcondense.video.scan import scan

DOCS = Path(__file__).parents[2] / "docs" / "datasets"


def test_every_layout_is_described():
    assert set(CATALOGUE) == set(LAYOUTS) == set(get_args(Layout)) - {"auto"}
    assert all(name == about.layout for name, about in CATALOGUE.items())


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_expected_files_are_what_the_layout_reads(name, tmp_path, check_round_trip):
    for path, text in CATALOGUE[name].files:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    tree = scan(tmp_path).tree
    listing = parse(tree, name, SplitRule())
    assert listing.layout == name
    assert tuple(listing.missing) == ()
    assert len(listing.classes) == 2
    assert {record.split for record in listing.records} == {"train", "test"}
    # All videos of the example are used, and no other layout is taken for this one.
    assert len(listing.records) == len(tree.clips) == 4
    check_round_trip(listing)
    guessed = parse(tree, "auto", SplitRule())
    assert guessed.layout == name.removesuffix("-leaky")
    assert guessed.notes[0].startswith(f"layout {guessed.layout}: ")


@pytest.mark.parametrize("name", CATALOGUE)
@given(st.data())
def test_any_part_of_the_lists_that_is_accepted_round_trips(make_tree, check_round_trip, name, data):
    """Lines of the example in any order, twice, or not at all; videos that are missing."""
    files = dict(CATALOGUE[name].files)
    clips = [path for path, text in files.items() if not text and not path.endswith(".jpg")]
    clips += {path.rpartition("/")[0] for path in files if path.endswith(".jpg")}
    texts = {path: _some_lines(text, data) for path, text in files.items() if text}
    there = data.draw(st.lists(st.sampled_from(sorted(clips)), unique=True))
    try:
        listing = parse(make_tree(*there, texts=texts), name, SplitRule())
    except DataError:
        return
    check_round_trip(listing)


def _some_lines(text, data):
    if text.startswith(("{", "[")):
        return text
    lines = text.splitlines()
    drawn = data.draw(st.lists(st.sampled_from(lines), max_size=6))
    return "\n".join([*lines[: data.draw(st.integers(0, len(lines)))], *drawn])


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_page_is_that_of_the_docs(name):
    """After a change: vidcondense datasets LAYOUT > docs/datasets/LAYOUT.md."""
    assert (DOCS / f"{name}.md").read_text(encoding="utf-8") == page(CATALOGUE[name])


def test_all_pages_have_one_shape():
    shapes = {tuple(re.findall(r"^#+ .*", page(about), re.M)[1:]) for about in CATALOGUE.values()}
    assert shapes == {
        (
            "## Where the data is obtained",
            "## Expected files",
            "## Training and test split",
            "## Reading it",
            "## Good to know",
        )
    }


def test_the_index_links_every_page():
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    assert {name for name in CATALOGUE if f"({name}.md)" in text} == set(CATALOGUE)


def test_draw_tree():
    assert (
        draw_tree(["a/b/1.mp4", "a/2.mp4", "c.csv"]) == "DATA/\n  a/\n    b/\n      1.mp4\n    2.mp4\n  c.csv"
    )


def test_the_snippet_of_the_docs_runs(tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "index.md").read_text(encoding="utf-8"), re.S)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "index.md", "exec"), {})
    out = capsys.readouterr().out
    assert out.count("torch.Size([4, 8, 3, 48, 48])") == 2
    assert "('left', 'right')" in out
    assert "4 torch.Size([1, 8, 3, 48, 48])" in out
