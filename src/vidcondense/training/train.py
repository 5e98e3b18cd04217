"""The training loop: for evaluation, and for any network that learns from clips."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.errors import DataError
from vidcondense.events import Listener, ignore
from vidcondense.interfaces import ClipSource
from vidcondense.training.augment import augmenting
from vidcondense.training.batches import Batches, fetcher
from vidcondense.training.options import TrainOptions, learning_rate
from vidcondense.training.units import Prepare, chain, unchanged


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """How a training went.

    Attributes:
        losses: the loss of each step that was completed; all are finite.
        diverged: the loss, a gradient or a weight stopped being finite; the network is then of no use.
    """

    losses: tuple[float, ...]
    diverged: bool

    @property
    def steps_done(self) -> int:
        """How many steps were completed."""
        return len(self.losses)


def train(
    network: nn.Module,
    clips: ClipSource,
    options: TrainOptions,
    *,
    seed: int,
    compute: Compute,
    listener: Listener = ignore,
    prepare: Prepare = unchanged,
    mirror: bool = False,
    after_step: Callable[[int], None] | None = None,
) -> TrainResult:
    """Train `network`, in place, on `clips`.

    The loss is the cross-entropy; of clips that say `regression`, whose labels are what the logits should be,
    half the squared error (as FRePo trains), whose pull on a logit is of about the same size.

    The result depends on the network, the clips, `options` and `seed` alone; on a CPU it is the same bit by
    bit for the same number of threads.

    Args:
        network: videos → logits `[N, K]`, on the device of `compute`.
        clips: what to learn; its labels are class ids `[N]`, or soft labels `[N, K]`.
        options: how.
        seed: of the order of the clips, of dropout and of augmentation.
        compute: device and precision of the forward passes; the loss is float32.
        listener: gets a `train` event (step, loss, lr) after each step, or `diverged` (step).
        prepare: applied to each batch, augmented where `options` say so, before the network sees it. Clips
            that are `augmented` already are taken as they are.
        mirror: whether mirroring a clip keeps its label, so that augmentation may.
        after_step: called with the number of steps done after each one (to evaluate in between).

    Returns:
        The losses, and whether the training diverged: it then stopped at once.

    Raises:
        DataError: there are no clips.
    """
    if not len(clips):
        raise DataError("there are no clips to train on; look at what was indexed or selected")
    num_steps = options.num_steps(len(clips))
    batches = Batches(len(clips), options.batch_size, whole=options.epochs is not None, seed=seed)
    fetch = fetcher(clips, compute)
    loss_of = squared_error if getattr(clips, "regression", False) else F.cross_entropy
    if options.augment and not getattr(clips, "augmented", False):
        prepare = chain(augmenting(seed, mirror=mirror), prepare)
    optimiser = _optimiser(network, options)
    network.train()
    losses: list[float] = []
    for step in range(num_steps):
        lr = learning_rate(options, step, num_steps)
        indices = batches.at(step)
        videos = prepare(fetch(indices))
        with rng.isolated(rng.derive_seed(seed, "dropout", step), compute.device), compute.autocast():
            logits = network(videos)
        loss = loss_of(logits.float(), compute.move(clips.labels[indices]))
        if not _descend(optimiser, loss, lr, options.clip_norm):
            listener({"kind": "diverged", "step": step})
            return TrainResult(losses=tuple(losses), diverged=True)
        losses.append(loss.item())
        listener({"kind": "train", "step": step, "loss": losses[-1], "lr": lr})
        if after_step is not None:
            after_step(step + 1)
    finite = all(bool(parameter.isfinite().all()) for parameter in network.parameters())
    if not finite:
        listener({"kind": "diverged", "step": num_steps})
    return TrainResult(losses=tuple(losses), diverged=not finite)


def squared_error(logits: Float[Tensor, "n k"], wanted: Float[Tensor, "n k"]) -> Float[Tensor, ""]:
    """½ Σ over classes (logit − wanted)², the mean over clips."""
    return (logits - wanted).square().sum(dim=1).mean() / 2


def _optimiser(network: nn.Module, options: TrainOptions) -> torch.optim.SGD:
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return torch.optim.SGD(
        parameters, lr=options.lr, momentum=options.momentum, weight_decay=options.weight_decay
    )


def _descend(optimiser: torch.optim.SGD, loss: Tensor, lr: float, clip_norm: float | None) -> bool:
    """One step down the gradient of `loss`; False, and no step, where loss or gradient is not finite."""
    if not bool(loss.isfinite()):
        return False
    group = optimiser.param_groups[0]
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(group["params"], math.inf if clip_norm is None else clip_norm)
    if not bool(norm.isfinite()):
        return False
    group["lr"] = lr
    optimiser.step()
    return True
