from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import tuned

from vidcondense.methods import METHODS
from vidcondense.recipe import Recipe, from_keys

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PLANS = {
    name: tomllib.loads((BENCHMARKS / "plans" / f"{name}.toml").read_text())
    for name in ("methods", "toy_methods", "many_videos")
}
BY_RATE_ALONE = {
    "two key frames, DSA",
    "two key frames 16×16, DSA",
    "cluster targets by DSA, two key frames 16×16",
}
"""Begin as noise, always at its full scale."""


def options_of(plan, keys):
    left_out = ("lr", "init-scale", "static-lr", "labels", "codec", "vpc", "repeats")
    own = {key: value for key, value in keys.items() if key not in left_out}
    vpc = 5 if "vpc" in keys else 1
    return from_keys(Recipe, {**plan["condense"], **own, "vpc": vpc}).condense


def test_every_set_with_one_video_that_learns_is_tuned():
    plan = PLANS["methods"]
    learned = {name for name, keys in plan["sets"].items() if METHODS[options_of(plan, keys).method].stages}
    assert learned == set(tuned.SPACES["methods"])


@pytest.mark.parametrize("plan", ["methods", "many_videos"])
def test_the_default_is_among_the_rates(plan):
    for name, space in tuned.SPACES[plan].items():
        options = options_of(PLANS[plan], PLANS[plan]["sets"][name])
        stages = METHODS[options.method].stages
        assert space["lr"][0] == options.lr_of(stages[-1])
        if len(stages) == 1 and name not in BY_RATE_ALONE:
            assert ("init-scale" in space) == ((options.init or stages[0].init) == "noise")


def rows_of(plan):
    path = BENCHMARKS / "results" / f"{tuned.RESULTS[plan]}.json"
    if not path.exists():
        pytest.skip("nothing was tuned yet")
    return {row["set"]: row for row in json.loads(path.read_text())["rows"]}


@pytest.mark.parametrize("plan", ["methods", "many_videos"])
def test_the_plan_takes_what_was_chosen_for_it(plan):
    rows, spaces = rows_of(plan), tuned.SPACES[plan]
    assert rows.keys() == spaces.keys()
    for name, row in rows.items():
        assert row["asked"] == tuned.asked(name, PLANS[plan], spaces[name])
        keys = PLANS[plan]["sets"][name]
        options = options_of(PLANS[plan], keys)
        default = {
            "lr": options.lr_of(METHODS[options.method].stages[-1]),
            "init-scale": 1.0,
            "static-lr": 0.1,
        }
        assert {key: keys.get(key, default[key]) for key in row["chosen"]} == row["chosen"]


def test_trajectories_and_kernels_of_five_videos_take_the_rates_of_one():
    rows, plan = rows_of("methods"), PLANS["many_videos"]
    for name, shared in (("FRePo", 1), ("MTT", 5)):
        assert plan["sets"][name]["lr"] == shared * rows[name]["chosen"]["lr"]


def test_the_toy_set_has_the_same_sets_with_experts_of_its_own():
    ours, theirs = PLANS["methods"], PLANS["toy_methods"]
    assert ours["sets"] | {"MTT": {**ours["sets"]["MTT"], "experts": "experts-toy"}} == theirs["sets"]
    of_data = {"layout", "stride", "size"}
    assert {key for key, value in ours["condense"].items() if value != theirs["condense"].get(key)} == of_data
