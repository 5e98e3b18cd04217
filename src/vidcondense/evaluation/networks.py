"""Networks that a set trains, one after the other, for measurements beside accuracy."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from jaxtyping import Float
from torch import Tensor

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.errors import DataError
from vidcondense.events import Event, Listener, ignore
from vidcondense.interfaces import ClipSource, RealClips
from vidcondense.models import VideoNetwork, network_for
from vidcondense.options import require
from vidcondense.training import TrainOptions, embed, predict, train
from vidcondense.training.units import Prepare, change_units


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """Which networks are trained, and how."""

    model: str = "convnet3d"
    """The network to train: convnet3d, cnn-gru, cnn-lstm, …, or package.module:factory of your own."""

    repeats: int = 3
    """Networks to train, each from its own seed."""

    seed: int = 0
    """Seed of all that is random: weights, order of the clips, dropout, and what is drawn to measure."""

    training: TrainOptions = field(default_factory=TrainOptions)
    """How networks are trained; the defaults are those of the strict protocol."""

    def __post_init__(self) -> None:
        require(self.repeats >= 1, "repeats", self.repeats, "must be at least 1")
        rng.check_seed(self.seed)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One network to measure.

    Attributes:
        network: on the device of `compute`.
        home: the clips it knows first; their mean and deviation normalise all others.
        seed: of its weights and its training.
        training: how it is trained.
        mirror: whether mirroring a clip keeps its label.
        compute: device and precision.
    """

    network: VideoNetwork
    home: ClipSource
    seed: int
    training: TrainOptions
    mirror: bool
    compute: Compute

    def train(self, clips: ClipSource, listener: Listener = ignore) -> bool:
        """Train the network further, on `clips`; False where the training diverged."""
        result = train(
            self.network,
            clips,
            self.training,
            seed=self.seed,
            compute=self.compute,
            listener=listener,
            prepare=self._prepare(clips),
            mirror=self.mirror,
        )
        return not result.diverged

    def copy(self) -> Subject:
        """A network of the same weights, which can go its own way."""
        return replace(self, network=copy.deepcopy(self.network))

    def embed(self, clips: ClipSource) -> Float[Tensor, "n d"]:
        """The features of `clips`, the middle one of each video."""
        return embed(self.network, clips, compute=self.compute, prepare=self._prepare(clips))

    def predict(self, clips: ClipSource) -> Float[Tensor, "n k"]:
        """The logits of `clips`, the middle one of each video."""
        middle = getattr(clips, "num_views", 1) // 2
        return predict(
            self.network, clips, compute=self.compute, views=(middle,), prepare=self._prepare(clips)
        )

    def _prepare(self, clips: ClipSource) -> Prepare:
        return change_units(clips.mean, clips.std, self.home.mean, self.home.std)


def subjects(
    train_set: ClipSource | None,
    real: RealClips,
    options: NetworkOptions,
    *,
    compute: Compute,
    listener: Listener,
) -> Iterator[tuple[Subject, bool]]:
    """Train `options.repeats` networks on a set, one when it is asked for; and whether each is of use.

    The same seed gives the same networks, before their training, for every set.

    Args:
        train_set: what to train on; None leaves networks as they were initialised.
        real: the real training clips: classes, frames and size; without a set, mean and deviation.
        options: how.
        compute: device and precision.
        listener: gets the training events, each with its `repeat`.
    """
    for index in range(options.repeats):
        seed = rng.derive_seed(options.seed, "repeat", index)
        network = network_for(
            options.model,
            real.shape,
            len(real.classes),
            seed=rng.derive_seed(seed, "network"),
            compute=compute,
        )
        home = real if train_set is None else train_set
        subject = Subject(
            network=network,
            home=home,
            seed=seed,
            training=options.training,
            mirror=real.flip,
            compute=compute,
        )
        if train_set is None:
            yield subject, True
        else:
            yield subject, subject.train(train_set, partial(_tagged, listener, index))


def check_alike(train_set: ClipSource | None, real: RealClips, test: ClipSource) -> None:
    """Raise `DataError` unless all clips have the same classes, and a set's videos the shape of real ones."""
    for clips in (test, train_set):
        if clips is not None and clips.classes != real.classes:
            raise DataError(
                f"the real clips have {len(real.classes)} classes, others {len(clips.classes)} or of other "
                "names; take all from one dataset"
            )
    if train_set is not None and (shape := tuple(train_set.batch([0]).shape[1:])) != real.shape:
        raise DataError(
            f"the videos of the set are {shape} (T, C, H, W), real clips {real.shape}; "
            "read the real videos with the same --num-frames and --size"
        )


def _tagged(listener: Listener, repeat: int, event: Event) -> None:
    listener({**event, "repeat": repeat})
