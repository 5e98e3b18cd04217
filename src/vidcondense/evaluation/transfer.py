"""What else a network trained on a set is good for: retrieval, a linear probe, few real clips."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import partial

from torch import Tensor, nn

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.errors import DataError
from vidcondense.evaluation.judge import HeldOutClips
from vidcondense.evaluation.measures import Correct, Measured
from vidcondense.evaluation.probe import linear_probe
from vidcondense.evaluation.retrieval import RANKS, retrieve
from vidcondense.evaluation.views import Chosen
from vidcondense.events import Event, Listener, ignore
from vidcondense.interfaces import ClipSource, RealClips
from vidcondense.models import VideoNetwork, build_network, check_features
from vidcondense.options import require
from vidcondense.selection.random import select_random
from vidcondense.training import TrainOptions, embed, predict, train
from vidcondense.training.units import Prepare, change_units


@dataclass(frozen=True, kw_only=True)
class TransferOptions:
    """What is measured of the networks that a set trains."""

    model: str = "convnet3d"
    """The network to train: convnet3d, cnn-gru, cnn-lstm, …, or package.module:factory of your own."""

    repeats: int = 3
    """Networks to train, each from its own seed."""

    seed: int = 0
    """Seed of the weights, the order of the clips, dropout, and which real clips are few."""

    shots: tuple[int, ...] = (1, 5)
    """Real training clips a class to fine-tune on, a measurement each."""

    probe_decay: float = 1e-3
    """Weight decay of the linear probe, on standardised features."""

    training: TrainOptions = field(default_factory=TrainOptions)
    """How the network is trained, on the set and on few real clips; as in the strict protocol."""

    def __post_init__(self) -> None:
        require(self.repeats >= 1, "repeats", self.repeats, "must be at least 1")
        rng.check_seed(self.seed)
        require(all(shots >= 1 for shots in self.shots), "shots", self.shots, "must be at least 1 each")
        require(self.probe_decay > 0, "probe_decay", self.probe_decay, "must be a positive number")

    @property
    def measurements(self) -> tuple[str, ...]:
        """The names of what is measured, in order."""
        return (*(f"R@{rank}" for rank in RANKS), "probe", *(f"{shots}-shot" for shots in self.shots))


def transfer(
    train_set: ClipSource | None,
    real: RealClips,
    test: HeldOutClips,
    options: TransferOptions,
    *,
    compute: Compute,
    listener: Listener = ignore,
) -> Measured:
    """Train networks on a set, then measure on each test clip what they are good for.

    - `R@1`, `R@5`, `R@10`: whether the nearest of the real training clips (by the cosine of the features)
      has its class, or one of the 5 or 10 nearest. Not measured where there are fewer training clips.
    - `probe`: whether a linear classifier of the features, fitted to all real training clips, is right.
    - `k-shot`: whether the network is right once it was trained further on k real clips a class.

    All clips are normalised as the set was. A network that was trained on nothing (`train_set` None) is the
    control for all of these: its `k-shot` is a training from scratch.

    Args:
        train_set: condensed videos, selected clips, all real clips, or None.
        real: the real training clips: gallery, probe and few shots.
        test: held-out clips of the same classes; the queries.
        options: what to do.
        compute: device and precision of the forward passes.
        listener: gets the events of the training on the set, each with its `repeat`, and a `repeat` event
            after each network.

    Raises:
        UsageError: the model does not fit the clips, or has no features.
        DataError: a class has fewer real clips than are asked of it, or classes differ.
    """
    num_frames, _, size, _ = real.shape
    check_features(options.model, num_frames, size)
    _check_data(train_set, real, test, options)
    seeds, networks = [], []
    for index in range(options.repeats):
        seed = rng.derive_seed(options.seed, "repeat", index)
        network = build_network(
            options.model,
            num_classes=len(real.classes),
            num_frames=num_frames,
            size=size,
            seed=rng.derive_seed(seed, "network"),
            compute=compute,
        )
        subject = _Subject(network, train_set or real, real, test, options, seed, compute)
        diverged = False
        if train_set is not None:
            diverged = subject.train(network, train_set, partial(_tagged, listener, index))
        seeds.append(seed)
        networks.append({} if diverged else subject.measure())
        listener({"kind": "repeat", "repeat": index, "diverged": diverged})
    return Measured(
        num_train=len(train_set) if train_set is not None else 0,
        groups=test.groups,
        seeds=tuple(seeds),
        networks=tuple(networks),
    )


@dataclass(frozen=True)
class _Subject:
    """One network, and all it is measured with."""

    network: VideoNetwork
    home: ClipSource
    """The clips whose mean and deviation normalise all others."""
    real: RealClips
    test: HeldOutClips
    options: TransferOptions
    seed: int
    compute: Compute

    def measure(self) -> dict[str, Correct]:
        """Every measurement that could be made."""
        found = self._of_features()
        for shots in self.options.shots:
            network = copy.deepcopy(self.network)
            few = Chosen(self.real, select_random(self.real, shots, rng.derive_seed(self.seed, "shots")))
            if not self.train(network, few, ignore):
                found |= self._right(f"{shots}-shot", self._predict(network))
        return found

    def train(self, network: nn.Module, clips: ClipSource, listener: Listener) -> bool:
        """Train on `clips`; whether it diverged."""
        result = train(
            network,
            clips,
            self.options.training,
            seed=self.seed,
            compute=self.compute,
            listener=listener,
            prepare=self._prepare(clips),
        )
        return result.diverged

    def _of_features(self) -> dict[str, Correct]:
        gallery, query = (
            embed(self.network, clips, compute=self.compute, prepare=self._prepare(clips))
            for clips in (self.real, self.test)
        )
        if not bool(gallery.isfinite().all() and query.isfinite().all()):
            return {}
        ranks = [rank for rank in RANKS if rank <= len(gallery)]
        hits = retrieve(query, gallery, self.test.labels, self.real.labels, ranks)
        logits = linear_probe(
            gallery,
            self.real.labels,
            query,
            num_classes=len(self.real.classes),
            decay=self.options.probe_decay,
        )
        found = {f"R@{rank}": tuple(row.float().tolist()) for rank, row in zip(ranks, hits, strict=True)}
        return found | self._right("probe", logits)

    def _right(self, measurement: str, logits: Tensor) -> dict[str, Correct]:
        if not bool(logits.isfinite().all()):
            return {}
        return {measurement: tuple((logits.argmax(dim=1) == self.test.labels).float().tolist())}

    def _predict(self, network: nn.Module) -> Tensor:
        return predict(network, self.test, compute=self.compute, prepare=self._prepare(self.test))

    def _prepare(self, clips: ClipSource) -> Prepare:
        return change_units(clips.mean, clips.std, self.home.mean, self.home.std)


def _check_data(
    train_set: ClipSource | None, real: RealClips, test: HeldOutClips, options: TransferOptions
) -> None:
    for clips in (test, train_set):
        if clips is not None and clips.classes != real.classes:
            raise DataError(
                f"the real clips have {len(real.classes)} classes, others {len(clips.classes)} or of other "
                "names; take all from one dataset"
            )
    if train_set is not None and train_set.batch([0]).shape[1:] != real.shape:
        raise DataError(
            f"the videos of the set are {tuple(train_set.batch([0]).shape[1:])} (T, C, H, W), real clips "
            f"{real.shape}; read the real videos with the same --num-frames and --size"
        )
    needed = max(options.shots, default=1)
    for label, name in enumerate(real.classes):
        found = len(real.indices_of(label))
        if found < needed:
            raise DataError(
                f"class {name!r} has {found} training clips, {needed} are needed; use fewer --shots"
            )


def _tagged(listener: Listener, repeat: int, event: Event) -> None:
    listener({**event, "repeat": repeat})
