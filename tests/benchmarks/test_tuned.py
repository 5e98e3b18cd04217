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
RESULTS = {"methods": "tuned", "toy_methods": "toy_tuned"}


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


def plan_of(name):
    return tomllib.loads((BENCHMARKS / "plans" / f"{name}.toml").read_text())


def options_of(plan, name):
    left_out = ("lr", "init-scale", "static-lr", "labels")
    own = {key: value for key, value in plan["sets"][name].items() if key not in left_out}
    return from_keys(Recipe, {**plan["condense"], **own}).condense


def test_every_plan_is_known(tuned):
    assert tuned.NAMES == RESULTS


@pytest.mark.parametrize("name", RESULTS)
def test_every_set_that_learns_is_tuned(tuned, name):
    plan = plan_of(name)
    learned = {each for each in plan["sets"] if METHODS[options_of(plan, each).method].stages}
    assert learned == set(tuned.SPACES)


@pytest.mark.parametrize("name", RESULTS)
def test_the_default_is_the_first_of_the_settings(tuned, name):
    plan = plan_of(name)
    for each, space in tuned.SPACES.items():
        options = options_of(plan, each)
        stages = METHODS[options.method].stages
        assert space["lr"][0] == options.lr_of(stages[-1])
        if len(stages) == 1:
            assert ("init-scale" in space) == ((options.init or stages[0].init) == "noise")


@pytest.mark.parametrize("name", RESULTS)
def test_the_plan_takes_what_was_chosen(name):
    path = BENCHMARKS / "results" / f"{RESULTS[name]}.json"
    if not path.exists():
        pytest.skip("nothing was tuned yet")
    plan = plan_of(name)
    for row in json.loads(path.read_text())["rows"]:
        keys, condense = plan["sets"][row["set"]], options_of(plan, row["set"])
        default = {"lr": condense.lr_of(METHODS[condense.method].stages[-1])}
        default |= {"init-scale": 1.0, "static-lr": 0.1}
        assert {key: keys.get(key, default[key]) for key in row["chosen"]} == row["chosen"]
