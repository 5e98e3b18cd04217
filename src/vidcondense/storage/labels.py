"""Soft labels: a row of K numbers for every video of a set, instead of one class.

They are a teacher's: what a trained network says of a video tells a student which classes it resembles
(Hinton, Vinyals and Dean, arXiv 1503.02531), as probabilities. Or they are learned with the videos (FRePo,
arXiv 2206.00719), as what a network's scores should be: around 0, of no fixed sum or sign. With images,
labels move accuracy more than the choice of a condensation method does (Qin, Deng and Alvarez-Melis, arXiv
2406.10485); so a set keeps its hard labels, and results say which were used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor

from vidcondense import rng
from vidcondense.interfaces import ClipSource, Videos
from vidcondense.training.views import AugmentedViews

SOFT_LABELS = "soft_labels"
"""The name of their tensor in the payload."""

HARD, LEARNED, TEACHER = "hard", "learned", "teacher"
"""The kinds of labels: the class of a video; learned with the videos (FRePo); what a trained network says."""

LabelName = Literal["hard", "own"]
"""Which labels to train on: the classes, or the set's own soft labels."""

SoftLabels = Float[Tensor, "n k"]
"""A row for each video: probabilities, 0 to 1 and summing to 1; learned ones are any finite numbers."""

MAX_VIEWS = 2**16

_ROUNDING = 1e-4  # of a row's sum in float32


def labels_suffix(labels: str) -> str:
    """What to add to the name of what was trained on these labels: nothing for hard ones."""
    return "" if labels == HARD else f", {labels} labels"


def are_labels(rows: Float[Tensor, "n k"], kind: str) -> bool:
    """Whether rows can be soft labels of a kind."""
    return bool(rows.isfinite().all()) if kind == LEARNED else are_probabilities(rows)


def are_probabilities(rows: Float[Tensor, "n k"]) -> bool:
    """Whether no value is negative and every row sums to 1; NaN is no probability."""
    sums = rows.sum(dim=1)
    return bool((rows >= 0).all()) and bool(((sums - 1).abs() <= _ROUNDING).all())


def labelled_views(clips: ClipSource, labelling: Mapping[str, Any], *, mirror: bool) -> ClipSource:
    """The clips that soft labels belong to, by what the manifest says of these.

    Args:
        clips: the videos of a set.
        labelling: with `views` above 0, as many augmented views of each by `seed`.
        mirror: whether mirroring a video keeps its label.
    """
    if not labelling.get("views"):
        return clips
    return AugmentedViews(clips, labelling["views"], seed=labelling["seed"], mirror=mirror)


def is_labelling(labelling: Mapping[str, Any]) -> bool:
    """Whether a manifest's record of its labels can be: none, learned ones, or a teacher's."""
    kind, views, seed = (labelling.get(name) for name in ("kind", "views", "seed"))
    if kind != TEACHER:
        return not labelling or kind == LEARNED
    return type(views) is int and 0 <= views <= MAX_VIEWS and type(seed) is int and 0 <= seed <= rng.MAX_SEED


class SoftLabelled:
    """A condensed set as clips to train on, with its soft labels in the place of its classes.

    Args:
        clips: the videos.
        soft_labels: of each, `[N, K]`.
        regression: whether they are what a network's scores should be, or probabilities.
    """

    def __init__(self, clips: ClipSource, soft_labels: SoftLabels, *, regression: bool) -> None:
        self._clips = clips
        self._soft_labels = soft_labels
        self.regression = regression

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, by column of the labels."""
        return self._clips.classes

    @property
    def labels(self) -> SoftLabels:
        """The soft labels of every video."""
        return self._soft_labels

    @property
    def augmented(self) -> bool:
        """Whether labels belong to augmented views, which are trained on as they are."""
        return getattr(self._clips, "augmented", False)

    @property
    def mean(self) -> Float[Tensor, " c"]:
        """The recorded mean of each channel."""
        return self._clips.mean

    @property
    def std(self) -> Float[Tensor, " c"]:
        """The recorded standard deviation of each channel."""
        return self._clips.std

    def batch(self, indices: Sequence[int] | Tensor) -> Videos:
        """The videos at `indices`, in network units."""
        return self._clips.batch(indices)

    def __len__(self) -> int:
        return len(self._clips)
