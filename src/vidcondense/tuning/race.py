"""The race: all settings are judged on one fold, the better half on the next, until few are left.

Successive halving (Jamieson and Talwalkar, AISTATS 2016) over the folds of a grouped cross-validation: at
each round the settings still in the race have been judged on the same folds, so their means are comparable.
The setting one came with stays in to the end: it is what the others must beat.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from vidcondense.evaluation.statistics import mean

Scores = dict[int, dict[int, float]]
"""The accuracy of each setting (by its number) on each fold it was judged on; -inf where it failed."""

BASE = 0
"""The number of the setting one came with."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What one judgement gave.

    Attributes:
        accuracy: on the held-out fold, 0 to 1; None where the setting failed there.
        seconds: it took.
    """

    accuracy: float | None
    seconds: float


Pair = tuple[int, int]
"""A setting, by its number, and a fold."""

Judge = Callable[[Sequence[Pair], Callable[[], bool]], Iterable[tuple[Pair, Judged]]]
"""Judges pairs and tells of each as it ends; before it begins one it asks whether to go on."""


class Budget:
    """Seconds of work to spend; every judgement is charged once, however often it is told of."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._charged: dict[Pair, float] = {}

    def charge(self, pair: Pair, seconds: float) -> None:
        """Spend what a judgement took."""
        self._charged[pair] = seconds

    def go_on(self) -> bool:
        """Whether to begin another: while something is left, and until the setting to beat is judged."""
        return sum(self._charged.values()) < self.seconds or (BASE, 0) not in self._charged


def affordable(seconds: float, costs: Sequence[float], folds: int) -> int:
    """How many of the settings, the first ones, can race in `seconds`: at least 2.

    Args:
        seconds: of work.
        costs: of one judgement of each setting, in seconds.
        folds: of the cross-validation.
    """
    fits = (count for count in range(len(costs), 2, -1) if _most_work(costs[:count], folds) <= seconds)
    return next(fits, 2)


def race(count: int, folds: int, judge: Judge, budget: Budget) -> Scores:
    """Run the race. A round after the first that is not finished decides nothing, failures aside.

    Args:
        count: settings, numbered from 0; 0 is the one to beat.
        folds: of the cross-validation; the rounds.
        judge: judges the pairs of a round.
        budget: of the judge's work; nothing is begun once it is spent.
    """
    scores: Scores = {number: {} for number in range(count)}
    running = list(range(count))
    for fold in range(folds):
        pairs = [(number, fold) for number in running]
        for (number, where), found in judge(pairs, budget.go_on):
            scores[number][where] = -math.inf if found.accuracy is None else found.accuracy
            budget.charge((number, where), found.seconds)
        if any(fold not in scores[number] for number in running):
            return _without_round(scores, fold) if fold else scores
        running = survivors(scores, running)
    return scores


def survivors(scores: Scores, running: Sequence[int]) -> list[int]:
    """The better half, and the setting to beat; settings that failed are out."""
    alive = [number for number in running if min(scores[number].values()) > -math.inf]
    ranked = sorted(alive, key=lambda number: -_mean(scores, number))
    kept = ranked[: math.ceil(len(running) / 2)]
    return sorted({*kept, *({BASE} & set(alive))})


def best(scores: Scores) -> int | None:
    """The best of the settings that were judged on the most folds; the earlier one where two are equal."""
    finished = {
        number: folds for number, folds in scores.items() if folds and min(folds.values()) > -math.inf
    }
    if not finished:
        return None
    most = max(map(len, finished.values()))
    finalists = [number for number, folds in finished.items() if len(folds) == most]
    return max(finalists, key=lambda number: (_mean(scores, number), -number))


def _most_work(costs: Sequence[float], folds: int) -> float:
    """Seconds that a race takes at most: in each round half of the settings go on, and the start."""
    total, count, dearest = 0.0, len(costs), sorted(costs, reverse=True)
    for _ in range(folds):
        total += sum(dearest[:count])
        count = min(count, math.ceil(count / 2) + 1)
    return total


def _without_round(scores: Scores, fold: int) -> Scores:
    """The scores, those of one fold only where a setting failed."""
    return {
        number: {where: score for where, score in found.items() if where != fold or score == -math.inf}
        for number, found in scores.items()
    }


def _mean(scores: Scores, number: int) -> float:
    found = mean(list(scores[number].values()))
    return -math.inf if found is None else found
