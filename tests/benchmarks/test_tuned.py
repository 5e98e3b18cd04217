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
PLAN = tomllib.loads((BENCHMARKS / "plans" / "methods.toml").read_text())


@pytest.fixture(scope="module")
def spaces():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("tuned", BENCHMARKS / "tuned.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module.SPACES


def options_of(name):
    own = {
        key: value for key, value in PLAN["sets"][name].items() if key not in ("lr", "init-scale", "labels")
    }
    return from_keys(Recipe, {**PLAN["condense"], **own}).condense


def test_every_set_that_learns_is_tuned_and_its_default_is_among_the_rates(spaces):
    learned = {name for name in PLAN["sets"] if METHODS[options_of(name).method].stages}
    assert learned == set(spaces)
    for name, space in spaces.items():
        options = options_of(name)
        assert space["lr"][0] == options.lr_of(METHODS[options.method].stages[-1])
        stages = METHODS[options.method].stages
        if len(stages) == 1:
            assert ("init-scale" in space) == ((options.init or stages[0].init) == "noise")


def test_the_plan_takes_what_was_chosen():
    path = BENCHMARKS / "results" / "tuned.json"
    if not path.exists():
        pytest.skip("nothing was tuned yet")
    for row in json.loads(path.read_text())["rows"]:
        keys, condense = PLAN["sets"][row["set"]], options_of(row["set"])
        default = {"lr": condense.lr_of(METHODS[condense.method].stages[-1])}
        default |= {"init-scale": 1.0, "static-lr": 0.1}
        assert {key: keys.get(key, default[key]) for key in row["chosen"]} == row["chosen"]
