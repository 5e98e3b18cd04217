"""What the manifest of a merged set says beside its videos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vidcondense import __version__
from vidcondense.errors import DataError
from vidcondense.options import changed_fields
from vidcondense.storage.condensed import CondensedDataset, Origin

_OF_CLASSES = ("classes", "train_split", "train_clips")
"""What of the record of the data belongs to the classes that were read."""


def merge_classes(sets: Sequence[CondensedDataset]) -> tuple[str, ...]:
    """The classes of all sets, by name: sorted where every set's are, else in the order of the sets.

    Raises:
        DataError: a set has two classes of one name.
    """
    for made in sets:
        if len(set(made.classes)) < len(made.classes):
            raise DataError(f"{made.folder} has two classes of one name; they cannot be told apart by name")
    classes = tuple(dict.fromkeys(name for made in sets for name in made.classes))
    if all(list(made.classes) == sorted(made.classes) for made in sets):
        return tuple(sorted(classes))
    return classes


def merge_origin(sets: Sequence[CondensedDataset], classes: tuple[str, ...], *, labelled: bool) -> Origin:
    """Where the merged set comes from, but for its options.

    Raises:
        DataError: the sets were made from clips read differently.
    """
    first = sets[0].origin
    mean, std = _merge_units(sets)
    methods = {made.manifest["method"] for made in sets}
    same_versions = all(made.manifest["versions"] == first.versions for made in sets)
    return Origin(
        method=first.method if len(methods) == 1 else "merged",
        options={},
        seed=first.seed,
        classes=classes,
        mean=mean,
        std=std,
        flip=all(made.flip for made in sets),
        data=_merge_data(sets, classes),
        versions=first.versions if same_versions else {"vidcondense": __version__},
        labelling=first.labelling if labelled else {},
    )


def _merge_units(sets: Sequence[CondensedDataset]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of all clips, if every class of every set weighs the same."""
    first = sets[0].manifest
    if all((made.manifest["mean"], made.manifest["std"]) == (first["mean"], first["std"]) for made in sets):
        return tuple(first["mean"]), tuple(first["std"])
    weights = torch.tensor([float(len(made.classes)) for made in sets], dtype=torch.float64)[:, None]
    weights /= weights.sum()
    means, stds = (_rows(sets, name) for name in ("mean", "std"))
    mean = (weights * means).sum(dim=0)
    variance = (weights * (stds.square() + (means - mean).square())).sum(dim=0)
    return tuple(mean.tolist()), tuple(variance.sqrt().tolist())


def _rows(sets: Sequence[CondensedDataset], name: str) -> Tensor:
    return torch.tensor([made.manifest[name] for made in sets], dtype=torch.float64)


def _merge_data(sets: Sequence[CondensedDataset], classes: tuple[str, ...]) -> dict[str, Any]:
    """How all sets' clips were read; what one does not record, another may.

    Raises:
        DataError: they were read differently.
    """
    merged: dict[str, Any] = {}
    for made in sets:
        recorded = {key: value for key, value in made.manifest["data"].items() if key not in _OF_CLASSES}
        known = {key: merged[key] for key in recorded if key in merged}
        if differing := changed_fields(known, {key: recorded[key] for key in known}):
            raise DataError(
                f"{made.folder} was made from clips read otherwise than the sets before "
                f"({'; '.join(differing)}); merge sets of one way of reading"
            )
        merged |= recorded
    records = [{key: made.manifest["data"].get(key) for key in _OF_CLASSES} for made in sets]
    same_classes = all(made.classes == classes for made in sets)
    if same_classes and all(record == records[0] for record in records):
        merged |= {key: value for key, value in records[0].items() if key in sets[0].manifest["data"]}
    elif merged:
        # Which videos were for training is recorded of each set's classes only.
        merged["classes"] = list(classes)
    return merged
