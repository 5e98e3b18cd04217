"""Means, deviations and intervals over what was repeated: networks, condensed sets, source groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vidcondense import rng
from vidcondense.errors import DataError, UsageError

Interval = tuple[float, float]
"""The lower and the upper end."""

CONFIDENCE = 0.95
RESAMPLES = 2_000

_DRAWS_AT_ONCE = 1_000_000
"""Groups that are drawn at a time, at most but for one resample: a few tens of megabytes."""


def mean(values: Sequence[float | int]) -> float | None:
    """The mean; None of no values."""
    return math.fsum(values) / len(values) if values else None


def deviation(values: Sequence[float]) -> float | None:
    """The sample standard deviation (n - 1 in the denominator); None of fewer than two values."""
    centre = mean(values)
    if centre is None or len(values) < 2:
        return None
    return math.sqrt(math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1))


def t_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval | None:
    """Student's interval for the mean of what `values` were drawn from; None of fewer than two values."""
    centre, spread = mean(values), deviation(values)
    if centre is None or spread is None:
        return None
    reach = t_quantile(len(values) - 1, confidence) * spread / math.sqrt(len(values))
    return centre - reach, centre + reach


def share_interval(values: Sequence[float]) -> Interval | None:
    """Student's interval for the mean of shares, such as accuracies, cut to 0 to 1."""
    interval = t_interval(values)
    return None if interval is None else (max(0.0, interval[0]), min(1.0, interval[1]))


def t_probability(t: float, freedom: int) -> float:
    """P(|T| ≤ t) of Student's distribution with `freedom` (a whole number, 1 or more) degrees of freedom.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4 (finite sums, exact).
    """
    angle = math.atan(t / math.sqrt(freedom))
    squared = math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for k in range(2 + odd, freedom + 1, 2):
        total += term
        term *= squared * (k - 1) / k
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total


def t_quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """The t with P(|T| ≤ t) = `confidence`: 12.706 at 1 degree of freedom and 0.95, 4.303 at 2."""
    low, high = 0.0, math.pi / 2
    for _ in range(100):  # halving the angle atan(t / √freedom), to the last bit of a float
        angle = (low + high) / 2
        if t_probability(math.sqrt(freedom) * math.tan(angle), freedom) < confidence:
            low = angle
        else:
            high = angle
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def bootstrap_interval(
    scores: Sequence[float],
    groups: Sequence[str],
    *,
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Interval | None:
    """The percentile interval of the mean score when the source groups of the clips are drawn anew.

    Clips of one source (the same person, the same film) are right or wrong together, so whole groups are
    drawn, with replacement, as many as there are; a resample's mean is over its clips.

    Args:
        scores: how right each test clip was classified, 0 to 1, averaged over networks.
        groups: its source group.
        seed: of the resampling.
        resamples: how many times.
        confidence: of the interval.

    Returns:
        The interval; None where there are fewer than two groups.

    Raises:
        DataError: `scores` and `groups` differ in length.
    """
    if len(scores) != len(groups):
        raise DataError(
            f"{len(scores)} scores but {len(groups)} source groups; each test clip needs one of both"
        )
    names, members = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    if len(names) < 2:
        return None
    sums = torch.from_numpy(np.bincount(members, weights=np.asarray(scores, dtype=np.float64)))
    sizes = torch.from_numpy(np.bincount(members))
    means, stream = [], rng.generator(seed, "bootstrap")
    at_once = max(1, _DRAWS_AT_ONCE // len(names))
    for start in range(0, resamples, at_once):
        drawn = torch.randint(len(names), (min(at_once, resamples - start), len(names)), generator=stream)
        means += (sums[drawn].sum(dim=1) / sizes[drawn].sum(dim=1)).tolist()
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """How much better one method is than another on the same seeds.

    Attributes:
        pairs: how many pairs were compared.
        dropped: how many were not, for one side diverged.
        mean: of the differences; None without a pair.
        std: their sample standard deviation; None of fewer than two.
        interval: Student's interval of the mean difference; None of fewer than two.
        p_value: two-sided, of no difference; None of fewer than two, or where all differences are equal.
    """

    pairs: int
    dropped: int
    mean: float | None
    std: float | None
    interval: Interval | None
    p_value: float | None


def paired_difference(
    first: Sequence[float | None], second: Sequence[float | None], confidence: float = CONFIDENCE
) -> PairedDifference:
    """The paired t comparison of `first` minus `second`, both in the same order of seeds.

    Args:
        first: a value a repeat; None where it diverged.
        second: the other method's.
        confidence: of the interval.

    Raises:
        UsageError: the two differ in length.
    """
    if len(first) != len(second):
        raise UsageError(
            f"a paired comparison of {len(first)} with {len(second)} repeats; "
            "run both methods on the same seeds"
        )
    differences = [a - b for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    centre, spread = mean(differences), deviation(differences)
    p_value = None
    if centre is not None and spread:
        t = abs(centre) / (spread / math.sqrt(len(differences)))
        p_value = 1 - t_probability(t, len(differences) - 1)
    return PairedDifference(
        pairs=len(differences),
        dropped=len(first) - len(differences),
        mean=centre,
        std=spread,
        interval=t_interval(differences, confidence),
        p_value=p_value,
    )


def rank_correlation(first: Sequence[float | int], second: Sequence[float | int]) -> float | None:
    """Spearman's correlation: that of the ranks, equal values sharing the mean of theirs.

    Args:
        first: a value each.
        second: another value each.

    Returns:
        -1 to 1; None where all values of one side are equal.
    """
    ranks = [_ranks(values) - (len(values) + 1) / 2 for values in (first, second)]
    spread = math.sqrt(math.prod(float(each @ each) for each in ranks))
    return float(ranks[0] @ ranks[1]) / spread if spread else None


def _ranks(values: Sequence[float | int]) -> np.ndarray:
    """From 1; equal values share the mean of their ranks."""
    _, place, counts = np.unique(
        np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True
    )
    last = np.cumsum(counts)
    shared: np.ndarray = (last - (counts - 1) / 2)[place]
    return shared
