"""A part of a set: some of its classes, some of their videos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from vidcondense.errors import UsageError
from vidcondense.interfaces import Indices
from vidcondense.options import require, unknown
from vidcondense.storage.condensed import CondensedDataset
from vidcondense.storage.derived import choose_codec, source_of, write_derived
from vidcondense.storage.key_frames import StoredKeyFrames
from vidcondense.storage.labels import LEARNED, SoftLabels
from vidcondense.storage.static_dynamic import StoredStaticDynamic
from vidcondense.storage.stored import Stored


def subset(
    made: CondensedDataset,
    out: str | Path,
    *,
    classes: Sequence[str] = (),
    vpc: int | None = None,
    codec: str | None = None,
    drop_soft_labels: bool = False,
    overwrite: bool = False,
) -> CondensedDataset:
    """Store a part of a set; its representation stays, nothing is rendered.

    A teacher's labels of fewer classes are divided by their sum: its softmax over these classes.

    Args:
        made: the set.
        out: the folder to make.
        classes: their names; all when none is given. They keep their order.
        vpc: videos of each class to keep, the first ones; default: all.
        codec: a key of `CODECS`; default: that of the set, unless it would lose a second time.
        drop_soft_labels: keep hard labels only.
        overwrite: replace an older set at `out`.

    Returns:
        The part, as read back from the disk.

    Raises:
        UsageError: there is no such class, or a class has fewer videos; a codec must be chosen; or the soft
            labels are of views.
        OutputError: `out` exists, or cannot be written.
    """
    kept = _labels_of(made, classes)
    indices = chosen_videos(made, classes, vpc)
    name, coding = choose_codec(codec, [made])
    soft_labels = None if drop_soft_labels else _soft_labels(made, indices, kept)
    new_label = {old: new for new, old in enumerate(kept)}
    labels = torch.tensor([new_label[int(label)] for label in made.labels[indices]])
    names = tuple(made.classes[label] for label in kept)
    data = dict(made.manifest["data"])
    if data and len(kept) < len(made.classes):
        # The record of the training videos is of all classes: it could not be compared with any data.
        data = {key: value for key, value in data.items() if key not in ("train_split", "train_clips")}
        data["classes"] = list(names)
    labelling = {} if soft_labels is None else made.origin.labelling
    derived = {"by": "subset", "classes": list(classes), "vpc": vpc, "from": [source_of(made)]}
    return write_derived(
        Path(out),
        select(made.stored, indices),
        labels,
        replace(made.origin, classes=names, data=data, labelling=labelling),
        derived,
        name,
        coding,
        soft_labels=soft_labels,
        overwrite=overwrite,
    )


def chosen_videos(made: CondensedDataset, classes: Sequence[str], vpc: int | None) -> Indices:
    """Which videos `subset` keeps, in their order.

    Raises:
        UsageError: there is no such class, or a class has fewer videos.
    """
    kept, taken, indices = set(_labels_of(made, classes)), Counter[int](), []
    if vpc is not None:
        require(vpc >= 1, "vpc", vpc, "must be at least 1")
    for index, label in enumerate(made.labels.tolist()):
        if label in kept and (vpc is None or taken[label] < vpc):
            taken[label] += 1
            indices.append(index)
    for label in sorted(kept):
        if vpc is not None and taken[label] < vpc:
            raise UsageError(
                f"--vpc {vpc}: {made.folder} has {taken[label]} videos of {made.classes[label]!r}"
            )
    if not indices:
        raise UsageError(f"{made.folder} has no video of {', '.join(map(repr, classes))}")
    return torch.tensor(indices)


def select(stored: Stored, indices: Indices) -> Stored:
    """What is stored of some videos alone.

    Raises:
        UsageError: videos of this kind cannot be taken apart.
    """
    if isinstance(stored, StoredKeyFrames):
        owner = stored.mask.nonzero(as_tuple=True)[0]
        frames = torch.cat([stored.frames[owner == video] for video in indices])
        return replace(stored, frames=frames, mask=stored.mask[indices])
    if isinstance(stored, StoredStaticDynamic):
        static, image = torch.unique(stored.pairs[indices, 0], return_inverse=True)
        dynamic, memory = torch.unique(stored.pairs[indices, 1], return_inverse=True)
        pairs = torch.stack([image, memory], dim=1)
        return replace(stored, static=stored.static[static], dynamic=stored.dynamic[dynamic], pairs=pairs)
    raise UsageError(f"videos of the kind {stored.fields()['representation']} cannot be taken apart")


def _labels_of(made: CondensedDataset, classes: Sequence[str]) -> list[int]:
    for name in classes:
        if name not in made.classes:
            raise UsageError(f"--classes: {unknown(name, made.classes, 'class'):.600}")
    return [label for label, name in enumerate(made.classes) if not classes or name in classes]


def _soft_labels(made: CondensedDataset, indices: Tensor, kept: Sequence[int]) -> SoftLabels | None:
    if made.soft_labels is None:
        return None
    if made.video_labels is None:
        raise UsageError(
            f"the soft labels of {made.folder} are of views that belong to the videos' numbers; "
            "use --drop-soft-labels, and relabel the part"
        )
    rows = made.video_labels[indices][:, list(kept)]
    if len(kept) == len(made.classes) or made.label_kind == LEARNED:
        return rows
    sums = rows.sum(dim=1, keepdim=True)
    if not bool((sums > 0).all()):
        raise UsageError(
            "the soft label of a video is 0 for all --classes; relabel the set with another teacher"
        )
    return rows / sums
