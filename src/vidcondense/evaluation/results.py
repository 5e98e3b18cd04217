"""What an evaluation found, and its summary over networks and condensed sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from vidcondense.errors import UsageError
from vidcondense.evaluation import statistics
from vidcondense.evaluation.statistics import Interval
from vidcondense.options import as_json, changed_fields

BOOTSTRAP_SEED = 0  # one for all, so that the intervals of two sets rest on the same resamples


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """One network: trained from its own seed, then tested. Accuracies are fractions, 0 to 1.

    Attributes:
        seed: of the network's weights, the order of the clips, dropout, augmentation, and flips.
        diverged: something stopped being finite; nothing was tested then: the values below are None or empty.
        steps_done: training steps completed.
        accuracy: top-1 on the test clips, at the end of the training.
        per_class: top-1 of each class; None for a class without a test clip.
        train_accuracy: top-1 on the training clips, at the end.
        correct: how right each test clip was, in the test set's order: 0 or 1, or the share of passes.
        confusion: (class, class with the highest score, clips) wherever there are such clips; of all passes.
        curve: (steps done, test accuracy) at every evaluation point; empty where only the end is tested.
        seconds: how long it took; no part of comparisons or outputs.
    """

    seed: int
    diverged: bool
    steps_done: int
    accuracy: float | None = None
    per_class: tuple[float | None, ...] = ()
    train_accuracy: float | None = None
    correct: tuple[float, ...] = ()
    confusion: tuple[tuple[int, int, int], ...] = ()
    curve: tuple[tuple[int, float], ...] = ()
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Several networks trained on one set (condensed, selected, or all real clips).

    Attributes:
        options: the evaluation's options, as a JSON object.
        training: the training options they stand for, as a JSON object.
        classes: class names.
        num_train: clips trained on.
        groups: the source group of each test clip.
        repeats: one a network.
    """

    options: dict[str, Any]
    training: dict[str, Any]
    classes: tuple[str, ...]
    num_train: int
    groups: tuple[str, ...]
    repeats: tuple[Repeat, ...]

    @property
    def finite(self) -> tuple[Repeat, ...]:
        """The networks that did not diverge."""
        return tuple(repeat for repeat in self.repeats if not repeat.diverged)

    @property
    def accuracies(self) -> list[float]:
        """The accuracy of each network that did not diverge."""
        return [repeat.accuracy for repeat in self.finite if repeat.accuracy is not None]

    @property
    def correct(self) -> list[float]:
        """How right each test clip was, averaged over the finite networks; empty without one."""
        return _average([repeat.correct for repeat in self.finite])

    @property
    def per_class(self) -> list[float | None]:
        """Top-1 of each class, averaged over the finite networks."""
        columns = zip(*(repeat.per_class for repeat in self.finite), strict=True)
        return [statistics.mean([value for value in column if value is not None]) for column in columns]

    @property
    def best_of_points_on_test(self) -> float | None:
        """The best mean accuracy of all evaluation points: chosen on the test set, so too high by design."""
        curves = [repeat.curve for repeat in self.finite]
        if not all(curves):
            return None
        return max(_average([[accuracy for _, accuracy in curve] for curve in curves]), default=None)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The figures of one method. Accuracies are fractions, 0 to 1.

    Attributes:
        unit: what `std` and `interval` are over: the networks of one set, or sets (condensation seeds).
        finite: how many of these have an accuracy.
        networks: how many networks were trained in all.
        diverged: how many of those diverged; they are in no average.
        accuracy: the mean; None where all diverged.
        std: sample standard deviation; None of fewer than two.
        interval: Student's 95 % interval of the mean, cut to 0 to 1; None of fewer than two.
        group_interval: 95 % bootstrap interval over the source groups of the test clips.
        train_accuracy: mean accuracy on the training clips.
        best_of_points_on_test: the best of the points on the test set, as published figures are chosen (paper
            protocol only); not comparable to `accuracy`.
    """

    unit: Literal["network", "set"]
    finite: int
    networks: int
    diverged: int
    accuracy: float | None
    std: float | None
    interval: Interval | None
    group_interval: Interval | None
    train_accuracy: float | None
    best_of_points_on_test: float | None


def summarise(evaluations: Sequence[Evaluation], *, folds: bool = False) -> Summary:
    """Summarise one set, or several of the same method with different condensation seeds.

    Of one set, deviation and interval are over its networks. Of several, the networks of each set are
    averaged first, and deviation and interval are over sets; a set whose networks all diverged is left out
    and shows in `finite`.

    Args:
        evaluations: of the sets.
        folds: they were tested on different folds of the clips; there is no interval over source groups then.

    Raises:
        UsageError: there is none, or they were not made with the same options, classes and test clips.
    """
    _check_alike(evaluations, ("classes",) if folds else ("classes", "groups"))
    values = evaluations[0].accuracies
    if len(evaluations) > 1:
        values = _present([statistics.mean(each.accuracies) for each in evaluations])
    correct = [] if folds else _average([each.correct for each in evaluations if each.finite])
    groups = evaluations[0].groups
    trained = [statistics.mean(_present([r.train_accuracy for r in each.finite])) for each in evaluations]
    return Summary(
        unit="network" if len(evaluations) == 1 else "set",
        finite=len(values),
        networks=sum(len(each.repeats) for each in evaluations),
        diverged=sum(len(each.repeats) - len(each.finite) for each in evaluations),
        accuracy=statistics.mean(values),
        std=statistics.deviation(values),
        interval=statistics.share_interval(values),
        group_interval=statistics.bootstrap_interval(correct, groups, seed=BOOTSTRAP_SEED)
        if correct
        else None,
        train_accuracy=statistics.mean(_present(trained)),
        best_of_points_on_test=statistics.mean(
            _present([each.best_of_points_on_test for each in evaluations])
        ),
    )


def as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation and its summary as a JSON object: the same for the same seeds, so without times."""
    repeats = [as_json(repeat) for repeat in evaluation.repeats]
    for repeat in repeats:
        del repeat["seconds"]
    return {
        "options": evaluation.options,
        "training": evaluation.training,
        "classes": list(evaluation.classes),
        "num_train": evaluation.num_train,
        "num_test": len(evaluation.groups),
        "summary": as_json(summarise([evaluation])),
        "per_class": evaluation.per_class,
        "repeats": repeats,
        "groups": list(evaluation.groups),
    }


def _check_alike(evaluations: Sequence[Evaluation], facts: Sequence[str]) -> None:
    if not evaluations:
        raise UsageError("there is no evaluation to summarise; run one first")
    first = evaluations[0]
    for each in evaluations[1:]:
        changed = changed_fields({**first.options, "seed": None}, {**each.options, "seed": None})
        changed += [name for name in facts if getattr(each, name) != getattr(first, name)]
        if changed:
            raise UsageError(f"the evaluations differ in {'; '.join(changed)}; summarise only alike ones")


def _average(rows: Sequence[Sequence[float]]) -> list[float]:
    return [float(value) for value in np.mean(rows, axis=0)] if rows else []


def _present(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]
