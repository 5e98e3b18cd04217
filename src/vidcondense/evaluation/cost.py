"""What an evaluation will take: memory from the layers of its network, time from two of its own steps."""

from __future__ import annotations

import time
from dataclasses import replace

from vidcondense.compute import Compute
from vidcondense.evaluation.protocol import EvaluateOptions
from vidcondense.interfaces import ClipSource
from vidcondense.models import build_network
from vidcondense.models.footprint import Footprint, footprint
from vidcondense.training.train import train

_FORWARD = 1 / 3  # of a training step's time: the backward pass takes twice as long as the forward pass


def memory_of(train_set: ClipSource, options: EvaluateOptions, compute: Compute) -> Footprint:
    """The memory of one training on `train_set`; nothing is allocated. Raises `UsageError`."""
    num_frames, _, size, _ = train_set.batch([0]).shape[1:]
    return footprint(
        options.model,
        num_classes=len(train_set.classes),
        num_frames=num_frames,
        size=size,
        batch_size=_batch_size(train_set, options),
        compute=compute,
    )


def seconds_of(train_set: ClipSource, num_test: int, options: EvaluateOptions, compute: Compute) -> float:
    """About how long `evaluate` will take, from the second of two training steps (the first warms up).

    Args:
        train_set: what is trained on.
        num_test: test clips.
        options: of the evaluation.
        compute: device and precision.
    """
    num_frames, _, size, _ = train_set.batch([0]).shape[1:]
    network = build_network(
        options.model,
        num_classes=len(train_set.classes),
        num_frames=num_frames,
        size=size,
        seed=0,
        compute=compute,
    )
    times = [time.perf_counter()]
    two_steps = replace(options.training, steps=2, epochs=None)
    train(
        network,
        train_set,
        two_steps,
        seed=0,
        compute=compute,
        listener=lambda event: times.append(time.perf_counter()),
    )
    step = times[-1] - times[-2]
    num_steps = options.training.num_steps(len(train_set))
    passes = options.num_clips * (1 + len(options.points_of(num_steps)))
    testing = passes * num_test * step / _batch_size(train_set, options) * _FORWARD
    return options.repeats * (num_steps * step + testing)


def _batch_size(train_set: ClipSource, options: EvaluateOptions) -> int:
    return min(options.training.batch_size, len(train_set))
