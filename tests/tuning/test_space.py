from __future__ import annotations

import itertools

import pytest

from vidcondense.errors import UsageError
from vidcondense.insertion.options import InsertionOptions
from vidcondense.recipe import Recipe
from vidcondense.settings import CondenseOptions
from vidcondense.tuning.space import combinations, default_space, explicit, read_space, shuffled, start_of

BASE = Recipe(condense=CondenseOptions(iterations=100, lr=10.0))


def test_usual_space_follows_the_method():
    assert default_space(BASE) == {
        "lr": [1.0, 3.0, 10.0, 30.0, 100.0],
        "iterations": [50, 100, 200],
        "init-scale": (0.1, 0.3, 1.0),
        "epsilon": (-0.05, 0.0, 0.05),
    }
    dense = Recipe(condense=CondenseOptions(method="dm"))
    assert list(default_space(dense)) == ["lr", "iterations"], "real clips have no scale"
    fixed = Recipe(condense=CondenseOptions(insert=InsertionOptions(insertion="none")))
    assert "epsilon" not in default_space(fixed)
    with pytest.raises(UsageError, match="nothing to tune"):
        default_space(Recipe(condense=CondenseOptions(method="random")))


def test_the_methods_own_values_are_written_out_where_there_is_one_for_all_stages():
    made = explicit(Recipe(condense=CondenseOptions(vpc=2))).condense
    assert (made.lr, made.match.real_batch) == (20.0, 4)
    both = explicit(Recipe(condense=CondenseOptions(method="static-dynamic"))).condense
    assert (both.lr, both.match.real_batch) == (10.0, None)
    control = Recipe(condense=CondenseOptions(method="random"))
    assert explicit(control) == control


def test_the_start_is_found_in_a_space_also_where_the_methods_own_init_and_matcher_are_meant():
    space = {"init": ["noise", "real"], "lr": [1.0, 3.0], "match": ["dm", "dsa"]}
    for method, init, match in (("prism", "noise", "dm"), ("dsa", "real", "dsa")):
        base = explicit(Recipe(condense=CondenseOptions(method=method, lr=3.0)))
        start = start_of(space, base)
        assert start == {"init": init, "lr": 3.0, "match": match}
        assert start in combinations(space)
    both = Recipe(condense=CondenseOptions(method="static-dynamic"))
    assert start_of({"match": ["dm", "dc"]}, both) == {}
    given = Recipe(condense=CondenseOptions(init="real"))
    assert start_of({"init": ["noise", "real"]}, given) == {"init": "real"}


def test_values_are_read_as_the_option_wants_them():
    space = read_space(["real-batch=8, 16", "init=noise,real", "--init_scale=0.5,1.0"], BASE)
    assert space == {"real-batch": [8, 16], "init": ["noise", "real"], "init-scale": [0.5, 1.0]}
    assert len(combinations(space)) == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("real-batch", "KEY=VALUE"),
        ("reel-batch=3", "did you mean real-batch?"),
        ("real-batch=3,x", "real-batch = 'x': expected `int`"),
        ("vpc=0", "--vpc 0"),
        ("real-batch=", "real-batch"),
        ("seed=1,2", "unknown key 'seed'"),
    ],
)
def test_what_makes_no_sense_is_refused(text, said):
    with pytest.raises(UsageError) as caught:
        read_space([text], BASE)
    assert said in str(caught.value)


def test_orders_differ_begin_with_the_base_and_depend_on_the_seed():
    space = combinations({"a": [1, 2, 3], "b": ["x", "y"]})
    base = {"a": 9, "b": "x"}
    order = shuffled(space, base, seed=0)
    assert order[0] == base
    grid = [dict(zip("ab", values, strict=True)) for values in itertools.product([1, 2, 3], "xy")]
    assert sorted(order[1:], key=str) == sorted(grid, key=str)
    assert shuffled(space, grid[0], seed=0)[1:] != shuffled(space, grid[0], seed=1)[1:]
    assert len(shuffled(space, grid[0], seed=0)) == 6
    assert shuffled(space, base, seed=5) == shuffled(space, base, seed=5)
