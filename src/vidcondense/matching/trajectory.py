"""Trajectory matching (MTT): trained on the synthetic videos, a network must get to where experts got.

Source: Cazenavette et al., "Dataset Distillation by Matching Training Trajectories" (CVPR 2022, arXiv
2203.11932), algorithm 1. An expert is a network that was trained on real clips, with its weights after every
epoch (`training/experts.py`). An iteration takes an expert and an early epoch t of it, θ*_t; trains a student
from there for N steps of gradient descent on the synthetic videos; and compares its weights with the expert's
M epochs later:

    L = ‖θ_N - θ*_{t+M}‖² / ‖θ*_t - θ*_{t+M}‖².

The step size of the student is learned along with the videos: its logarithm, which keeps it positive, goes
down log L without momentum. Down L itself, one student that overshoots by far (L in the thousands) would
throw the step size to 0, where it learns no more. The student trains as a network on the finished set will,
with dropout; its memory does not grow with N (`unroll.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.distributed import ALONE, Ranks
from vidcondense.errors import DataError, FormatError, LimitError, UsageError
from vidcondense.interfaces import Labels, Match, RealClips, Representation, Videos
from vidcondense.matching.options import MatchOptions
from vidcondense.matching.unroll import Batch, LossOf, Weights, squared_distance, unroll
from vidcondense.models.random import random_network
from vidcondense.training.batches import Batches
from vidcondense.training.experts import clips_of_classes
from vidcondense.training.trajectories import Experts, refuse_batch_statistics


class TrajectoryMatcher:
    """Matches where a student gets to, trained on the synthetic videos, with where an expert got to.

    Args:
        real: the training clips, on which the experts were trained.
        labels: of the synthetic videos, `[N]`.
        options: what is matched, and where the experts are.
        seed: of experts, epochs, batches and dropout.
        compute: where networks run.
        ranks: the processes that share the parts of a student's steps.

    Raises:
        UsageError, FormatError, DataError: see `experts_for`; or the network has batch normalisation.
    """

    def __init__(
        self,
        real: RealClips,
        labels: Labels,
        options: MatchOptions,
        *,
        seed: int,
        compute: Compute,
        ranks: Ranks = ALONE,
    ) -> None:
        self.labels = labels
        self.options = options.trajectory
        self.seed = seed
        self.compute = compute
        self.ranks = ranks
        self.chunk = options.chunk_of(real.shape)
        self.experts = experts_for(options, real)
        self.network = random_network(
            options.model, real.shape, len(real.classes), seed=seed, number=0, compute=compute
        ).train()
        refuse_batch_statistics(self.network, options.model)
        self.experts.check_network(self.network)
        self.log_step_size = torch.tensor(math.log(self.options.step_size), device=compute.device)
        self.log_step_size.requires_grad_()

    @property
    def step_size(self) -> float:
        """The student's step size of now."""
        return float(self.log_step_size.detach().exp())

    def match(self, videos: Videos, iteration: int) -> Match:
        """The distance of student and expert, its gradient in the videos, and of log L in log α.

        Args:
            videos: `[N, T, C, H, W]` in network units.
            iteration: from 0.

        Raises:
            LimitError: loss or gradient are not finite.
            FormatError: an expert cannot be read, or did not move.
        """
        expert, epoch = self.choose(iteration)
        start = self.weights(expert, epoch)
        target = self.weights(expert, epoch + self.options.expert_epochs)
        where = f"{self.experts.paths[expert].name} from epoch {epoch}"
        if not bool(squared_distance(start, target) > 0):
            raise FormatError(f"{self.experts.folder}: {where} on does not move; train with a larger --lr")
        step_size = self.step_size
        batches = self.batches(len(videos), iteration)
        loss_of = self.loss_of(batches, iteration)
        found = unroll(videos, start, target, step_size, batches, loss_of, self.ranks)
        if not found.finite:
            raise LimitError(
                f"a student of {where} leaves the finite numbers at iteration {iteration}, at step size "
                f"{step_size:.3g}; use a smaller --step-size or --lr, and --overwrite to start anew"
            )
        seen = 2 * sum(len(part) for batch in batches for part in batch)
        return Match(
            found.loss[None], found.gradient, clips=seen, own=(found.rate_gradient * step_size / found.loss,)
        )

    def choose(self, iteration: int) -> tuple[int, int]:
        """Which expert an iteration follows, and from which epoch on.

        The experts are used in turn, in a new order every round: none is left out.
        """
        turn, place = divmod(iteration, len(self.experts))
        order = torch.randperm(len(self.experts), generator=rng.generator(self.seed, "experts", turn))
        stream = rng.generator(self.seed, "start epoch", iteration)
        epoch = torch.randint(self.options.max_start_epoch + 1, (1,), generator=stream)
        return int(order[place]), int(epoch)

    def parameters(self) -> Sequence[Tensor | dict[str, Any]]:
        """The logarithm of the step size, with a learning rate of its own and no momentum."""
        return [{"params": [self.log_step_size], "lr": self.options.step_size_lr, "momentum": 0.0}]

    def learned(self) -> Mapping[str, float]:
        """The step size, for whoever trains on the finished set."""
        return {"step_size": self.step_size}

    def after_step(self, videos: Representation, iteration: int) -> None:
        """Raise `LimitError` if the step size left the range of numbers; the next student begins anew."""
        if not 0 < self.step_size < math.inf:
            raise LimitError(
                f"the learned step size is {self.step_size} after iteration {iteration}; use a smaller "
                "--step-size-lr, and --overwrite to start anew"
            )

    def state(self) -> dict[str, Tensor]:
        """The step size."""
        return {"log_step_size": self.log_step_size}

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take on the step size of a checkpoint."""
        self.log_step_size.copy_(state["log_step_size"])

    def weights(self, expert: int, epoch: int) -> list[Tensor]:
        """An expert's weights, where and as the network's own lie in memory."""
        held = self.experts.weights(expert, epoch)
        return [
            torch.empty_like(parameter, requires_grad=False).copy_(held[name])
            for name, parameter in self.network.named_parameters()
        ]

    def batches(self, num_videos: int, iteration: int) -> list[Batch]:
        """The videos of each step, by reshuffled epochs, in parts of at most a chunk."""
        seed = rng.derive_seed(self.seed, "student", iteration)
        drawn = Batches(num_videos, self.options.synthetic_batch, whole=True, seed=seed)
        return [torch.split(drawn.at(step), self.chunk) for step in range(self.options.synthetic_steps)]

    def loss_of(self, batches: Sequence[Batch], iteration: int) -> LossOf:
        """The mean cross-entropy of a step, part by part."""
        names = [name for name, _ in self.network.named_parameters()]

        def loss_of(videos: Videos, weights: Weights, step: int, part: int) -> Tensor:
            dropout = rng.derive_seed(self.seed, "student dropout", iteration, step, part)
            with rng.isolated(dropout, self.compute.device), self.compute.autocast():
                logits = functional_call(self.network, dict(zip(names, weights, strict=True)), (videos,))
            labels = self.compute.move(self.labels[batches[step][part]])
            count = sum(map(len, batches[step]))
            return F.cross_entropy(logits.float(), labels, reduction="sum") / count

        return loss_of


def experts_for(options: MatchOptions, real: RealClips) -> Experts:
    """The experts that options name, if they can be followed with these clips.

    Raises:
        UsageError: no folder is named; or the experts are of another network, or too short.
        FormatError: the folder holds no experts, or a damaged one.
        DataError: the experts were trained on other clips.
    """
    chosen = options.trajectory
    if chosen.experts is None:
        raise UsageError(
            "--match mtt needs --experts FOLDER, which `vidcondense experts DATA --out FOLDER` makes"
        )
    experts = Experts(chosen.experts)
    record = experts.record
    if record.model != options.model:
        raise UsageError(
            f"--model {options.model}: the experts in {chosen.experts} are {record.model}; use that"
        )
    needed = chosen.max_start_epoch + chosen.expert_epochs
    if record.epochs < needed:
        raise UsageError(
            f"--max-start-epoch {chosen.max_start_epoch} and --expert-epochs {chosen.expert_epochs} need "
            f"{needed} epochs; the experts in {chosen.experts} have {record.epochs}"
        )
    facts = {
        "classes": (record.classes, real.classes),
        "clips of (T, C, H, W)": (record.shape, real.shape),
        "training clips of each class": (record.clips, clips_of_classes(real)),
        "means": (record.mean, tuple(real.mean.tolist())),
        "deviations": (record.std, tuple(real.std.tolist())),
    }
    for what, (theirs, ours) in facts.items():
        if theirs != ours:
            raise DataError(
                f"the experts in {chosen.experts} were trained on other {what}: {_short(theirs)}, not "
                f"{_short(ours)}; train experts on the clips to condense"
            )
    return experts


def _short(values: tuple[object, ...]) -> str:
    text = ", ".join(map(str, values[:6]))
    return f"{text}, … ({len(values)})" if len(values) > 6 else text
