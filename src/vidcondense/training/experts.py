"""Experts: networks trained on real clips, whose weights are kept after every epoch.

Source: Cazenavette et al., "Dataset Distillation by Matching Training Trajectories" (CVPR 2022, arXiv
2203.11932), section 3.1: the trajectories that synthetic videos shall lead a network along. An expert sees
real clips as a student sees synthetic ones: in network units, without augmentation, by the training loop that
everything else is trained by, at a constant learning rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vidcondense import rng
from vidcondense.compute import Compute, choose_compute, versions_of
from vidcondense.errors import LimitError, OutputError
from vidcondense.events import Listener, ignore
from vidcondense.files import locked, make_folder
from vidcondense.interfaces import RealClips
from vidcondense.models import VideoNetwork, network_for
from vidcondense.options import require
from vidcondense.training.options import TrainOptions
from vidcondense.training.train import train
from vidcondense.training.trajectories import (
    ExpertRecord,
    Experts,
    expert_path,
    read_record,
    refuse_batch_statistics,
    save_expert,
)


@dataclass(frozen=True, kw_only=True)
class ExpertOptions:
    """How experts are trained: by gradient descent at a constant learning rate."""

    experts: int = 10
    """Networks to train, each from other weights."""

    epochs: int = 30
    """Passes over the training clips; the weights after each are kept."""

    model: str = "convnet3d"
    """The network to train: convnet3d, cnn-gru, …, or package.module:factory of your own."""

    batch_size: int = 32
    """Clips a step (all of them, where there are fewer)."""

    lr: float = 0.01
    """Learning rate."""

    momentum: float = 0.9
    """Momentum of the gradient descent."""

    weight_decay: float = 5e-4
    """Weight decay (L2 penalty), on all parameters."""

    seed: int = 0
    """Seed of the weights, the order of the clips, and dropout."""

    def __post_init__(self) -> None:
        require(1 <= self.experts <= 1000, "experts", self.experts, "must be 1 to 1000")
        self.training()
        rng.check_seed(self.seed)

    def training(self) -> TrainOptions:
        """The options of the training of one expert. Raises `UsageError`: a value is out of range."""
        return TrainOptions(
            epochs=self.epochs,
            batch_size=self.batch_size,
            lr=self.lr,
            schedule="constant",
            warmup=0.0,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            augment=False,
        )


def train_experts(
    real: RealClips,
    out: str | Path,
    options: ExpertOptions | None = None,
    *,
    data: Mapping[str, Any] | None = None,
    compute: Compute | None = None,
    listener: Listener = ignore,
) -> Experts:
    """Train the experts that are not in `out` yet, and store each as it is done.

    Several processes may work at the same folder: each expert is trained by one of them, and all wait for
    the last. On one machine, and with one number of threads, an expert has the same bytes whoever trains it.

    Args:
        real: the training clips.
        out: the folder of experts, made where it is missing.
        options: how they are trained.
        data: how the clips were read, to be recorded.
        compute: device and precision; default: chosen for this machine.
        listener: gets an `epoch` event (expert, loss, done, total: in epochs of all experts) after every
            epoch, and a `wait` event (expert) before waiting for another process.

    Returns:
        All experts of the folder.

    Raises:
        UsageError: the network does not take such clips, or has batch normalisation.
        OutputError: `out` holds experts that were made otherwise, or cannot be written.
        LimitError: a training diverged.
    """
    out, options, compute = Path(out), options or ExpertOptions(), compute or choose_compute()
    training = _Training(real, options, dict(data or {}), compute, listener)
    make_folder(out)
    missing = [number for number in range(options.experts) if not training.is_done(out, number)]
    for number in missing:
        training.claim(out, number, _busy)
    for number in missing:
        training.claim(out, number, partial(listener, {"kind": "wait", "expert": number}))
    return Experts(out)


class _Claimed(Exception):  # noqa: N818 - nothing went wrong
    """Another process trains this expert."""


def _busy() -> None:
    raise _Claimed


@dataclass(frozen=True)
class _Training:
    """What all experts of a folder share."""

    real: RealClips
    options: ExpertOptions
    data: dict[str, Any]
    compute: Compute
    listener: Listener

    def is_done(self, out: Path, number: int) -> bool:
        """Whether an expert is there; raises `OutputError` where it was made otherwise."""
        path = expert_path(out, number)
        if not path.exists():
            return False
        if differences := read_record(path).differences(self._record(number, ())):
            raise OutputError(f"{path} was made otherwise ({'; '.join(differences)}); choose another --out")
        return True

    def claim(self, out: Path, number: int, on_wait: Callable[[], object]) -> None:
        """Train an expert unless it is there or, where `on_wait` is `_busy`, another process is at it."""
        try:
            with locked(out / f".expert-{number:03d}.lock", on_wait):
                if not self.is_done(out, number):
                    self._train(expert_path(out, number), number)
        except _Claimed:
            return

    def _train(self, path: Path, number: int) -> None:
        options, seed = self.options, rng.derive_seed(self.options.seed, "expert", number)
        network = network_for(
            options.model,
            self.real.shape,
            len(self.real.classes),
            seed=rng.derive_seed(seed, "network"),
            compute=self.compute,
        )
        refuse_batch_statistics(network, options.model)
        trajectory = _Trajectory(network, options.epochs)
        steps = math.ceil(len(self.real) / options.batch_size)
        losses: list[float] = []

        def keep(done: int) -> None:
            epoch, rest = divmod(done, steps)
            if rest == 0:
                trajectory.keep(network, epoch)

        def tell(event: dict[str, Any]) -> None:
            if event["kind"] != "train":
                return
            losses.append(event["loss"])
            if len(losses) % steps == 0:
                epoch = number * options.epochs + len(losses) // steps
                total = options.experts * options.epochs
                loss = _mean(losses[-steps:])
                self.listener(
                    {"kind": "epoch", "expert": number, "loss": loss, "done": epoch, "total": total}
                )

        result = train(
            network,
            self.real,
            options.training(),
            seed=seed,
            compute=self.compute,
            listener=tell,
            after_step=keep,
        )
        if result.diverged:
            raise LimitError(
                f"the training of expert {number} diverged in epoch {result.steps_done // steps + 1} of "
                f"{options.epochs} (--lr {options.lr}); use a smaller --lr"
            )
        means = tuple(_mean(losses[start : start + steps]) for start in range(0, len(losses), steps))
        save_expert(path, trajectory.weights, self._record(number, means))

    def _record(self, number: int, losses: tuple[float, ...]) -> ExpertRecord:
        real = self.real
        how = {key: value for key, value in asdict(self.options).items() if key not in ("experts", "model")}
        return ExpertRecord(
            model=self.options.model,
            classes=real.classes,
            shape=real.shape,
            mean=tuple(real.mean.tolist()),
            std=tuple(real.std.tolist()),
            clips=clips_of_classes(real),
            options=how,
            data=self.data,
            expert=number,
            losses=losses,
            versions=versions_of(self.compute),
        )


class _Trajectory:
    """The weights of a network, newly initialised and after every epoch."""

    def __init__(self, network: VideoNetwork, epochs: int) -> None:
        self.weights: dict[str, Tensor] = {
            name: torch.empty(epochs + 1, *parameter.shape) for name, parameter in network.named_parameters()
        }
        self.keep(network, 0)

    @torch.no_grad()
    def keep(self, network: VideoNetwork, epoch: int) -> None:
        """Copy the weights of now."""
        for name, parameter in network.named_parameters():
            self.weights[name][epoch].copy_(parameter)


def clips_of_classes(real: RealClips) -> tuple[int, ...]:
    """How many clips each class has."""
    return tuple(len(real.indices_of(label)) for label in range(len(real.classes)))


def _mean(losses: list[float]) -> float:
    return sum(losses) / len(losses)
