from __future__ import annotations

import itertools
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vidcondense.errors import DataError, UsageError
from vidcondense.video.folds import grouped_folds


def clips_of(num_classes, groups_per_class, per_group):
    """`per_group` clips of each group of each class."""
    rows = [
        (label, f"{label}/g{group}")
        for label in range(num_classes)
        for group in range(groups_per_class)
        for _ in range(per_group)
    ]
    return [group for _, group in rows], torch.tensor([label for label, _ in rows])


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2)), min_size=8, max_size=60), st.integers(0, 3))
def test_groups_stay_whole_and_every_clip_is_held_out_once(rows, seed):
    # Groups that span classes, as films do in HMDB51; a group of its own for each class twice over.
    rows = [*rows, *((90 + label + 3 * twin, label) for label in range(3) for twin in range(2))]
    groups, labels = [f"g{group}" for group, _ in rows], torch.tensor([label for _, label in rows])
    try:
        folds = grouped_folds(groups, labels, 3, seed)
    except DataError as error:
        assert "two or more groups a class" in str(error)
        return
    assert Counter(index for _, held in folds for index in held.tolist()) == Counter(range(len(rows)))
    for train, held in folds:
        assert sorted([*train.tolist(), *held.tolist()]) == list(range(len(rows)))
        assert not {groups[i] for i in train.tolist()} & {groups[i] for i in held.tolist()}


def test_equal_groups_make_equal_folds_of_every_class():
    groups, labels = clips_of(3, 6, 4)
    for _, held in grouped_folds(groups, labels, 3, seed=0):
        assert labels[held].bincount().tolist() == [8, 8, 8]


@given(st.lists(st.integers(1, 9), min_size=3, max_size=6))
def test_unequal_groups_are_spread_nearly_as_well_as_by_trying_all(sizes):
    groups = [f"g{group}" for group, size in enumerate(sizes) for _ in range(size)]
    folds = grouped_folds(groups, torch.zeros(sum(sizes), dtype=torch.int64), 3, seed=0)
    best = min(
        max(sum(size for size, at in zip(sizes, way, strict=True) if at == fold) for fold in range(3))
        for way in itertools.product(range(3), repeat=len(sizes))
    )
    # Largest first, into the emptiest: Graham's bound for three machines.
    assert max(len(held) for _, held in folds) <= (4 / 3 - 1 / 9) * best + 1e-9


def test_the_seed_alone_decides():
    groups, labels = clips_of(2, 10, 1)

    def held(seed):
        return [held.tolist() for _, held in grouped_folds(groups, labels, 5, seed)]

    assert held(0) == held(0)
    assert held(0) != held(1)


def test_what_cannot_be_divided_fails():
    groups, labels = clips_of(2, 2, 3)
    with pytest.raises(UsageError, match="1 folds"):
        grouped_folds(groups, labels, 1, 0)
    with pytest.raises(DataError, match="4 source groups cannot make 5 folds"):
        grouped_folds(groups, labels, 5, 0)
    with pytest.raises(DataError, match="class 1: all of its training clips"):
        grouped_folds(["a", "b", "c", "d", "d"], torch.tensor([0, 0, 0, 1, 1]), 2, 0)
