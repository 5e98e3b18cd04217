from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcondense.tuning.race import Budget, Judged, affordable, best, race, survivors


class Truth:
    """Settings of known worth: setting k is judged `worth[k]` on every fold, plus its fold's ease."""

    def __init__(self, worth, seconds=1.0, jobs=1):
        self.worth = worth
        self.seconds = seconds
        self.jobs = jobs
        self.asked = []

    def __call__(self, pairs, go_on):
        for start in range(0, len(pairs), self.jobs):
            begun = [pair for pair in pairs[start : start + self.jobs] if go_on()]
            self.asked += begun
            for number, fold in begun:
                worth = self.worth[number]
                accuracy = None if worth is None else worth + fold / 10
                yield (number, fold), Judged(accuracy=accuracy, seconds=self.seconds)


@given(
    worth=st.lists(st.integers(0, 50).map(lambda k: k / 100), min_size=2, max_size=20),
    folds=st.integers(2, 5),
    jobs=st.integers(1, 4),
)
def test_without_noise_the_best_wins(worth, folds, jobs):
    truth = Truth(worth, jobs=jobs)
    scores = race(len(worth), folds, truth, Budget(1e9))
    assert worth[best(scores)] == max(worth)
    assert len(scores[0]) == folds, "the start stays in to the end"
    assert len(truth.asked) == len(set(truth.asked))
    first_round = [pair for pair in truth.asked if pair[1] == 0]
    assert len(first_round) == len(worth)
    for fold in range(1, folds):
        before, now = (sum(pair[1] == f for pair in truth.asked) for f in (fold - 1, fold))
        assert now <= math.ceil(before / 2) + 1


@pytest.mark.parametrize("count", [8, 12, 16, 24])
def test_the_budget_that_is_asked_for_finds_the_best(count):
    budget = next(s for s in itertools.count(count) if affordable(float(s), [1.0] * count, 4) == count)
    for seed in range(100):
        worth = random.Random(seed).sample(range(100), count)
        scores = race(count, 4, Truth([each / 100 for each in worth]), Budget(float(budget)))
        assert worth[best(scores)] == max(worth)
        assert len(scores[0]) == 4, "no round is cut"


@given(worth=st.permutations(range(12)), budget=st.integers(12, 40), jobs=st.integers(1, 4))
def test_a_round_that_is_cut_decides_nothing(worth, budget, jobs):
    truth = Truth([each / 100 for each in worth], jobs=jobs)
    scores = race(12, 4, truth, Budget(float(budget)))
    assert worth[best(scores)] == 11
    assert len(scores[0]) == len(scores[best(scores)]), "on the same folds as the start"


def test_what_failed_in_a_round_that_is_cut_is_out():
    def judge(pairs, go_on):
        failed = (1, 1)
        for pair in itertools.takewhile(lambda _: go_on(), pairs):
            yield pair, Judged(accuracy=None if pair == failed else 0.5, seconds=1.0)

    scores = race(6, 4, judge, Budget(8.0))
    assert scores == {number: {0: 0.5} | ({1: -math.inf} if number == 1 else {}) for number in range(6)}
    assert best(scores) == 0


def test_rounds_halve_and_use_the_same_folds():
    truth = Truth([0.1, 0.5, 0.4, 0.3, 0.2, 0.0, 0.0, 0.0])
    race(8, 3, truth, Budget(1e9))
    by_fold = [sorted(number for number, fold in truth.asked if fold == f) for f in range(3)]
    assert by_fold == [list(range(8)), [0, 1, 2, 3, 4], [0, 1, 2, 3]]


def test_failures_leave_the_race_the_start_too():
    truth = Truth([None, 0.1, None, 0.3])
    scores = race(4, 2, truth, Budget(1e9))
    assert best(scores) == 3
    assert [number for number, fold in truth.asked if fold == 1] == [1, 3]
    assert best(race(2, 2, Truth([None, None]), Budget(1e9))) is None


@pytest.mark.parametrize(("jobs", "begun"), [(1, 3), (2, 6)])
def test_nothing_is_begun_once_the_budget_is_spent(jobs, begun):
    truth = Truth([0.1] * 10, seconds=10.0, jobs=jobs)
    scores = race(10, 4, truth, Budget(30.0 * jobs))
    assert len(truth.asked) == begun
    assert best(scores) == 0, "of equals the first"


def test_more_folds_come_before_a_better_mean():
    assert best({0: {0: 0.5, 1: 0.5}, 1: {0: 0.9}}) == 0


def test_survivors_are_ranked_by_their_mean():
    scores = {0: {0: 0.0}, 1: {0: 0.2}, 2: {0: 0.6}, 3: {0: 0.4}}
    assert survivors(scores, [0, 1, 2, 3]) == [0, 2, 3]


def test_affordable_settings_fit_the_budget():
    for count in range(3, 40):
        seconds = random.Random(count).uniform(1, 9)
        truth = Truth(
            [number / 100 for number in range(count)]
        )  # the start is worst, and goes on all the same
        race(count, 4, truth, Budget(1e9))
        work = seconds * len(truth.asked)
        assert affordable(work * 1.0001, [seconds] * 100, 4) == count
        assert affordable(work * 1.0001, [seconds] * count, 4) == count
    assert affordable(1.0, [100.0] * 9, 4) == 2
    assert affordable(1.0, [0.0] * 9, 4) == 9


def test_settings_that_cost_little_do_not_count_as_the_dearest():
    costs = [1.0, 1.0, 100.0, *[1.0] * 5]
    # All eight, then five with the dearest among them, four, three.
    assert affordable(107.0 + 104.0 + 103.0 + 102.0, costs, 4) == 8
    assert affordable(107.0 + 104.0 + 103.0 + 101.0, costs, 4) == 7
    assert affordable(100.0, costs, 4) == 2
    assert affordable(1e9, [1.0, 1.0, 1.0, math.inf], 4) == 3, "what no cost is known of"


def test_what_is_judged_twice_is_charged_once_and_the_one_to_beat_is_always_judged():
    budget = Budget(3.0)
    budget.charge((1, 0), 5.0)
    assert budget.go_on(), "the one to beat is not judged yet"
    budget.charge((0, 0), 0.0)
    assert not budget.go_on()
    budget.charge((1, 0), 2.0)
    assert budget.go_on()
