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
TUNED = ("lr", "init-scale", "static-lr")


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
    left_out = (*TUNED, "labels")
    own = {key: value for key, value in PLANS["methods"]["sets"][name].items() if key not in left_out}
    return from_keys(Recipe, {**PLANS["methods"]["condense"], **own}).condense


def test_every_set_that_learns_is_tuned_and_its_default_is_among_the_rates(spaces):
    learned = {name for name in PLANS["methods"]["sets"] if METHODS[options_of(name).method].stages}
    assert learned == set(spaces)
    for name, space in spaces.items():
        options = options_of(name)
        stages = METHODS[options.method].stages
        assert space["lr"][0] == options.lr_of(stages[-1])
        if len(stages) == 1:
            assert ("init-scale" in space) == ((options.init or stages[0].init) == "noise")


def test_the_plan_takes_what_was_chosen():
    path = BENCHMARKS / "results" / "tuned.json"
    if not path.exists():
        pytest.skip("nothing was tuned yet")
    for row in json.loads(path.read_text())["rows"]:
        keys, condense = PLANS["methods"]["sets"][row["set"]], options_of(row["set"])
        default = {"lr": condense.lr_of(METHODS[condense.method].stages[-1])}
        default |= {"init-scale": 1.0, "static-lr": 0.1}
        assert {key: keys.get(key, default[key]) for key in row["chosen"]} == row["chosen"]


def test_the_toy_set_takes_the_same():
    for name, keys in PLANS["methods"]["sets"].items():
        on_toy = PLANS["toy_methods"]["sets"][name]
        assert {key: keys.get(key) for key in TUNED} == {key: on_toy.get(key) for key in TUNED}
    assert PLANS["methods"]["sets"].keys() == PLANS["toy_methods"]["sets"].keys()
