"""Soft labels: for every video of a set the probability of each class, instead of one class.

They are learned with the videos (FRePo), or a teacher's: what a trained network says of a video tells a
student which classes it resembles (Hinton, Vinyals and Dean, arXiv 1503.02531). With images, labels move
accuracy more than the choice of a condensation method does (Qin, Deng and Alvarez-Melis, arXiv 2406.10485);
so a set keeps its hard labels, and results say which were used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from vidcondense.errors import UsageError
from vidcondense.interfaces import ClipSource, Videos

SOFT_LABELS = "soft_labels"
"""The name of their tensor in the payload."""

HARD, LEARNED, TEACHER = "hard", "learned", "teacher"
"""The kinds of labels: the class of a video; learned with the videos (FRePo); what a trained network says."""

LabelName = Literal["hard", "own"]
"""Which labels to train on: the classes, or the set's own soft labels."""

SoftLabels = Float[Tensor, "n k"]
"""A row of probabilities, 0 to 1 and summing to 1, for each video."""

_ROUNDING = 1e-4  # of a row's sum in float32


def are_probabilities(rows: Float[Tensor, "n k"]) -> bool:
    """Whether no value is negative and every row sums to 1; NaN is no probability."""
    sums = rows.sum(dim=1)
    return bool((rows >= 0).all()) and bool(((sums - 1).abs() <= _ROUNDING).all())


class SoftLabelled:
    """A condensed set as clips to train on, with its soft labels in the place of its classes.

    Args:
        clips: the videos.
        soft_labels: of each, `[N, K]`.

    Raises:
        UsageError: there are none.
    """

    def __init__(self, clips: ClipSource, soft_labels: SoftLabels | None) -> None:
        if soft_labels is None:
            raise UsageError(
                "--labels own: the set has hard labels only; make soft ones: vidcondense relabel"
            )
        self._clips = clips
        self._soft_labels = soft_labels

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, by column of the labels."""
        return self._clips.classes

    @property
    def labels(self) -> SoftLabels:
        """The probabilities of every video."""
        return self._soft_labels

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
