from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parents[2] / "benchmarks")]

import budgets

from vidcondense.comparison.run import Jobs
from vidcondense.recipe import Recipe, from_keys
from vidcondense.tuning.candidates import candidates
from vidcondense.video.toy import ToyOptions, make_toy

BENCHMARKS = Path(budgets.__file__).parent


def candidate(method, side, *accuracies):
    setting = {"method": method, "key-frame-size": side, "insertion": "none", "initial-key-frames": 2}
    setting |= {"codec": "webp", "bits": 8, "vpc": 1, "match-targets": "class", "quality": 40}
    return {"setting": setting, "bytes": 900, "accuracies": list(accuracies)}


def race(kilobytes, *found):
    return {"kilobytes": kilobytes, "budget": f"{2 * kilobytes}kB", "candidates": budgets.ranked(found)}


def test_finalists_are_those_that_went_farthest_and_none_that_failed():
    found = [
        candidate("random", 8, 0.1, 0.2),
        candidate("random", 16, 0.9),
        candidate("prism", 8, 0.5, 0.4),
        candidate("prism", 16, 0.9, None),
        candidate("herding", 8, 0.3, 0.4),
    ]
    settings = [each["setting"] for each in budgets.ranked(found)]
    order = [(each["method"], each["key-frame-size"]) for each in settings]
    assert order == [("prism", 8), ("herding", 8), ("random", 8), ("random", 16)]


def test_the_plan_has_finalists_and_each_kind_of_real_clips_once():
    found = race(
        1,
        candidate("prism", 8, 0.5, 0.6),
        candidate("prism", 16, 0.5, 0.5),
        candidate("herding", 8, 0.4, 0.5),
        candidate("prism", 32, 0.4, 0.4),
        candidate("random", 8, 0.1),
        candidate("random", 16, 0.3),
        candidate("best-of-random", 8, 0.2),
    )
    sets = budgets.plan_of("toy", [found])["sets"]
    chosen = [(each["method"], each["key-frame-size"]) for each in sets.values()]
    assert chosen == [("prism", 8), ("prism", 16), ("herding", 8), ("random", 16), ("best-of-random", 8)]
    assert {each["budget"] for each in sets.values()} == {"2kB"}


def test_a_race_is_run_and_makes_a_plan(tmp_path, monkeypatch):
    folder = tmp_path / "toy"
    make_toy(folder, ToyOptions(pairs=1, train_per_class=8, test_per_class=2, num_frames=8, size=44))
    short = {"model": "convnet3d-16", "num-frames": 8, "stride": 1, "size": 44, "iterations": 2}
    monkeypatch.setitem(budgets.DATA, "toy", budgets.Data(lambda: folder, short, "the toy set"))
    monkeypatch.setattr(budgets, "EVALUATE", {**budgets.EVALUATE, "steps": 1})
    monkeypatch.setattr(budgets, "FOLDS", 2)

    def few(*arguments):
        found = candidates(*arguments)
        titles = {budgets.title(2, each.setting) for each in found}
        assert len(titles) == len(found), "what is in a plan has a title of its own"
        small = [each for each in found if each.setting["key-frame-size"] == 8]
        return [small[0], next(each for each in small if each.setting["method"] == "prism")]

    monkeypatch.setattr(budgets, "candidates", few)
    found = budgets.raced("toy", 2, tmp_path / "work", Jobs(jobs=2, threads=1))
    assert found["budget"] == "4kB"
    assert all(each["bytes"] <= 4000 for each in found["candidates"] if each["bytes"])
    assert max(len(each["accuracies"]) for each in found["candidates"]) == 2
    plan = budgets.plan_of("toy", [found])
    for setting in plan["sets"].values():
        assert from_keys(Recipe, {**plan["condense"], **setting}).condense.max_bytes == 4000


@pytest.mark.parametrize("name", budgets.DATA)
def test_the_committed_plan_is_what_the_races_chose(name):
    path = BENCHMARKS / "results" / "budgets.json"
    races = json.loads(path.read_text())["rows"] if path.exists() else []
    own = [each for each in races if each["data"] == name]
    if not own:
        pytest.skip("no race was run yet")
    plan = tomllib.loads((BENCHMARKS / "plans" / f"budgets_{name}.toml").read_text())
    assert plan == json.loads(json.dumps(budgets.plan_of(name, own)))
