from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from vidcondense.recipe import Recipe
from vidcondense.tuning.race import Judged
from vidcondense.tuning.tune import TuneOptions, tune


@pytest.fixture
def judged(monkeypatch):
    """What settings are worth, by setting and fold; None where one fails, 0.5 where nothing is said."""
    worth = {}

    def judge(self, pairs, go_on):
        for pair in itertools.takewhile(lambda _: go_on(), pairs):
            yield pair, Judged(accuracy=worth.get(pair, 0.5), seconds=1.0)

    monkeypatch.setattr("vidcondense.tuning.tune._Referee.judge", judge)
    return worth


def test_the_gain_over_a_start_that_failed_is_over_the_other_folds(judged, tmp_path):
    judged |= {(0, 1): None, (1, 0): 0.6}
    base = replace(Recipe(), condense=replace(Recipe().condense, lr=1.0))
    options = TuneOptions(folds=2, trials=2)
    tuned = tune(base, tmp_path, tmp_path / "out", options, space={"lr": [1.0, 2.0]})
    assert tuned.chosen == 1
    assert (tuned.gain.pairs, tuned.gain.dropped) == (1, 1)
    assert tuned.gain.mean == pytest.approx(0.1)
