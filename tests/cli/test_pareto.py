from __future__ import annotations

import json

import pytest
from PIL import Image

ROWS = [
    {"method": "prism", "name": "coarse <b>", "bytes": 900, "accuracy": 50.0, "accuracies": {"0": 0.5}},
    {
        "method": "prism",
        "name": "coarse <b>",
        "bytes": 1900,
        "accuracy": 60.0,
        "accuracies": {"0": 0.6},
        "vpc": 2,
    },
    {"method": "random", "name": "random $x$", "bytes": 1500, "accuracy": 55.0, "accuracies": {"0": 0.55}},
]
USUAL = {"model": "convnet3d", "codec": "uint8", "vpc": 1, "std": None, "ci_low": None, "ci_high": None}


@pytest.fixture
def compared(tmp_path):
    rows = [{**USUAL, **row} for row in ROWS]
    (tmp_path / "compare.json").write_text(json.dumps({"rows": rows}))
    return tmp_path


def test_figure_table_and_turns(run, compared):
    out = compared / "pareto"
    result = json.loads(run("pareto", compared, "--out", out, "--json").out)
    assert [(turn["bytes"], turn["leader"]) for turn in result["turns"]] == [
        (900, "learned"),
        (1500, "real"),
        (1900, "learned"),
    ]
    assert json.loads((out / "pareto.json").read_text()) == result
    with Image.open(out / "pareto.png") as picture:
        assert picture.format == "PNG"
    drawn = (out / "pareto.svg").read_text()
    assert "coarse &lt;b&gt;" in drawn
    assert "random $x$" in drawn
    assert "<b>" not in drawn
    assert "coarse &lt;b&gt;" in (out / "pareto.md").read_text()


def rows_of(compared, *changes):
    """The rows with some changed, in the place of those that were compared."""
    path = compared / "compare.json"
    rows = [
        {**row, **change} for row, change in zip(json.loads(path.read_text())["rows"], changes, strict=True)
    ]
    path.write_text(json.dumps({"rows": rows}))


def test_who_is_ahead_says_what_is_not_shown(run, compared):
    told = run("pareto", compared, "--out", compared / "a").out
    assert "from 900 B on: learned sets; no real clips are that small" in told
    assert "from 1.5 kB on: real clips; no difference is shown" in told
    assert "from 1.9 kB on: learned sets; no difference is shown" in told
    far = {"accuracies": {"0": 0.9, "1": 0.9, "2": 0.9}, "accuracy": 90.0}
    near = {"accuracies": {"0": 0.5, "1": 0.51, "2": 0.5}, "accuracy": 50.3}
    rows_of(compared, near, far, near)
    told = run("pareto", compared, "--out", compared / "b").out
    assert "from 1.5 kB on: real clips; level, and these cost nothing to learn" in told
    assert told.rstrip().endswith("from 1.9 kB on: learned sets")


def test_what_is_shown_changes_while_the_leader_stays(run, compared):
    """Real clips come later and stay behind: first none are that small, then the lead is not shown."""
    ahead = {"bytes": 1000, "accuracy": 70.0, "accuracies": {"0": 0.7, "1": 0.7}}
    behind = {"bytes": 1100, "accuracy": 60.0, "accuracies": {"0": 0.9, "1": 0.3}}
    rows_of(compared, {"bytes": 900}, ahead, behind)
    told = run("pareto", compared, "--out", compared / "a").out
    assert "from 900 B on: learned sets; no real clips are that small" in told
    assert told.rstrip().endswith("from 1.1 kB on: learned sets; no difference is shown")


def test_an_interval_on_the_other_side_shows_no_lead(run, compared):
    """The means are of all seeds, the difference is of those that both have."""
    ours = {"bytes": 900, "accuracy": 70.0, "accuracies": {"0": 0.4, "1": 0.41, "2": 0.4, "3": 1.0, "4": 1.0}}
    theirs = {"bytes": 900, "accuracy": 50.0, "accuracies": {"0": 0.5, "1": 0.5, "2": 0.5}}
    rows_of(compared, ours, {"bytes": 10_000}, theirs)
    told = run("pareto", compared, "--out", compared / "a").out
    assert "from 900 B on: learned sets; no difference is shown" in told


def test_a_size_below_all_sets_is_refused(run, compared):
    outcome = run("pareto", compared, "--out", compared / "a", "--kilobytes", "0.5")
    assert outcome.code == 2
    assert "no set is that small; the smallest takes 900 B" in outcome.line
    assert not (compared / "a").exists()


def test_rows_that_differ_in_labels_are_curves_of_their_own(run, compared):
    path = compared / "compare.json"
    rows = json.loads(path.read_text())["rows"]
    path.write_text(json.dumps({"rows": [*rows, {**rows[0], "labels": "own"}]}))
    assert run("pareto", compared, "--out", compared / "pareto").code == 0
    drawn = (compared / "pareto" / "pareto.svg").read_text()
    assert "coarse &lt;b&gt;, own labels" in drawn


def test_a_row_that_two_comparisons_have_is_refused(run, compared):
    rows = json.loads((compared / "compare.json").read_text())["rows"]
    other = compared / "other"
    other.mkdir()
    (other / "compare.json").write_text(json.dumps({"rows": [{**rows[2], "accuracy": 5.0}]}))
    line = run("pareto", compared, other, "--out", compared / "a").line
    assert f"{compared} and {other} both have random $x$, 1 a class, uint8, judged by convnet3d;" in line
    (other / "compare.json").write_text(json.dumps({"rows": [{**rows[2], "vpc": 5}]}))
    assert run("pareto", compared, other, "--out", compared / "a").code == 0


def test_the_same_rows_give_the_same_bytes(run, compared):
    for name in ("a", "b"):
        assert run("pareto", compared, "--out", compared / name).code == 0
    for name in ("pareto.svg", "pareto.png"):
        assert (compared / "a" / name).read_bytes() == (compared / "b" / name).read_bytes()


def test_refusals(run, compared):
    out = compared / "pareto"
    assert run("pareto", compared, "--out", out).code == 0
    assert "--overwrite" in run("pareto", compared, "--out", out).line
    assert run("pareto", compared, "--out", out, "--overwrite").code == 0
    assert "vidcondense compare" in run("pareto", compared / "none", "--out", compared / "a").line
    assert "at least one folder of `vidcondense compare`" in run("pareto", "--out", compared / "a").line
    assert "convnet3d" in run("pareto", compared, "--out", compared / "b", "--model", "convnet").line
    assert not (compared / "b").exists()
