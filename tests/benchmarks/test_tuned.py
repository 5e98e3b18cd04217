from __future__ import annotations

import importlib.util
import json
import sys
import tomllib
from pathlib import Path

import pytest

from vidcondense.methods import METHODS
from vidcondense.recipe import Recipe, from_keys

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PLANS = {
    name: tomllib.loads((BENCHMARKS / "plans" / f"{name}.toml").read_text())
    for name in ("methods", "toy_methods")
}


@pytest.fixture(scope="module")
def tuned():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("tuned", BENCHMARKS / "tuned.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module


def options_of(name):
    left_out = ("lr", "init-scale", "static-lr", "labels")
    own = {key: value for key, value in PLANS["methods"]["sets"][name].items() if key not in left_out}
    return from_keys(Recipe, {**PLANS["methods"]["condense"], **own}).condense


def test_every_set_that_learns_is_tuned_and_its_default_is_among_the_rates(tuned):
    learned = {name for name in PLANS["methods"]["sets"] if METHODS[options_of(name).method].stages}
    assert learned == set(tuned.SPACES)
    for name, space in tuned.SPACES.items():
        options = options_of(name)
        stages = METHODS[options.method].stages
        assert space["lr"][0] == options.lr_of(stages[-1])
        if len(stages) == 1:
            assert ("init-scale" in space) == ((options.init or stages[0].init) == "noise")


@pytest.fixture
def rows():
    path = BENCHMARKS / "results" / "tuned.json"
    if not path.exists():
        pytest.skip("nothing was tuned yet")
    return {row["set"]: row for row in json.loads(path.read_text())["rows"]}


def test_the_plan_takes_what_was_chosen_for_it(tuned, rows):
    assert rows.keys() == tuned.SPACES.keys()
    for name, row in rows.items():
        assert row["asked"] == tuned.asked(name, PLANS["methods"])
        keys, condense = PLANS["methods"]["sets"][name], options_of(name)
        default = {"lr": condense.lr_of(METHODS[condense.method].stages[-1])}
        default |= {"init-scale": 1.0, "static-lr": 0.1}
        assert {key: keys.get(key, default[key]) for key in row["chosen"]} == row["chosen"]


def test_five_videos_take_the_same(rows):
    plan = tomllib.loads((BENCHMARKS / "plans" / "many_videos.toml").read_text())
    for name, shared in (("static-dynamic", 5), ("FRePo", 1), ("MTT", 5)):
        own = {key: value for key, value in plan["sets"][name].items() if key not in ("labels", "repeats")}
        condense = from_keys(Recipe, {**plan["condense"], **own}).condense
        assert condense.lr_of(METHODS[condense.method].stages[-1]) == shared * rows[name]["chosen"]["lr"]


def test_the_toy_set_differs_in_its_experts_only():
    ours, theirs = PLANS["methods"], PLANS["toy_methods"]
    assert ours["sets"] | {"MTT": {**ours["sets"]["MTT"], "experts": "experts-toy"}} == theirs["sets"]
    assert ours["evaluate"] == theirs["evaluate"]
    of_data = {"layout", "stride", "size"}
    assert {key for key, value in ours["condense"].items() if value != theirs["condense"].get(key)} == of_data
