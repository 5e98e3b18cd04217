from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.cluster.vq import kmeans2

from vidcondense.errors import DataError
from vidcondense.matching.kmeans import kmeans


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def inertia(points, assigned):
    total = 0.0
    for cluster in set(assigned):
        own = points[np.array(assigned) == cluster]
        total += ((own - own.mean(0)) ** 2).sum()
    return total


@pytest.mark.parametrize("seed", range(5))
def test_against_all_partitions(seed):
    points = torch.randn(7, 2, generator=stream(seed))
    found = kmeans(points, 3, stream(seed))
    best = min(
        inertia(points.numpy(), partition)
        for partition in itertools.product(range(3), repeat=7)
        if len(set(partition)) == 3
    )
    assert inertia(points.numpy(), found.tolist()) == pytest.approx(best, rel=1e-4)


def test_no_worse_than_scipy():
    points = torch.randn(200, 5, generator=stream())
    ours = inertia(points.numpy(), kmeans(points, 6, stream()).tolist())
    theirs = [
        inertia(points.numpy(), kmeans2(points.numpy().astype(np.float64), 6, minit="++", seed=seed)[1])
        for seed in range(10)
    ]
    assert ours <= min(theirs) * 1.02


def test_clear_groups_are_found_and_named_in_order():
    centres = torch.tensor([0.0, 100.0, 50.0])[torch.tensor([0, 0, 1, 2, 2, 1])]
    points = centres[:, None] + torch.randn(6, 3, generator=stream())
    assert kmeans(points, 3, stream()).tolist() == [0, 0, 1, 2, 2, 1]


@pytest.mark.parametrize(("n", "k"), [(5, 5), (6, 4), (3, 1)])
def test_no_cluster_is_empty_even_among_copies(n, k):
    assert sorted(set(kmeans(torch.ones(n, 2), k, stream()).tolist())) == list(range(k))


def test_seeded():
    points = torch.randn(50, 3, generator=stream())
    assert kmeans(points, 5, stream(1)).equal(kmeans(points, 5, stream(1)))


def test_too_few_points_fail():
    with pytest.raises(DataError, match="2 clips cannot make 3"):
        kmeans(torch.zeros(2, 2), 3, stream())
