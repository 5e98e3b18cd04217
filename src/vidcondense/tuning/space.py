"""What may be chosen, and which combinations are tried."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from vidcondense import rng
from vidcondense.errors import UsageError
from vidcondense.methods import METHODS
from vidcondense.options import unknown
from vidcondense.recipe import Recipe, from_keys, keys_of, to_keys

Space = Mapping[str, Sequence[Any]]
"""The values to choose from, by the key of the option."""

Setting = dict[str, Any]
"""One value of each option of a space."""

_FACTORS = {"lr": (0.1, 0.3, 1.0, 3.0, 10.0), "iterations": (0.5, 1.0, 2.0)}
_SCALES = (0.1, 0.3, 1.0)
_EPSILONS = (-0.05, 0.0, 0.05)


def default_space(base: Recipe) -> Space:
    """Learning rate and iterations around those of `base`; the scale of noise; ε where frames are inserted.

    Raises:
        UsageError: the method of `base` learns nothing.
    """
    options = base.condense
    stages = METHODS[options.method].stages
    if not stages:
        raise UsageError(f"--method {options.method} has nothing to tune: it learns nothing")
    stage = stages[-1]
    space: dict[str, Sequence[Any]] = {
        "lr": [_round(options.lr_of(stage) * factor) for factor in _FACTORS["lr"]],
        "iterations": [max(1, round(options.iterations * factor)) for factor in _FACTORS["iterations"]],
    }
    if (options.init or stage.init) == "noise":
        space["init-scale"] = _SCALES
    if stage.insertion and options.insert.insertion != "none":
        space["epsilon"] = _EPSILONS
    return space


def explicit(base: Recipe) -> Recipe:
    """The same recipe, learning rate and real clips written out where the method's own are meant.

    The real clips not where stages differ in them.
    """
    options = base.condense
    stages = METHODS[options.method].stages
    if not stages:
        return base
    batches = {options.match.real_batch_of(options.matcher_of(stage)) for stage in stages}
    match = replace(options.match, real_batch=batches.pop()) if len(batches) == 1 else options.match
    return replace(base, condense=replace(options, lr=options.lr_of(stages[-1]), match=match))


def read_space(texts: Sequence[str], base: Recipe) -> Space:
    """A space from texts such as `real-batch=8,16,64` and `init="noise","real"`.

    Raises:
        UsageError: a text has another form, a key is unknown, or a value is of another type than its option.
    """
    space: dict[str, Sequence[Any]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        key = key.strip().removeprefix("--").replace("_", "-")
        if not equals:
            raise UsageError(f"--vary {text}: write KEY=VALUE,VALUE")
        known = [name for name in keys_of(Recipe) if name != "seed"]  # every fold has a seed of its own
        if key not in known:
            raise UsageError(f"--vary {text}: {unknown(key, known, 'key')}")
        space[key] = [_value(part.strip()) for part in values.split(",")]
        for value in space[key]:
            from_keys(Recipe, {**to_keys(base), key: value})
    return space


def combinations(space: Space) -> list[Setting]:
    """Every setting of a space."""
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]


def start_of(space: Space, base: Recipe) -> Setting:
    """What `base` has for the options of a space; `init` and `match` also where it leaves them to its method.

    Not where the stages of the method differ in them.
    """
    keys, stages = to_keys(base), METHODS[base.condense.method].stages
    for key, own in (
        ("init", {stage.init for stage in stages}),
        ("match", {stage.match[0] for stage in stages}),
    ):
        if len(own) == 1:
            keys.setdefault(key, own.pop())
    return {key: keys[key] for key in space if key in keys}


def shuffled(grid: Sequence[Setting], base: Setting, seed: int) -> list[Setting]:
    """`base`, and all other settings of `grid` in an order drawn by the seed."""
    others = [setting for setting in grid if setting != base]
    order = torch.randperm(len(others), generator=rng.generator(seed, "trials")).tolist()
    return [base, *(others[index] for index in order)]


def _value(text: str) -> object:
    """A value as TOML would read it; a bare word is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _round(value: float) -> float:
    return float(f"{value:.3g}")
