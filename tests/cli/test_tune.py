from __future__ import annotations

import itertools
import json
import re

import pytest

from vidcondense.recipe import read_recipe
from vidcondense.tuning.race import Judged

QUICK = ["--model", "convnet3d-16", "--eval-model", "convnet3d-16"]


@pytest.fixture
def arguments(toy, cache, tmp_path):
    clip = ["--num-frames", "8", "--stride", "1", "--size", "44", "--real-batch", "2", "--iterations", "2"]
    places = ["--out", tmp_path / "tuned", "--cache-dir", cache, "--workers", "0", "--precision", "float32"]
    judging = ["--eval-steps", "2", "--no-eval-augment", "--folds", "2", "--jobs", "2"]
    return [toy, *clip, *places, *judging, *QUICK]


@pytest.mark.slow
def test_tuning_writes_a_recipe_and_is_computed_once(run, arguments, toy, cache, tmp_path):
    vary = ["--vary", "lr=3.0,30.0", "--vary", "epsilon=0.0,0.1"]
    outcome = run("tune", *arguments, *vary, "--trials", "2", "--json")
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    # The start is lr 10, which is not among the values: it is tried all the same.
    assert next(trial["setting"]["lr"] for trial in told["trials"]) == 10.0
    assert all(set(trial["setting"]) == {"lr", "epsilon"} for trial in told["trials"])
    recipe = read_recipe(tmp_path / "tuned" / "recipe.toml")
    assert recipe.condense.lr == told["chosen"]["lr"]
    assert recipe.condense.iterations == 2
    cells = {path: path.stat().st_mtime_ns for path in (tmp_path / "tuned" / "cells").iterdir()}
    assert {path.name for path in cells} >= {"trial-0-0.json", "trial-0-1.json", "trial-1-0.json"}
    assert not (tmp_path / "tuned" / "means").exists(), "what trials shared is kept no longer than them"
    for path in cells:
        cell = json.loads(path.read_text())
        assert (cell["folds"], cell["evaluate"]["augment"]) == (2, False)
        (entry,) = cell["entries"]
        assert entry["evaluation"]["num_test"] == 3, "half of the six training clips"

    assert "exists; use --overwrite" in run("tune", *arguments, *vary, "--trials", "2").line
    again = run("tune", *arguments, *vary, "--trials", "2", "--json", "--overwrite")
    assert json.loads(again.out) == told
    assert {path: path.stat().st_mtime_ns for path in cells} == cells
    other = run("tune", *arguments, *vary, "--trials", "2", "--overwrite", "--vpc", "2")
    assert "of another tuning (base.lr: 10.0 → 20.0; base.vpc: 1 → 2)" in other.line


@pytest.fixture
def judged(monkeypatch):
    """Judgements of a second each: a better accuracy the higher the number; None where one fails."""
    failures = set()

    def judge(self, pairs, go_on):
        for number, fold in itertools.takewhile(lambda _: go_on(), pairs):
            accuracy = None if (number, fold) in failures else 0.5 + number / 10
            yield (number, fold), Judged(accuracy=accuracy, seconds=1.0)

    monkeypatch.setattr("vidcondense.tuning.tune._Referee.judge", judge)
    return failures


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_start_that_failed_on_a_fold_is_told(run, arguments, judged, tmp_path, form):
    judged.add((0, 1))
    outcome = run("tune", *arguments, "--vary", "lr=3.0,30.0", "--trials", "2", *form)
    assert outcome.code == 0, outcome.err
    assert "of the start failed (2 folds)" in (tmp_path / "tuned" / "recipe.toml").read_text()
    if form:
        assert json.loads(outcome.out)["gain"]["mean"] == pytest.approx(0.1)
    else:
        assert "failed" in outcome.out
        assert "gain over the start: +10.0 points, in pairs" in outcome.out


def test_a_choice_by_some_folds_is_told(run, arguments, judged):
    vary = ["--vary", "lr=3.0,30.0", "--trials", "3"]
    outcome = run("tune", *arguments, *vary, "--budget-minutes", "0.03")
    assert "chosen by 1 of 2 folds, then --budget-minutes were spent" in outcome.err
    outcome = run("tune", *arguments, *vary, "--budget-minutes", "1", "--overwrite")
    assert outcome.code == 0
    assert "budget" not in outcome.err


def test_how_many_of_the_settings_raced_is_told(run, arguments, judged):
    vary = ["--vary", "lr=3.0,10.0,30.0,100.0"]
    few = run("tune", *arguments, *vary, "--budget-minutes", "0.04")
    assert few.code == 0, few.err
    assert "raced 2 of 4 settings, as many as fit in --budget-minutes" in few.err


def test_the_methods_own_start_is_one_of_the_settings_not_one_more(run, arguments, judged):
    outcome = run("tune", *arguments, "--vary", "init=noise,real", "--trials", "3", "--json")
    assert [each["setting"]["init"] for each in json.loads(outcome.out)["trials"]] == ["noise", "real"]


def test_mistakes_are_one_line(run, arguments, tmp_path):
    assert "did you mean lr?" in run("tune", *arguments, "--vary", "lrr=3").line
    assert "nothing to tune" in run("tune", *arguments, "--method", "random").line
    assert not (tmp_path / "tuned").exists()


@pytest.mark.slow
def test_a_budget_chooses_the_representation_and_is_kept(run, arguments, toy, cache, tmp_path):
    asked = [
        *arguments,
        "--budget",
        "4kB",
        "--per-class",
        "--trials",
        "3",
        "--draws",
        "1",
        "--draw-steps",
        "1",
    ]
    outcome = run("tune", *asked, "--json")
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert told["trials"][0]["setting"]["method"] == "random"
    # So few clips leave none to test a draw of best-of-random on: such a trial fails, and the others go on.
    sizes = [trial["bytes"] for trial in told["trials"] if trial["setting"]["method"] != "best-of-random"]
    assert len(sizes) >= 2
    assert all(size <= 8000 for size in sizes)
    recipe = read_recipe(tmp_path / "tuned" / "recipe.toml")
    assert recipe.condense.budget == "8000B", "of two classes"
    shown = run("tune", *asked, "--overwrite")
    assert re.search(
        r"^the best use of 8.0 kB: compressed real clips \((random|herding|best-of-random)\); "
        "no learned videos were judged$",
        shown.out,
        flags=re.MULTILINE,
    )
    made = run(
        *("condense", toy, "--recipe", tmp_path / "tuned" / "recipe.toml", "--out", tmp_path / "set"),
        *("--cache-dir", cache, "--json"),
    )
    assert json.loads(made.out)["bytes"] <= 8000


def test_per_class_needs_a_budget(run, arguments):
    assert "--per-class: of what?" in run("tune", *arguments, "--per-class").line
