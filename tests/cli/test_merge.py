from __future__ import annotations

import json

import pytest

from vidcondense.storage.condensed import load_condensed


@pytest.fixture(scope="module")
def parts(condensed, tmp_path_factory):
    """Each class of the set as a set of its own, by the command line."""
    from vidcondense.cli.main import main

    folder = tmp_path_factory.mktemp("parts")
    classes = load_condensed(condensed).classes
    for number, name in enumerate(classes):
        assert main(["subset", str(condensed), "--classes", name, "--out", str(folder / str(number))]) == 0
    return [folder / str(number) for number in range(len(classes))]


def test_subset_tells_what_it_kept(run, condensed, tmp_path):
    whole = load_condensed(condensed)
    outcome = run(
        "subset", condensed, "--classes", whole.classes[1], "--vpc", "1", "--out", tmp_path / "o", "--json"
    )
    assert outcome.code == 0
    told = json.loads(outcome.out)
    assert told["classes"] == [whole.classes[1]]
    assert told["videos"] == 1
    assert told["bytes"] == load_condensed(tmp_path / "o").bytes < told["bytes_before"] == whole.bytes
    assert told["largest_change"] < 1e-6


def test_merge_brings_the_parts_together(run, condensed, parts, tmp_path):
    outcome = run("merge", *parts, "--out", tmp_path / "o", "--json")
    assert outcome.code == 0
    told = json.loads(outcome.out)
    whole = load_condensed(condensed)
    assert (told["videos"], told["classes"]) == (len(whole), list(whole.classes))
    assert load_condensed(tmp_path / "o").positions == whole.positions
    again = run("merge", *parts, "--out", tmp_path / "o")
    assert again.code == 4
    assert "--overwrite" in again.line


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["merge", "0", "--out", "o"], 2, "two sets or more"),
        (["merge", "0", "1", "./1/../0", "--out", "o"], 2, "0 is named twice"),
        (["merge", "--out", "o"], 2, "at least one condensed set"),
        (["merge", "0", "1", "--out", "o", "--codec", "pgn"], 2, "did you mean png"),
        (["merge", "0", "missing", "--out", "o"], 3, "does not exist"),
        (["subset", "0", "--out", "o", "--vpc", "0"], 2, "--vpc 0"),
        (["subset", "0", "--out", "o", "--classes", "nobody"], 2, "unknown class 'nobody'"),
    ],
)
def test_bad_options_write_nothing(run, parts, monkeypatch, arguments, code, message):
    monkeypatch.chdir(parts[0].parent)
    outcome = run(*arguments)
    assert outcome.code == code
    assert message in outcome.line
    assert {path.name for path in parts[0].parent.iterdir()} == {"0", "1"}
