"""Judging a training set: train networks on it, test them on held-out clips."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.errors import DataError, UsageError
from vidcondense.evaluation.judge import HeldOutClips, Judge
from vidcondense.evaluation.protocol import EvaluateOptions
from vidcondense.evaluation.results import Evaluation, Repeat
from vidcondense.events import Event, Listener, ignore
from vidcondense.interfaces import ClipSource
from vidcondense.models import build_network, check_size
from vidcondense.options import as_json
from vidcondense.training.train import train


def evaluate(
    train_set: ClipSource,
    test: HeldOutClips,
    options: EvaluateOptions,
    *,
    compute: Compute,
    numbers: Sequence[int] | None = None,
    listener: Listener = ignore,
) -> Evaluation:
    """Train `options.repeats` networks on `train_set` and test each on `test`.

    The same seed gives the same networks for every training set, so that methods can be compared in pairs.

    Args:
        train_set: condensed videos, selected clips, or all real clips.
        test: held-out clips of the same classes, frames and size.
        options: the protocol and what is overridden.
        compute: device and precision of the forward passes.
        numbers: which of the repeats to do, from 0, where others do the rest; default: all.
        listener: gets the training events, each with its `repeat` (from 0), and a `repeat` event (repeat,
            accuracy, train_accuracy, diverged, seconds) after each network.

    Raises:
        UsageError: the model or the protocol does not fit the clips.
        DataError: the two sets do not belong together, or one is empty.
    """
    num_frames, size = _check(train_set, test, options)
    judge = Judge(train_set=train_set, test=test, options=options, compute=compute)
    repeats = []
    for index in range(options.repeats) if numbers is None else numbers:
        seed = rng.derive_seed(options.seed, "repeat", index)
        network = build_network(
            options.model,
            num_classes=len(test.classes),
            num_frames=num_frames,
            size=size,
            seed=rng.derive_seed(seed, "network"),
            compute=compute,
        )
        repeat = _train_and_test(network, judge, seed, partial(_tagged, listener, index))
        repeats.append(repeat)
        shown = ("accuracy", "train_accuracy", "diverged", "seconds")
        listener({"kind": "repeat", "repeat": index, **{name: getattr(repeat, name) for name in shown}})
    return Evaluation(
        options=as_json(options),
        training=as_json(options.training),
        classes=test.classes,
        num_train=len(train_set),
        groups=test.groups,
        repeats=tuple(repeats),
    )


def _train_and_test(network: nn.Module, judge: Judge, seed: int, listener: Listener) -> Repeat:
    start = time.perf_counter()
    train_set, options = judge.train_set, judge.options
    num_steps = options.training.num_steps(len(train_set))
    points = options.points_of(num_steps)
    curve: list[tuple[int, float]] = []

    def test_at_points(step: int) -> None:
        if step in points and (tested := judge.test_network(network, seed)) is not None:
            curve.append((step, float(tested.correct.double().mean())))

    result = train(
        network,
        train_set,
        options.training,
        seed=seed,
        compute=judge.compute,
        listener=listener,
        prepare=judge.prepare(train_set),
        mirror=judge.test.flip,
        after_step=test_at_points if points else None,
    )
    tested = None if result.diverged else judge.test_network(network, seed)
    trained = None if tested is None else judge.train_correct(network)
    if tested is None or trained is None or len(curve) < len(points):
        return Repeat(
            seed=seed, diverged=True, steps_done=result.steps_done, seconds=time.perf_counter() - start
        )
    correct = tested.correct
    accuracy = float(correct.double().mean())
    return Repeat(
        seed=seed,
        diverged=False,
        steps_done=result.steps_done,
        accuracy=accuracy,
        per_class=_per_class(correct, judge.test.labels, len(judge.test.classes)),
        train_accuracy=float(trained.double().mean()),
        correct=tuple(correct.tolist()),
        confusion=_nonzero(tested.confusion),
        curve=(*curve, (num_steps, accuracy)) if options.protocol == "paper" else (),
        seconds=time.perf_counter() - start,
    )


def _check(train_set: ClipSource, test: HeldOutClips, options: EvaluateOptions) -> tuple[int, int]:
    """The frames and the side of the clips, after all that can be wrong has been looked at."""
    for clips, what in ((train_set, "training"), (test, "test")):
        if not len(clips):
            raise DataError(f"the {what} set is empty; look at what was indexed or selected")
    if train_set.classes != test.classes:
        raise DataError(
            f"the training set has the classes {_some(train_set.classes)}, "
            f"the test set {_some(test.classes)}; take both from one dataset"
        )
    shape, test_shape = train_set.batch([0]).shape[1:], test.batch([0]).shape[1:]
    if shape != test_shape:
        raise DataError(
            f"training clips are {_show(shape)} (T, C, H, W), test clips {_show(test_shape)}; "
            "index the test videos with the same --num-frames and --size"
        )
    num_frames, _, height, width = shape
    check_size(options.model, num_frames, min(height, width))
    options.views_of(test.num_views)
    if options.top > 1 and options.top >= len(test.classes):
        raise UsageError(f"--top {options.top}: of {len(test.classes)} classes every clip would be right")
    return num_frames, min(height, width)


def _per_class(correct: Tensor, labels: Tensor, num_classes: int) -> tuple[float | None, ...]:
    members = [correct[labels == label].double() for label in range(num_classes)]
    return tuple(float(each.mean()) if len(each) else None for each in members)


def _nonzero(confusion: Tensor) -> tuple[tuple[int, int, int], ...]:
    return tuple((row, column, int(confusion[row, column])) for row, column in confusion.nonzero().tolist())


def _tagged(listener: Listener, repeat: int, event: Event) -> None:
    listener({**event, "repeat": repeat})


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} … ({len(names)})" if len(names) > 3 else f"{shown} ({len(names)})"


def _show(shape: torch.Size) -> str:
    return "×".join(map(str, shape))
