"""How a network is trained: the options, and the schedules of steps they stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from vidcondense.options import check_choices, require

Schedule = Literal["cosine", "step", "constant"]


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Stochastic gradient descent with momentum; the defaults are those of the strict protocol."""

    steps: int = 500
    """Training steps; each sees one batch."""

    epochs: int | None = None
    """Passes over the training clips; when given, it replaces --steps."""

    batch_size: int = 32
    """Clips a step (all of them, where there are fewer)."""

    lr: float = 0.03
    """Learning rate at its highest."""

    schedule: Schedule = "cosine"
    """How the learning rate falls: along a cosine to 0, to a tenth after half of the steps (step), or not at
    all (constant)."""

    warmup: float = 0.05
    """Fraction of the steps in which the learning rate rises linearly from 0."""

    momentum: float = 0.9
    """Momentum of the gradient descent."""

    weight_decay: float = 5e-4
    """Weight decay (L2 penalty), on all parameters."""

    clip_norm: float | None = 1.0
    """Largest norm of the gradient over all parameters; longer ones are shortened to it."""

    augment: bool = True
    """Whether each step alters its clips by one of colour, crop, cutout, flip (where that keeps the label),
    scale and rotation."""

    def __post_init__(self) -> None:
        check_choices(self)
        require(self.steps >= 1, "steps", self.steps, "must be at least 1")
        require(self.epochs is None or self.epochs >= 1, "epochs", self.epochs, "must be at least 1")
        require(self.batch_size >= 1, "batch_size", self.batch_size, "must be at least 1")
        require(self.lr > 0, "lr", self.lr, "must be a positive number")
        require(0 <= self.warmup < 1, "warmup", self.warmup, "must be at least 0 and below 1")
        require(0 <= self.momentum < 1, "momentum", self.momentum, "must be at least 0 and below 1")
        require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "must not be negative")
        require(self.clip_norm is None or self.clip_norm > 0, "clip_norm", self.clip_norm, "must be positive")

    def batch_of(self, num_clips: int) -> int:
        """How many clips a step sees of so many (of whole epochs, the last one may see fewer)."""
        return min(self.batch_size, num_clips)

    def num_steps(self, num_clips: int) -> int:
        """How many steps a training on `num_clips` clips takes."""
        if self.epochs is None:
            return self.steps
        return self.epochs * math.ceil(num_clips / self.batch_size)


def learning_rate(options: TrainOptions, step: int, num_steps: int) -> float:
    """The learning rate of step `step` (from 0) of `num_steps`.

    Warm-up over W = ⌊warmup · num_steps⌋ steps: lr · (step + 1) / (W + 1). After it, `cosine` is
    lr · (1 + cos π p) / 2 with p from 0 at the first step to nearly 1 at the last; `step` is lr, and lr / 10
    from the middle of all steps on; `constant` is lr.
    """
    warm = math.floor(options.warmup * num_steps)
    if step < warm:
        return options.lr * (step + 1) / (warm + 1)
    if options.schedule == "constant":
        return options.lr
    if options.schedule == "step":
        return options.lr * (0.1 if 2 * step >= num_steps else 1.0)
    progress = (step - warm) / (num_steps - warm)
    return options.lr * (1 + math.cos(math.pi * progress)) / 2
