"""One condensation in memory: step, insert, go on to the next stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vidcondense.assembly import Parts, assemble, stage_options, total_iterations
from vidcondense.checkpoint import load_optimiser_tensors, optimiser_tensors, part_of
from vidcondense.compute import Compute
from vidcondense.distributed import ALONE, Ranks
from vidcondense.errors import FormatError, LimitError
from vidcondense.events import Event
from vidcondense.insertion.conflict import Fits, Scores
from vidcondense.interfaces import Learns, RealClips, Representation, Videos
from vidcondense.matching.distribution import DistributionMatcher
from vidcondense.matching.kept_means import KeptMeans
from vidcondense.matching.kernel import KernelMatcher
from vidcondense.methods import METHODS
from vidcondense.settings import CondenseOptions
from vidcondense.sharing import gather_state, gather_videos, match_together, own_state, tell_together
from vidcondense.storage.codecs import Coding
from vidcondense.storage.labels import SoftLabels
from vidcondense.synthetic.keyframes import KeyFrameVideos


class Condenser:
    """One condensation in memory: everything but files and signals.

    Args:
        real: the training clips.
        options: what to do; the method must be one that learns.
        compute: where.
        ranks: the processes that share the classes; all of them call the same methods. Videos of distribution
            matching are learned by the rank that has their class; others by all alike, from the sum of what
            each rank matched.
        means: where mean features of real clips are kept, for other condensations.
    """

    def __init__(
        self,
        real: RealClips,
        options: CondenseOptions,
        compute: Compute,
        ranks: Ranks = ALONE,
        means: KeptMeans | None = None,
    ) -> None:
        self.real = real
        self.options = options
        self.compute = compute
        self.ranks = ranks
        self.means = means
        self.stages = METHODS[options.method].stages
        self.lengths = [stage_options(stage, options).iterations for stage in self.stages]
        self.enter(0)

    @property
    def iterations(self) -> int:
        """How many there are in all, of all stages."""
        return total_iterations(self.options)

    @property
    def videos(self) -> Representation:
        """What is learned in this stage, by this rank."""
        return self.parts.videos

    @property
    def _end(self) -> int:
        """The iteration at which this stage is done."""
        return self.begin + self.parts.iterations

    def enter(self, number: int) -> None:
        """Go to the beginning of a stage, on from what the one before has learned."""
        before = self.videos if number else None
        if hasattr(self, "parts"):
            del self.parts  # and with them the clips that lie on a GPU for another stage
        self.stage = number
        self.begin = self.iteration = sum(self.lengths[:number])
        self.parts: Parts = assemble(
            self.stages[number], self.real, self.options, self.compute, before, self.ranks
        )
        if self.means is not None and isinstance(self.parts.matcher, DistributionMatcher):
            self.parts.matcher.keep(self.means)
        groups = [*_groups(self.videos.parameters()), *_groups(self.parts.matcher.parameters())]
        self.optimiser = _optimiser(self.parts, groups, self.options.momentum)

    def limit_insertion(self, fits: Fits) -> None:
        """Insert key frames only as long as the videos fit a limit of bytes.

        Ranks that learn apart insert none under a limit.
        """
        if self.parts.inserter is not None and not self.parts.apart:
            self.parts.inserter.fits = fits

    def learn_for(self, coding: Coding) -> None:
        """Learn key frames for other levels than those that were asked for, where these are looked at."""
        videos = self.videos
        if isinstance(videos, KeyFrameVideos) and videos.codec is not None:
            videos.codec = replace(videos.codec, top=coding.top)

    def learned(self) -> Mapping[str, float]:
        """What was learned beside the videos, by name; mostly nothing."""
        matcher = self.parts.matcher
        return matcher.learned() if isinstance(matcher, Learns) else {}

    def step(self) -> list[Event]:
        """Do one iteration.

        Returns:
            The insertions, and one event for the iteration: loss (summed over targets), clips that went
            through a network (single frames where stills are learned), what the matcher learned;
            where key frames are inserted also their mean number a video, their paper MB and a summary of the
            cosines; where there is one, the penalty that was added to the loss; where there are several
            stages, which one, from 0.

        Raises:
            LimitError: the loss is not a finite number any more; the videos are then as before the step.
            RankError: another rank failed.
        """
        if self.iteration == self._end and self.stage + 1 < len(self.stages):
            self.enter(self.stage + 1)
        matcher, local = self.parts.matcher, self.iteration - self.begin
        videos = self.videos.render(local)
        match = match_together(self.parts, self.ranks, videos.detach(), local)
        if not bool(match.losses.isfinite().all()):
            raise LimitError(
                f"the loss is not finite at iteration {self.iteration} ({self._lr_flag()} {self.parts.lr}); "
                f"use a smaller {self._lr_flag()}, and --overwrite to start anew"
            )
        self.optimiser.zero_grad()
        torch.autograd.backward([videos], [match.gradient])
        penalty = self.videos.regulariser()
        if penalty is not None:
            torch.autograd.backward([penalty])
        for parameter, gradient in zip(_tensors(matcher.parameters()), match.own, strict=True):
            parameter.grad = gradient
        self.optimiser.step()
        inserted, deciding = self._insert(match.gradient, local)
        matcher.after_step(self.videos, local)
        inserted, told = tell_together(self.parts, self.ranks, match, inserted, deciding)
        event: Event = {"kind": "iteration", "iteration": self.iteration, **told, **self.learned()}
        if penalty is not None:
            event["penalty"] = float(penalty.detach())
        if len(self.stages) > 1:
            event["stage"] = self.stage
        self.iteration += 1
        return [*inserted, event]

    def _insert(self, gradient: Videos, local: int) -> tuple[list[Event], Scores | None]:
        """The insertions into this rank's videos, and the cosines they were decided by."""
        if self.parts.inserter is None:
            return [], None
        assert isinstance(self.videos, KeyFrameVideos), "only key frames are inserted"
        return self.parts.inserter.after_step(self.videos, gradient, local)

    def _lr_flag(self) -> str:
        return "--static-lr" if self.stages[self.stage].videos == "static" else "--lr"

    def learned_labels(self) -> SoftLabels | None:
        """The labels of the videos, where they are learned with them."""
        matcher = self.parts.matcher
        return matcher.learned_labels() if isinstance(matcher, KernelMatcher) else None

    def state(self) -> dict[str, Tensor]:
        """The tensors from which the condensation goes on exactly; only rank 0 gets them whole.

        They are the same however many ranks there are.
        """
        return gather_state(self.parts, self.ranks, self._own_state())

    def result(self) -> Representation:
        """What was learned by all ranks; only rank 0 gets it whole."""
        return gather_videos(self.parts, self.ranks)

    def finite(self) -> bool:
        """Whether the videos of this rank hold finite numbers only; from others nothing can go on."""
        return all(bool(tensor.isfinite().all()) for tensor in self.videos.state().values())

    def _own_state(self) -> dict[str, Tensor]:
        state = {f"videos.{name}": tensor for name, tensor in self.videos.state().items()}
        state |= {f"match.{name}": tensor for name, tensor in self.parts.matcher.state().items()}
        if self.parts.inserter is not None:
            state |= {f"insert.{name}": tensor for name, tensor in self.parts.inserter.state().items()}
        state |= {f"optimiser.{name}": tensor for name, tensor in optimiser_tensors(self.optimiser).items()}
        return state

    def load_state(self, state: Mapping[str, Tensor], iteration: int) -> None:
        """Continue from `state`, that of all ranks, before the step of `iteration`.

        Raises:
            FormatError: the state is not one of this condensation; this object must not be used any more.
        """
        if not 0 <= iteration <= self.iterations:
            raise FormatError(f"the checkpoint is of iteration {iteration}, there are {self.iterations}")
        while iteration > self._end and self.stage + 1 < len(self.stages):
            self.enter(self.stage + 1)
        try:
            own = own_state(self.parts, state)
            self._load_parts(own)
        except (LookupError, ValueError, RuntimeError) as error:
            raise FormatError(f"the checkpoint does not fit this condensation: {error!s:.200}") from error
        if _forms(self._own_state()) != _forms(own):  # `copy_` broadcasts and casts whatever it can
            raise FormatError("the checkpoint does not fit this condensation: other tensors")
        if not self.finite():
            raise FormatError("the checkpoint holds videos that are not finite")
        self.iteration = iteration

    def _load_parts(self, state: Mapping[str, Tensor]) -> None:
        self.videos.load_state(part_of(state, "videos."))
        self.parts.matcher.load_state(part_of(state, "match."))
        if self.parts.inserter is not None:
            self.parts.inserter.load_state(part_of(state, "insert."))
        load_optimiser_tensors(self.optimiser, part_of(state, "optimiser."))


def _optimiser(parts: Parts, groups: list[dict[str, Any]], momentum: float) -> torch.optim.Optimizer:
    if parts.optimiser == "adam":
        return torch.optim.Adam(groups, lr=parts.lr, betas=(momentum, 0.999))
    return torch.optim.SGD(groups, lr=parts.lr, momentum=momentum)


def _groups(parameters: Sequence[Tensor | dict[str, Any]]) -> list[dict[str, Any]]:
    """Parameter groups for an optimiser, of tensors or of groups."""
    return [each if isinstance(each, dict) else {"params": [each]} for each in parameters]


def _tensors(parameters: Sequence[Tensor | dict[str, Any]]) -> list[Tensor]:
    return [tensor for group in _groups(parameters) for tensor in group["params"]]


def _forms(state: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in state.items()}
