"""What is compared: a TOML file of sets, and the cells it stands for.

    repeats = 5                     # condensation seeds of every set
    baseline = "random"             # what the others are compared with, in pairs
    folds = 4                       # judge on held-out training clips, not on test clips (to choose by)

    [condense]                      # what all sets have in common: keys of a recipe
    num-frames = 8
    iterations = 150

    [evaluate]                      # how all are judged: flags of `vidcondense evaluate`
    steps = 200

    [full-data]                     # the control: networks trained on all real clips
    repeats = 3

    [sets.random]
    method = "random"
    vpc = [1, 5]                    # a list where a recipe has one value: a row for each

    [sets."PRISM, tuned"]
    recipe = "prism.toml"           # start from a recipe beside this file
    codec = ["float32", "uint8"]

    [sets.FRePo]
    method = "frepo"
    labels = ["hard", "own"]        # networks learn the classes, or the labels learned with the videos

A row is one line of the table. A cell is a row, or the rows that differ in codec, network or labels only,
with one condensation seed: one condensation, and what belongs to it.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from vidcondense.errors import FormatError, UsageError
from vidcondense.evaluation.protocol import EvaluateOptions
from vidcondense.models import MODELS
from vidcondense.models.custom import is_custom
from vidcondense.options import choose, unknown
from vidcondense.recipe import Recipe, from_keys, keys_of, read_recipe, read_toml, to_keys
from vidcondense.storage.labels import HARD, LabelName

FULL_DATA = "full data"

_KEYS = ("repeats", "networks", "baseline", "folds", "condense", "evaluate", "full-data", "sets")
_OF_THE_PLAN = {"evaluate": ("repeats", "seed"), "condense": ("seed",)}


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """What is repeated: one way to make a set, or the full data.

    Attributes:
        name: of the set in the file.
        varied: the keys that the file gave several values, but for codec and model, with those of this one.
        recipe: how the set is condensed; of the full data, how its clips are read. Seed and codec are those
            of the first cell and row.
        codecs: how the set is stored, a row for each; empty for the full data.
        models: the networks it is judged by, a row for each.
        labels: what these are trained on, a row for each.
        evaluation: how each row is judged; `repeats` are the networks of one cell.
        repeats: condensation seeds, from 0; of the full data, seeds of networks.
    """

    name: str
    varied: tuple[tuple[str, Any], ...]
    recipe: Recipe
    codecs: tuple[str, ...]
    models: tuple[str, ...]
    evaluation: EvaluateOptions
    repeats: int
    labels: tuple[str, ...] = (HARD,)

    @property
    def condensed(self) -> bool:
        """Whether this is a condensed set (not the full data)."""
        return bool(self.codecs)

    @property
    def vpc(self) -> int | None:
        """Videos per class; None of the full data."""
        return self.recipe.condense.vpc if self.condensed else None

    @property
    def label(self) -> str:
        """The name, and the varied options that have no column of their own."""
        return ", ".join([self.name, *(f"{key} {value}" for key, value in self.varied if key != "vpc")])

    def cell_name(self, seed: int) -> str:
        """A name for a cell that can be a file's."""
        text = ", ".join([self.name, *(f"{key} {value}" for key, value in self.varied)])
        text = re.sub(r"(?<= )-(?=[0-9.])", "minus ", text.lower())
        return (re.sub(r"[^a-z0-9.]+", "-", text).strip("-.") or "set") + f"-{seed}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole comparison.

    Attributes:
        entrants: in the order of the file, the full data last.
        baseline: the set the others are compared with; None: no comparison in pairs.
        folds: None: judged on the test split. A number: the *training* clips are divided into so many folds
            by source group; the cell of seed s is condensed without fold s mod `folds`, and judged on it.
    """

    entrants: tuple[Entrant, ...]
    baseline: str | None = None
    folds: int | None = None

    def cells(self) -> dict[str, tuple[Entrant, int]]:
        """Every cell by its name, with its condensation seed: all sets with the first seed first."""
        most = max(each.repeats for each in self.entrants)
        return {
            each.cell_name(seed): (each, seed)
            for seed in range(most)
            for each in self.entrants
            if seed < each.repeats
        }


def read_plan(path: str | Path) -> Plan:
    """Read what is to be compared.

    Raises:
        FormatError: the file cannot be read, is no TOML, or says something that makes no sense.
    """
    path = Path(path)
    try:
        return make_plan(read_toml(path), path.parent)
    except UsageError as error:
        raise FormatError(f"{path}: {error}") from error


def make_plan(tables: Mapping[str, Any], folder: Path) -> Plan:
    """Make a plan of the tables of its file.

    Args:
        tables: the content of the TOML file.
        folder: where the recipes it names are looked for.

    Raises:
        UsageError: something in it makes no sense.
        FormatError: a recipe it names cannot be read.
    """
    for key in tables:
        if key not in _KEYS:
            raise UsageError(unknown(key, _KEYS, "key"))
    sets = _table(tables, "sets")
    if not sets:
        raise UsageError(
            'there is nothing to compare; add a table such as [sets.random] with method = "random"'
        )
    repeats, networks = _count(tables, "repeats", 5), _count(tables, "networks", 1)
    judge = _table(tables, "evaluate")
    models = judge.pop("model", EvaluateOptions().model)
    models = tuple(models) if isinstance(models, list) else (models,)
    if not models or len(set(map(str, models))) < len(models):
        raise UsageError(f"evaluate: model = {list(models)!r}: name at least one network, each once")
    for model in models:
        from_keys(EvaluateOptions, {"model": model})
        if not is_custom(model):
            choose(MODELS, model, "model")
    _refuse(judge, "evaluate")
    evaluation = from_keys(EvaluateOptions, {**judge, "repeats": networks})
    common = _table(tables, "condense")
    _refuse(common, "condense")
    entrants = [
        entrant
        for name, table in sets.items()
        for entrant in _entrants(name, table, common, folder, models, evaluation, repeats)
    ]
    if "full-data" in tables:
        entrants.append(_full_data(_table(tables, "full-data"), common, models, evaluation, repeats))
    baseline = tables.get("baseline")
    if baseline is not None and str(baseline) not in sets:
        raise UsageError(unknown(str(baseline), sets, "baseline"))
    folds = _count(tables, "folds", 2) if "folds" in tables else None
    if folds == 1:
        raise UsageError("folds = 1: cross-validation needs at least 2")
    plan = Plan(entrants=tuple(entrants), baseline=baseline, folds=folds)
    names = [each.cell_name(0) for each in entrants]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"two sets would both be called {twice!r}; rename one of them")
    return plan


def _entrants(
    name: str,
    table: Any,  # noqa: ANN401 - whatever the file says
    common: Mapping[str, Any],
    folder: Path,
    models: tuple[str, ...],
    evaluation: EvaluateOptions,
    repeats: int,
) -> list[Entrant]:
    """The rows of one set: one for every combination of the values in lists."""
    if not isinstance(table, dict):
        raise UsageError(f"sets.{name} is no table; write [sets.{_quoted(name)}] with keys of a recipe below")
    own = dict(table)
    repeats = _count(own, "repeats", repeats)
    own.pop("repeats", None)
    try:
        _refuse(own, "condense")
        labels = _labels(own.pop("labels", HARD))
        recipe = own.pop("recipe", None)
        if recipe is not None and not isinstance(recipe, str):
            raise UsageError(f"recipe = {recipe!r}: must be the name of a file")
        start = {} if recipe is None else to_keys(read_recipe(folder / recipe))
        keys = {**start, **common, **own}
        keys.pop("seed", None)
        lists = {key: value for key, value in keys.items() if isinstance(value, list) and not _is_list(key)}
        if empty := next((key for key, values in lists.items() if not values), None):
            raise UsageError(f"{empty} = []: a list of no values makes no row")
        codecs = tuple(lists.pop("codec", [keys.get("codec", Recipe().condense.codec)]))
        if len(codecs) > 1 and "budget" in keys:
            raise UsageError(
                "budget: a list of codecs is stored from one set without it; write a set for each"
            )
        made = []
        for values in itertools.product(*lists.values()):
            varied = dict(zip(lists, values, strict=True))
            recipes = [from_keys(Recipe, {**keys, **varied, "codec": codec}) for codec in codecs]
            if labels != (HARD,) and not recipes[0].condense.learns_labels:
                raise UsageError("labels: only frepo learns labels with the videos; leave it out")
            made.append(
                Entrant(
                    name=name,
                    varied=tuple(varied.items()),
                    recipe=recipes[0],
                    codecs=codecs,
                    models=models,
                    evaluation=evaluation,
                    repeats=repeats,
                    labels=labels,
                )
            )
    except UsageError as error:
        raise UsageError(f"sets.{name}: {error}") from error
    return made


def _labels(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever the file says
    labels = tuple(value) if isinstance(value, list) else (value,)
    known = get_args(LabelName)
    if not labels or not all(each in known for each in labels) or len({*labels}) < len(labels):
        raise UsageError(f"labels = {value!r}: name hard, own, or both in a list")
    return labels


def _full_data(
    table: dict[str, Any],
    common: Mapping[str, Any],
    models: tuple[str, ...],
    evaluation: EvaluateOptions,
    repeats: int,
) -> Entrant:
    for key in table:
        if key not in ("repeats", "steps"):
            raise UsageError(f"full-data: {unknown(key, ('repeats', 'steps'), 'key')}")
    if "steps" in table:
        evaluation = dataclasses.replace(evaluation, steps=_count(table, "steps", 1), epochs=None)
    reads = {**keys_of(Recipe)}
    read = {key: value for key, value in common.items() if reads.get(key, ("condense",))[0] != "condense"}
    return Entrant(
        name=FULL_DATA,
        varied=(),
        recipe=from_keys(Recipe, read),
        codecs=(),
        models=models,
        evaluation=evaluation,
        repeats=_count(table, "repeats", repeats),
    )


def _table(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = tables.get(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"{name} = {table!r}: must be a table, [{name}]")
    return dict(table)


def _count(table: Mapping[str, Any], key: str, default: int) -> int:
    value = table.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UsageError(f"{key} = {value!r}: must be a whole number, at least 1")
    return value


def _refuse(table: Mapping[str, Any], name: str) -> None:
    for key in _OF_THE_PLAN[name]:
        if key in table:
            raise UsageError(
                f"{key}: seeds are counted by the comparison; set repeats (and networks) at its top"
            )


def _is_list(key: str) -> bool:
    """Whether the option of a key takes several values itself."""
    path = keys_of(Recipe).get(key)
    if path is None:
        return False
    kind: Any = Recipe
    for name in path:
        kind = typing.get_type_hints(kind)[name]
    return typing.get_origin(kind) is tuple


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'
