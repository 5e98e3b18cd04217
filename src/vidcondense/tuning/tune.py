"""Tuning: a race of settings, each judgement a cell of a comparison by cross-validation."""

from __future__ import annotations

import itertools
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from vidcondense.assembly import total_iterations
from vidcondense.comparison.cells import Place, as_now, check_experts, missing, read_cell
from vidcondense.comparison.outcome import accuracy_of
from vidcondense.comparison.plan import Plan, read_plan
from vidcondense.comparison.run import Jobs, run_cells
from vidcondense.errors import DataError, FormatError, OutputError
from vidcondense.evaluation.protocol import OLDER_JUDGE, EvaluateOptions
from vidcondense.evaluation.statistics import PairedDifference, paired_difference
from vidcondense.events import Listener, ignore
from vidcondense.files import read_json, write_json, write_text
from vidcondense.methods import METHODS
from vidcondense.options import changed_fields, require
from vidcondense.recipe import Recipe, from_keys, to_keys
from vidcondense.settings import CondenseOptions
from vidcondense.tuning.race import BASE, Budget, Judged, Pair, Scores, affordable, best, race
from vidcondense.tuning.space import Setting, Space, combinations, default_space, explicit, shuffled, start_of

PLAN = "plan.toml"
STATE = "state.json"
SECONDS = "seconds.json"

_MAX_STATE = 2**28


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """How options are chosen."""

    budget_minutes: float = 30.0
    """Minutes of work of each job: the time of its processes counts; what has begun by then is finished."""

    folds: int = 4
    """Parts into which the training clips are divided by source; each is held out once."""

    trials: int | None = None
    """Settings to try (default: as many as the minutes allow)."""

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
class _Took:
    seconds: dict[str, float]


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
        offered: how many settings there were to choose from.
    """

    recipe: Recipe
    settings: tuple[Setting, ...]
    scores: Scores
    chosen: int
    gain: PairedDifference
    failures: Mapping[str, str]
    bytes: Mapping[int, int]
    offered: int


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
    budget = Budget(60 * options.budget_minutes * jobs.jobs)
    offered = _offered(base, space)
    settings = _earlier(place.out / STATE, asked)
    if settings is None:
        settings = _settings(base, offered, options, referee, budget)
        write_json(place.out / STATE, {"asked": asked, "settings": settings})
    referee.write_plan(settings)
    scores = race(len(settings), options.folds, referee.judge, budget)
    shutil.rmtree(place.means, ignore_errors=True)
    chosen = best(scores)
    if chosen is None:
        raise DataError(f"no setting could be judged: {referee.reason()}")
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
        offered=len(offered),
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
        self.seconds = _earlier_seconds(place.out / SECONDS)
        self.plan = Plan(entrants=())

    def write_plan(self, settings: Sequence[Setting]) -> None:
        """Make the settings a plan, in a file for the processes that compute its cells."""
        sets = {f"trial {number}": setting for number, setting in enumerate(settings)}
        write_text(self.place.out / PLAN, tomli_w.dumps({**self.common, "sets": sets}))
        self.plan = read_plan(self.place.out / PLAN)

    def judge(self, pairs: Sequence[Pair], go_on: Callable[[], bool]) -> Iterator[tuple[Pair, Judged]]:
        """What is known of pairs, then the others as their cells end; `go_on` is asked before each cell."""
        todo: dict[str, Pair] = {}
        for number, fold in pairs:
            entrant = self.plan.entrants[number]
            cell, name = read_cell(self.place, entrant, fold), entrant.cell_name(fold)
            if missing(entrant, cell):
                todo[name] = number, fold
            else:
                yield (number, fold), self._judged(number, name, cell)
        if not todo:
            return
        for number, fold in itertools.product(dict(todo.values()), range(self.place.folds or 0)):
            check_experts(self.place, self.plan.entrants[number], fold)
        plan, cells = self.place.out / PLAN, list(todo)
        for ended in run_cells(plan, self.place, cells, jobs=self.jobs, go_on=go_on, listener=self.listener):
            self.seconds[ended.name] = round(ended.seconds, 1)
            write_json(self.place.out / SECONDS, {"seconds": self.seconds})
            if ended.reason:
                self.failures[ended.name] = ended.reason
            number, fold = todo[ended.name]
            cell = read_cell(self.place, self.plan.entrants[number], fold)
            yield (number, fold), self._judged(number, ended.name, cell)

    def reason(self) -> str:
        """Why nothing could be judged."""
        return next(iter(self.failures.values()), "its networks diverged")

    def _judged(self, number: int, name: str, cell: Mapping[str, Any] | None) -> Judged:
        seconds = self.seconds.get(name, 0.0)
        if cell is None:
            return Judged(accuracy=None, seconds=seconds)
        (entry,) = cell["entries"]
        self.bytes[number] = max(entry["bytes"], self.bytes.get(number, 0))
        return Judged(accuracy=accuracy_of(entry), seconds=seconds)


def _offered(base: Recipe, space: Space | Sequence[Setting]) -> list[Setting]:
    """All settings there are to choose from, in an order drawn by the seed, the one to beat first."""
    if isinstance(space, Mapping):
        grid, first = combinations(space), start_of(space, base)
    else:
        grid, first = list(space), space[0]
    return shuffled(grid, first, base.condense.seed)


def _settings(
    base: Recipe, offered: list[Setting], options: TuneOptions, referee: _Referee, budget: Budget
) -> list[Setting]:
    """The settings to race, the one to beat first; as many as are asked for, or as the budget allows.

    How long they take is told by one judgement of each kind, of the setting with the most videos times
    iterations; these come right after the one to beat.
    """
    if options.trials is not None:
        return offered[: options.trials]
    options_of = [from_keys(Recipe, {**to_keys(base), **setting}).condense for setting in offered]
    kinds = [_kind(each) for each in options_of]
    work = [each.vpc * total_iterations(each) for each in options_of]
    of_kind = {kind: [number for number, own in enumerate(kinds) if own == kind] for kind in set(kinds)}
    openers = {BASE, *(max(numbers, key=work.__getitem__) for numbers in of_kind.values())}
    order = sorted(range(len(offered)), key=lambda number: number not in openers)
    settings, kinds = [offered[number] for number in order], [kinds[number] for number in order]
    referee.write_plan(settings)
    costs: dict[tuple[str, str], float] = {}
    opened = 0
    for pair, judged in referee.judge([(number, 0) for number in range(len(openers))], budget.go_on):
        if pair == (BASE, 0) and judged.accuracy is None:
            raise DataError(f"the setting to start from could not be judged: {referee.reason()}")
        budget.charge(pair, judged.seconds)
        kind, opened = kinds[pair[0]], max(opened, pair[0] + 1)
        costs[kind] = max(judged.seconds, costs.get(kind, 0.0))
    fit = affordable(budget.seconds, [costs.get(kind, math.inf) for kind in kinds], options.folds)
    return settings[: max(fit, opened)]


def _kind(options: CondenseOptions) -> tuple[str, str]:
    """Settings of a kind take about as long for as many videos and iterations."""
    stages = METHODS[options.method].stages
    return options.method, options.matcher_of(stages[-1]) if stages else ""


def _earlier_seconds(path: Path) -> dict[str, float]:
    """What the processes of an interrupted tuning in the same folder took, by cell."""
    if not os.path.lexists(path):
        return {}
    return dict(read_json(path, _MAX_STATE, _Took, "use another --out").seconds)


def _earlier(path: Path, asked: Mapping[str, Any]) -> list[Setting] | None:
    """The settings of an interrupted tuning in the same folder; None where there is none."""
    if not os.path.lexists(path):
        return None
    state = read_json(path, _MAX_STATE, _State, "use another --out")
    before, settings = dict(state.asked), state.settings
    if not all(isinstance(before.get(name), dict) for name in ("base", "evaluate")):
        raise FormatError(f"cannot read {path}: it does not say what was asked; use another --out")
    before["base"] = as_now(before["base"], asked["base"], Recipe())
    before["evaluate"] = as_now(before["evaluate"], asked["evaluate"], OLDER_JUDGE)
    if changed := changed_fields(before, asked):
        raise OutputError(f"{path} is of another tuning ({'; '.join(changed)}); use another --out")
    return settings


def _finite(score: float) -> float | None:
    return score if math.isfinite(score) else None


def _without(keys: Mapping[str, Any], *left_out: str) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if key not in left_out}
