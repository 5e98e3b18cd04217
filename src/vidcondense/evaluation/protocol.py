"""Two ways of judging a training set by the networks that it trains: strict, and as published papers do."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from vidcondense import rng
from vidcondense.errors import UsageError
from vidcondense.options import choose, require
from vidcondense.training.options import TrainOptions
from vidcondense.video.sampling import ClipOptions

TRAINING: dict[str, TrainOptions] = {
    "strict": TrainOptions(),
    "paper": TrainOptions(
        epochs=500, batch_size=256, lr=0.01, schedule="step", warmup=0.0, momentum=0.9, clip_norm=None
    ),
}
"""How each protocol trains."""

CLIPS: dict[str, int] = {"strict": 1, "paper": 3}
"""Test clips a video."""

POINTS = 5
"""Evaluation points of the paper protocol: every 100 of 500 epochs."""


@dataclass(frozen=True, kw_only=True)
class ProtocolOptions:
    """How a training set is judged, whatever the network.

    `strict` chooses nothing on test data: a network that augmented clips trained is tested in its last state,
    on the centre clip of each video, normalised as the training set was. `paper` follows the field's
    published code: ImageNet normalisation, each batch standardised by its own mean and deviation, 500 epochs
    of SGD on plain clips, accuracy averaged over three passes of randomly placed, randomly mirrored clips;
    the best of several points on the test set is reported beside.
    """

    protocol: Literal["strict", "paper"] = "strict"
    """`strict`, or `paper` to compare with published figures."""

    repeats: int = 3
    """Networks to train, each from its own seed."""

    seed: int = 0
    """Seed of the evaluation: the weights, the order of the clips, dropout, augmentation, flips."""

    clips: int | None = None
    """Test clips a video (strict: 1, logits averaged; paper: 3, accuracies averaged)."""

    steps: int | None = None
    """Training steps (strict: 500)."""

    epochs: int | None = None
    """Training epochs (paper: 500)."""

    lr: float | None = None
    """Learning rate (strict: 0.03; paper: 0.01)."""

    augment: bool = True
    """Whether each training step alters its clips by one of colour, crop, cutout, flip, scale and rotation,
    as image papers judge the sets of DSA and DM; for all sets alike (paper: never)."""

    top: int = 1
    """A clip is right when its class is among this many of the highest scores (some papers print top 5)."""

    points: int | None = None
    """Times the test set is asked during a training, paper protocol only (5)."""

    def __post_init__(self) -> None:
        if self.protocol == "paper":
            object.__setattr__(self, "augment", False)
        require(self.repeats >= 1, "repeats", self.repeats, "must be at least 1")
        rng.check_seed(self.seed)
        require(self.clips is None or self.clips >= 1, "clips", self.clips, "must be at least 1")
        require(self.top >= 1, "top", self.top, "must be at least 1")
        require(self.points is None or self.points >= 1, "points", self.points, "must be at least 1")
        if self.points is not None and self.protocol != "paper":
            raise UsageError(
                f"--points {self.points}: the strict protocol tests only the end of a training; "
                "leave --points out, or use --protocol paper"
            )
        if self.steps is not None and self.epochs is not None:
            raise UsageError(f"--steps {self.steps} --epochs {self.epochs}: give one of the two")
        _ = self.training  # its own checks

    @property
    def training(self) -> TrainOptions:
        """The protocol's training, with what was overridden."""
        training = choose(TRAINING, self.protocol, "protocol")
        if self.steps is not None:
            training = dataclasses.replace(training, steps=self.steps, epochs=None)
        if self.epochs is not None:
            training = dataclasses.replace(training, epochs=self.epochs)
        if self.lr is not None:
            training = dataclasses.replace(training, lr=self.lr)
        return dataclasses.replace(training, augment=self.augment)

    @property
    def told(self) -> str:
        """How networks are trained and tested, in words: accuracies where it differs do not compare."""
        training = self.training
        length = f"{training.epochs} epochs" if training.epochs else f"{training.steps} steps"
        what = " of augmented clips" if training.augment else ""
        told = f"protocol {self.protocol}, {length}{what} at learning rate {training.lr:g}"
        told += f", {self.clips} test clips a video" if self.clips is not None else ""
        return told + (f", top {self.top}" if self.top > 1 else "")

    @property
    def num_clips(self) -> int:
        """Test clips a video."""
        return CLIPS[self.protocol] if self.clips is None else self.clips

    def test_clips(self, clip: ClipOptions) -> ClipOptions:
        """How test clips are cut, where training clips are cut by `clip`; the seed places random ones."""
        at_random = self.protocol == "paper"
        return dataclasses.replace(
            clip,
            clips_per_video=self.num_clips,
            placement="random" if at_random else "centre",
            placement_seed=self.seed if at_random else 0,
        )

    def views_of(self, available: int) -> range:
        """Which of `available` clips of each video, which are in order of time, to test on.

        Strict takes those in the middle, paper the first (they are placed at random).

        Raises:
            UsageError: there are too few, or none lies in the middle.
        """
        count = self.num_clips
        if count > available:
            raise UsageError(
                f"--clips {count}: the test set holds {available} a video; "
                f"read it with --clips-per-video {count}, or set --clips {available}"
            )
        if self.protocol == "paper":
            return range(count)
        spare = available - count
        if spare % 2:
            raise UsageError(
                f"--clips {count}: of {available} clips a video none would be in the middle; "
                f"set --clips {available}, or read the test set with --clips-per-video {count}"
            )
        return range(spare // 2, available - spare // 2)

    def points_of(self, num_steps: int) -> tuple[int, ...]:
        """The numbers of completed steps at which to test, but for the end itself."""
        if self.protocol == "strict":
            return ()
        points = POINTS if self.points is None else self.points
        return tuple(
            sorted({round(num_steps * point / points) for point in range(1, points)} - {0, num_steps})
        )


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(ProtocolOptions):
    """How a training set is judged; see `ProtocolOptions`."""

    model: str = "convnet3d"
    """The network to train."""


OLDER_JUDGE = EvaluateOptions(augment=False)
"""What a record that lacks an option was judged by: clips were plain before they could be altered."""
