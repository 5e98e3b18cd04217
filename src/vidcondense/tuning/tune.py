"""Tuning: a race of settings, each judgement a cell of a comparison by cross-validation."""

from __future__ import annotations

import itertools
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from vidcondense.comparison.cells import Place, as_now, check_experts, missing, read_cell
from vidcondense.comparison.outcome import accuracy_of
from vidcondense.comparison.plan import Plan, read_plan
from vidcondense.comparison.run import Jobs, run_cells
from vidcondense.errors import DataError, FormatError, OutputError
from vidcondense.evaluation.protocol import EvaluateOptions
from vidcondense.evaluation.statistics import PairedDifference, paired_difference
from vidcondense.events import Listener, ignore
from vidcondense.files import read_json, write_json, write_text
from vidcondense.methods import METHODS
from vidcondense.options import changed_fields, require
from vidcondense.recipe import Recipe, from_keys, to_keys
from vidcondense.tuning.race import BASE, Judged, Scores, affordable, best, race
from vidcondense.tuning.space import Setting, Space, combinations, default_space, draw, explicit

PLAN = "plan.toml"
STATE = "state.json"

_MAX_STATE = 2**28


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """How options are chosen."""

    budget_minutes: float = 30.0
    """Minutes of work to spend, of all jobs together at the same time."""

    folds: int = 4
    """Parts into which the training clips are divided by source; each is held out once."""

    trials: int | None = None
    """Settings to try (default: as many as the budget allows)."""

    def __post_init__(self) -> None:
        minutes = self.budget_minutes
        require(minutes > 0, "budget_minutes", minutes, "must be more than 0 minutes")
        require(self.folds >= 2, "folds", self.folds, "must be at least 2")
        require(self.trials is None or self.trials >= 2, "trials", self.trials, "must be at least 2")


@dataclass(frozen=True, kw_only=True)
class _State:
    asked: dict[str, Any]
    settings: list[Setting]


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """The outcome.

    Attributes:
        recipe: the best one.
        settings: all that were tried, by number; 0 is the one to beat.
        scores: of each, the accuracy on each fold.
        chosen: the number of the best.
        gain: of it over number 0, in pairs by fold, but for those where one of the two failed; too high by
            design, for the best of many was taken.
        failures: why cells failed.
        bytes: of each that was condensed, the most that its sets took.
    """

    recipe: Recipe
    settings: tuple[Setting, ...]
    scores: Scores
    chosen: int
    gain: PairedDifference
    failures: Mapping[str, str]
    bytes: Mapping[int, int]


def tune(
    base: Recipe,
    data: str | Path,
    out: str | Path,
    options: TuneOptions | None = None,
    *,
    space: Space | Sequence[Setting] | None = None,
    evaluation: EvaluateOptions | None = None,
    jobs: Jobs | None = None,
    listener: Listener = ignore,
) -> Tuned:
    """Choose from `space` by accuracy on held-out training clips; an interrupted tuning goes on.

    Args:
        base: the recipe to start from, which the others must beat.
        data: the folder of real videos.
        out: the folder for every judgement; the same one continues an earlier tuning.
        options: how much work, how many folds.
        space: the values to choose from, by key; default: `default_space(base)`. Or settings (see
            `candidates`), of which the first is the one to beat.
        evaluation: how settings are judged; its `repeats` are networks a judgement; default: strict, one.
        jobs: how many settings are judged at the same time, and where.
        listener: gets a `cell` event as each judgement ends.

    Raises:
        OutputError: the folder holds another tuning.
        DataError: no setting could be judged at all.
    """
    base = explicit(base)
    options, jobs = options or TuneOptions(), jobs or Jobs()
    space = space or default_space(base)
    evaluation = evaluation or EvaluateOptions(repeats=1)
    place = Place(
        data=Path(data),
        out=Path(out),
        reading=base.reading,
        folds=options.folds,
        share_means=jobs.share_means,
    )
    asked = {
        "base": to_keys(base),
        "space": {key: list(values) for key, values in space.items()}
        if isinstance(space, Mapping)
        else [dict(setting) for setting in space],
        "evaluate": to_keys(evaluation),
        "folds": options.folds,
        "trials": options.trials,
    }
    referee = _Referee(place, base, evaluation, jobs, listener)
    budget = 60 * options.budget_minutes
    settings = _earlier(place.out / STATE, asked)
    if settings is None:
        settings = _settings(base, space, options, referee, budget * jobs.jobs)
        write_json(place.out / STATE, {"asked": asked, "settings": settings})
    referee.write_plan(settings)
    scores = race(len(settings), options.folds, referee.judge, budget=budget, jobs=jobs.jobs)
    shutil.rmtree(place.means, ignore_errors=True)
    chosen = best(scores)
    if chosen is None:
        reason = next(iter(referee.failures.values()), "the budget was spent before one was judged")
        raise DataError(f"no setting could be judged: {reason}")
    folds = sorted(scores[chosen].keys() & scores[BASE].keys())
    ours, starts = ([_finite(scores[number][fold]) for fold in folds] for number in (chosen, BASE))
    return Tuned(
        recipe=from_keys(Recipe, {**to_keys(base), **settings[chosen]}),
        settings=tuple(settings),
        scores=scores,
        chosen=chosen,
        gain=paired_difference(ours, starts),
        failures=referee.failures,
        bytes=referee.bytes,
    )


class _Referee:
    """Judges settings: each is an entrant of a comparison by cross-validation, each fold a cell of it."""

    def __init__(
        self, place: Place, base: Recipe, evaluation: EvaluateOptions, jobs: Jobs, listener: Listener
    ) -> None:
        self.place = place
        self.jobs = jobs
        self.listener = listener
        self.common = {
            "folds": place.folds,
            "repeats": place.folds,
            "networks": evaluation.repeats,
            "condense": _without(to_keys(base), "seed"),
            "evaluate": _without(to_keys(evaluation), "seed", "repeats"),
        }
        self.failures: dict[str, str] = {}
        self.bytes: dict[int, int] = {}
        self.plan = Plan(entrants=())

    def write_plan(self, settings: Sequence[Setting]) -> None:
        """Make the settings a plan, in a file for the processes that compute its cells."""
        sets = {f"trial {number}": setting for number, setting in enumerate(settings)}
        write_text(self.place.out / PLAN, tomli_w.dumps({**self.common, "sets": sets}))
        self.plan = read_plan(self.place.out / PLAN)

    def judge(self, pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Judged]:
        """Compute the cells that are missing, and read all."""
        entrants = self.plan.entrants
        names = {pair: entrants[pair[0]].cell_name(pair[1]) for pair in pairs}
        todo = [
            names[number, fold]
            for number, fold in pairs
            if missing(entrants[number], read_cell(self.place, entrants[number], fold))
        ]
        if todo:
            for number, fold in itertools.product(dict(pairs), range(self.place.folds or 0)):
                check_experts(self.place, entrants[number], fold)
            plan = self.place.out / PLAN
            self.failures |= run_cells(plan, self.place, todo, jobs=self.jobs, listener=self.listener)
        return {(number, fold): self._judged(number, fold) for number, fold in pairs}

    def _judged(self, number: int, fold: int) -> Judged:
        cell = read_cell(self.place, self.plan.entrants[number], fold)
        if cell is None:
            return Judged(accuracy=None, seconds=0.0)
        (entry,) = cell["entries"]
        self.bytes[number] = max(entry["bytes"], self.bytes.get(number, 0))
        return Judged(
            accuracy=accuracy_of(entry),
            seconds=(cell["seconds_condense"] or 0.0)
            - cell.get("seconds_saved", 0.0)
            + entry["seconds_evaluate"],
        )


def _settings(
    base: Recipe, space: Space | Sequence[Setting], options: TuneOptions, referee: _Referee, seconds: float
) -> list[Setting]:
    """The settings to race, the one to beat first; as many as are asked for, or as `seconds` allow."""
    if isinstance(space, Mapping):
        keys = to_keys(base)
        grid, first = combinations(space), {key: keys[key] for key in space if key in keys}
    else:
        grid, first = list(space), space[0]
    settings = draw(grid, first, options.trials or len(grid), base.condense.seed)
    if options.trials is not None:
        return settings
    referee.write_plan(settings)
    dear = max(range(len(settings)), key=lambda number: _cost(base, settings[number]))
    openings = referee.judge([(number, 0) for number in sorted({BASE, dear})])
    if openings[BASE, 0].accuracy is None:
        reason = next(iter(referee.failures.values()), "its networks diverged")
        raise DataError(f"the setting to start from could not be judged: {reason}")
    dearest = max(each.seconds for each in openings.values())
    return settings[: affordable(seconds, dearest, options.folds, len(settings))]


def _cost(base: Recipe, setting: Setting) -> int:
    """In order: nothing is learned, mean features are matched, or what takes longer than these."""
    options = from_keys(Recipe, {**to_keys(base), **setting}).condense
    stages = METHODS[options.method].stages
    if not stages:
        return 0
    return 1 if options.matcher_of(stages[-1]) == "dm" else 2


def _earlier(path: Path, asked: Mapping[str, Any]) -> list[Setting] | None:
    """The settings of an interrupted tuning in the same folder; None where there is none."""
    if not os.path.lexists(path):
        return None
    state = read_json(path, _MAX_STATE, _State, "use another --out")
    before, settings = dict(state.asked), state.settings
    if not all(isinstance(before.get(name), dict) for name in ("base", "evaluate")):
        raise FormatError(f"cannot read {path}: it does not say what was asked; use another --out")
    before["base"] = as_now(before["base"], asked["base"], Recipe())
    before["evaluate"] = as_now(before["evaluate"], asked["evaluate"], EvaluateOptions())
    if changed := changed_fields(before, asked):
        raise OutputError(f"{path} is of another tuning ({'; '.join(changed)}); use another --out")
    return settings


def _finite(score: float) -> float | None:
    return score if math.isfinite(score) else None


def _without(keys: Mapping[str, Any], *left_out: str) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if key not in left_out}
