"""Several sets as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from vidcondense.errors import DataError, UsageError
from vidcondense.storage.condensed import CondensedDataset
from vidcondense.storage.derived import choose_codec, source_of, write_derived
from vidcondense.storage.key_frames import StoredKeyFrames
from vidcondense.storage.labels import SoftLabels
from vidcondense.storage.merged_origin import merge_classes, merge_origin


def merge(
    sets: Sequence[CondensedDataset],
    out: str | Path,
    *,
    codec: str | None = None,
    drop_soft_labels: bool = False,
    overwrite: bool = False,
) -> CondensedDataset:
    """Store the videos of several sets of key frames as one set; nothing is rendered.

    Classes are those of all sets, by name: sorted where every set's are, else in the order of the sets. Where
    mean and deviation differ, the new ones are those of all clips if every class weighs the same.

    Args:
        sets: two or more, of the same clip shape, size of key frames and upsampling.
        out: the folder to make.
        codec: a key of `CODECS`; default: that of the sets, where they have the same and it does not lose a
            second time.
        drop_soft_labels: keep hard labels only.
        overwrite: replace an older set at `out`.

    Returns:
        The whole, as read back from the disk.

    Raises:
        UsageError: fewer than two sets; a codec must be chosen; only some sets have soft labels, or these are
            of other classes or another teacher.
        DataError: the sets do not fit together.
        OutputError: `out` exists, or cannot be written.
    """
    if len(sets) < 2:
        raise UsageError(f"merge takes two sets or more, not {len(sets)}")
    name, coding = choose_codec(codec, sets)
    stored = _merge_stored(sets)
    soft_labels = None if drop_soft_labels else _merge_soft_labels(sets)
    classes = merge_classes(sets)
    labels = [classes.index(made.classes[label]) for made in sets for label in made.labels.tolist()]
    return write_derived(
        Path(out),
        stored,
        torch.tensor(labels),
        merge_origin(sets, classes, labelled=soft_labels is not None),
        {"by": "merge", "from": [source_of(made) for made in sets]},
        name,
        coding,
        soft_labels=soft_labels,
        overwrite=overwrite,
    )


def _merge_stored(sets: Sequence[CondensedDataset]) -> StoredKeyFrames:
    parts = []
    for made in sets:
        if not isinstance(made.stored, StoredKeyFrames):
            raise DataError(
                f"{made.folder} is of the kind {made.representation}, whose videos share one part; "
                "only sets of key frames can be merged"
            )
        parts.append(made.stored)
    first = sets[0]
    for made in sets[1:]:
        for name in ("shape", "key_frame_size", "upsampling"):
            ours, theirs = (each.manifest[name] for each in (first, made))
            if ours != theirs:
                raise DataError(
                    f"{first.folder} has {name} {ours}, {made.folder} {theirs}; they cannot be merged"
                )
    frames, masks = (torch.cat([getattr(part, name) for part in parts]) for name in ("frames", "mask"))
    return replace(parts[0], frames=frames, mask=masks)


def _merge_soft_labels(sets: Sequence[CondensedDataset]) -> SoftLabels | None:
    if all(made.soft_labels is None for made in sets):
        return None
    found = [made.video_labels for made in sets if made.video_labels is not None]
    first = sets[0]
    for made in sets:
        alike = made.classes == first.classes and made.manifest["labelling"] == first.manifest["labelling"]
        if made.video_labels is None or not alike:
            raise UsageError(
                f"the soft labels of {first.folder} and {made.folder} are not of one teacher, the same "
                "classes and the videos themselves; use --drop-soft-labels, and relabel the merged set"
            )
    return torch.cat(found)
