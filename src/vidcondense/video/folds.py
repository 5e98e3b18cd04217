"""Grouped cross-validation folds: choosing anything on training clips without looking at a test clip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from vidcondense import rng
from vidcondense.errors import DataError, UsageError
from vidcondense.interfaces import Indices, Labels
from vidcondense.video.dataset import ClipDataset

Fold = tuple[Indices, Indices]
"""Clips to train on, clips held out; both in order."""

FOLD_SEED = 0
"""Of `training_folds`: one for all, so that everything chosen by cross-validation rests on the same ones."""


@dataclass(frozen=True, kw_only=True)
class TrainingFold:
    """One fold of the training clips: what is learned from, and what is judged on.

    Args:
        number: from 0.
        folds: how many there are.
        kept: clips to learn from, in order.
        held_out: clips to judge on, in order.
    """

    number: int
    folds: int
    kept: Indices
    held_out: Indices

    @property
    def record(self) -> dict[str, Any]:
        """What a manifest says of the clips beside how they were read."""
        return {"train_clips": len(self.kept), "held_out_fold": [self.number, self.folds]}


def fold_name(number: int, folds: int) -> str:
    """Of a folder for what belongs to one fold alone."""
    return f"fold-{number}-of-{folds}"


def training_folds(clips: ClipDataset, folds: int) -> list[TrainingFold]:
    """The folds of training clips by which options are chosen; raises as `grouped_folds` does."""
    found = grouped_folds(clips.groups, clips.labels, folds, FOLD_SEED)
    return [
        TrainingFold(number=number, folds=folds, kept=kept, held_out=held_out)
        for number, (kept, held_out) in enumerate(found)
    ]


def grouped_folds(groups: Sequence[str], labels: Labels, k: int, seed: int) -> list[Fold]:
    """Divide clips into `k` folds; no source group lies on both sides of one.

    Groups go, largest first (equals in random order), to the fold that holds least of their classes so far,
    so every class is spread as evenly as whole groups allow.

    Args:
        groups: the source group of each clip, `ClipDataset.groups`.
        labels: its class, `[N]`.
        k: how many folds, at least 2.
        seed: of the order among groups of one size.

    Returns:
        For each fold the clips outside it and those in it; every clip is held out exactly once.

    Raises:
        UsageError: fewer than two folds.
        DataError: there are fewer groups than folds, or all clips of a class would be held out together.
    """
    if k < 2:
        raise UsageError(f"{k} folds for cross-validation: at least 2 are needed")
    fold_of = _assign(groups, labels, k, seed)
    folds = [
        ((fold_of != fold).nonzero().flatten(), (fold_of == fold).nonzero().flatten()) for fold in range(k)
    ]
    classes = set(labels.tolist())
    for train, _ in folds:
        if missing := classes - set(labels[train].tolist()):
            raise DataError(
                f"class {min(missing)}: all of its training clips come from source groups of one fold; "
                f"cross-validation in {k} folds needs two or more groups a class"
            )
    return folds


def _assign(groups: Sequence[str], labels: Labels, k: int, seed: int) -> Indices:
    """The fold of each clip."""
    members: dict[str, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    if len(members) < k:
        raise DataError(f"{len(members)} source groups cannot make {k} folds; use fewer folds or more videos")
    num_classes = int(labels.max()) + 1
    total = labels.bincount(minlength=num_classes).clamp(min=1)
    held = torch.zeros(k, num_classes, dtype=torch.float64)  # the share of each class in each fold
    fold_of = torch.empty(len(groups), dtype=torch.int64)
    for group in _largest_first(members, seed):
        clips = torch.tensor(members[group])
        share = labels[clips].bincount(minlength=num_classes) / total
        # Least growth of Σ share², the measure of unevenness; among equals the emptiest fold.
        cost = [(float(row @ share.double()), float(row.sum())) for row in held]
        fold = cost.index(min(cost))
        held[fold] += share
        fold_of[clips] = fold
    return fold_of


def _largest_first(members: dict[str, list[int]], seed: int) -> list[str]:
    names = sorted(members)
    order = torch.randperm(len(names), generator=rng.generator(seed, "folds")).tolist()
    return sorted((names[position] for position in order), key=lambda name: -len(members[name]))
