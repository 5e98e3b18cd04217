from __future__ import annotations

import random

import numpy as np
import pytest
import scipy.stats
import torch

from vidcondense import rng
from vidcondense.errors import DataError, UsageError
from vidcondense.evaluation import paired_difference
from vidcondense.evaluation.statistics import (
    bootstrap_interval,
    deviation,
    mean,
    rank_correlation,
    t_interval,
    t_probability,
    t_quantile,
)

SAMPLES = [[0.2, 0.3], [0.1, 0.5, 0.4], [0.31, 0.29, 0.35, 0.33, 0.3], [0.25] * 4]


@pytest.mark.parametrize("values", SAMPLES)
def test_mean_and_deviation_against_numpy(values):
    assert mean(values) == pytest.approx(np.mean(values))
    assert deviation(values) == pytest.approx(np.std(values, ddof=1))


def test_what_cannot_be_said_is_none():
    assert mean([]) is None
    assert deviation([0.5]) is None
    assert t_interval([0.5]) is None
    assert t_interval([]) is None


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 9, 19, 30, 101, 1000])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_quantiles_against_scipy(freedom, confidence):
    expected = scipy.stats.t.ppf((1 + confidence) / 2, freedom)
    assert t_quantile(freedom, confidence) == pytest.approx(expected, rel=1e-9)
    assert t_probability(expected, freedom) == pytest.approx(confidence, rel=1e-9)


@pytest.mark.parametrize("values", SAMPLES[:3])
def test_interval_against_scipy(values):
    expected = scipy.stats.t.interval(
        0.95, len(values) - 1, loc=np.mean(values), scale=scipy.stats.sem(values)
    )
    assert t_interval(values) == pytest.approx(expected)


def test_interval_covers_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(1.0, 2.0, (2000, 3))
    covered = sum(low <= 1.0 <= high for low, high in map(t_interval, draws.tolist()))
    assert 0.93 < covered / 2000 < 0.97


def brute_force(scores, groups, seed, resamples):
    names = sorted(set(groups))
    means, generator = [], rng.generator(seed, "bootstrap")
    for _ in range(resamples):
        drawn = [names[index] for index in torch.randint(len(names), (len(names),), generator=generator)]
        clips = [
            score for name in drawn for score, group in zip(scores, groups, strict=True) if group == name
        ]
        means.append(sum(clips) / len(clips))
    return np.percentile(means, 2.5), np.percentile(means, 97.5)


def test_bootstrap_against_a_loop():
    source = random.Random(0)
    groups = [f"g{source.randrange(7)}" for _ in range(40)]
    scores = [source.choice([0.0, 1 / 3, 2 / 3, 1.0]) for _ in groups]
    found = bootstrap_interval(scores, groups, seed=5, resamples=300)
    assert found == pytest.approx(brute_force(scores, groups, 5, 300))
    assert found == bootstrap_interval(scores, groups, seed=5, resamples=300)
    assert found != bootstrap_interval(scores, groups, seed=6, resamples=300)


def test_bootstrap_is_the_same_in_parts(monkeypatch):
    groups = [f"g{index // 3}" for index in range(30)]
    scores = [float(index % 4 == 0) for index in range(30)]
    whole = bootstrap_interval(scores, groups, seed=5, resamples=300)
    monkeypatch.setattr("vidcondense.evaluation.statistics._DRAWS_AT_ONCE", 70)
    assert bootstrap_interval(scores, groups, seed=5, resamples=300) == whole


def test_bootstrap_sees_groups():
    """Clips that are right or wrong in groups say less than as many independent ones."""
    scores = [float(index // 10 % 2) for index in range(200)]
    together = bootstrap_interval(scores, [f"{index // 10}" for index in range(200)], seed=0)
    apart = bootstrap_interval(scores, [f"{index}" for index in range(200)], seed=0)
    assert together[1] - together[0] == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 20), rel=0.1)
    assert apart[1] - apart[0] == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 200), rel=0.1)


def test_bootstrap_of_one_group_is_none():
    assert bootstrap_interval([0.0, 1.0], ["g", "g"], seed=0) is None


def test_bootstrap_of_uneven_lists_fails():
    with pytest.raises(DataError, match="2 scores but 3 source groups"):
        bootstrap_interval([0.0, 1.0], ["a", "b", "c"], seed=0)


def test_paired_difference_against_scipy():
    first, second = [0.31, 0.35, 0.28, 0.4], [0.3, 0.31, 0.29, 0.33]
    found = paired_difference(first, second)
    expected = scipy.stats.ttest_rel(first, second)
    assert (found.pairs, found.dropped) == (4, 0)
    assert found.mean == pytest.approx(np.mean(np.subtract(first, second)))
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_paired_difference_leaves_out_what_diverged():
    found = paired_difference([0.3, None, 0.5, 0.4], [0.2, 0.2, None, 0.1])
    assert (found.pairs, found.dropped) == (2, 2)
    assert found.mean == pytest.approx(0.2)
    only = paired_difference([0.3, None], [0.25, 0.2])
    assert only.mean == pytest.approx(0.05)
    assert (only.std, only.interval, only.p_value) == (None, None, None)


def test_equal_differences_have_no_p_value():
    found = paired_difference([0.5, 0.75], [0.25, 0.5])
    assert found.p_value is None
    assert found.interval == (0.25, 0.25)


def test_unpaired_lists_fail():
    with pytest.raises(UsageError, match="2 with 3 repeats"):
        paired_difference([0.1, 0.2], [0.1, 0.2, 0.3])


@pytest.mark.parametrize("levels", [3, 1000])
def test_rank_correlation_against_scipy(levels):
    """With few levels nearly all values share their rank with others."""
    rng = np.random.default_rng(0)
    for size in (2, 5, 40):
        first, second = rng.integers(levels, size=(2, size)).astype(float)
        second += 0.3 * first
        if len(set(first)) > 1 and len(set(second)) > 1:
            expected = scipy.stats.spearmanr(first, second).statistic
            assert rank_correlation(first.tolist(), second.tolist()) == pytest.approx(expected)


def test_rank_correlation_of_equal_values_is_none():
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None
    assert rank_correlation([1, 2, 3], [5.5, 5.5, 5.5]) is None
