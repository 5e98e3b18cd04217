"""One condensation in memory: step, insert, go on to the next stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from vidcondense.assembly import assemble, stage_options, total_iterations
from vidcondense.compute import Compute
from vidcondense.errors import LimitError
from vidcondense.events import Event
from vidcondense.interfaces import RealClips, Representation, Videos
from vidcondense.methods import METHODS
from vidcondense.settings import CondenseOptions
from vidcondense.synthetic.keyframes import KeyFrameVideos


class Condenser:
    """One condensation in memory: everything but files and signals.

    Args:
        real: the training clips.
        options: what to do; the method must be one that learns.
        compute: where.
    """

    def __init__(self, real: RealClips, options: CondenseOptions, compute: Compute) -> None:
        self.real = real
        self.options = options
        self.compute = compute
        self.stages = METHODS[options.method].stages
        self.lengths = [stage_options(stage, options).iterations for stage in self.stages]
        self.enter(0)

    @property
    def iterations(self) -> int:
        """How many there are in all, of all stages."""
        return total_iterations(self.options)

    @property
    def videos(self) -> Representation:
        """What is learned in this stage."""
        return self.parts.videos

    @property
    def _end(self) -> int:
        """The iteration at which this stage is done."""
        return self.begin + self.parts.iterations

    def enter(self, number: int) -> None:
        """Go to the beginning of a stage, on from what the one before has learned."""
        before = self.videos if number else None
        self.stage = number
        self.begin = self.iteration = sum(self.lengths[:number])
        self.parts = assemble(self.stages[number], self.real, self.options, self.compute, before)
        self.optimiser = torch.optim.SGD(
            [*_groups(self.videos.parameters()), *_groups(self.parts.matcher.parameters())],
            lr=self.parts.lr,
            momentum=self.options.momentum,
        )

    def step(self) -> list[Event]:
        """Do one iteration.

        Returns:
            The insertions, and one event for the iteration: loss (summed over targets), clips that went
            through a network (single frames where stills are learned); where key frames are
            inserted also their mean number a video and a summary of the cosines; where there is one, the
            penalty that was added to the loss; where there are several stages, which one, from 0.

        Raises:
            LimitError: the loss is not a finite number any more; the videos are then as before the step.
        """
        if self.iteration == self._end and self.stage + 1 < len(self.stages):
            self.enter(self.stage + 1)
        matcher, local = self.parts.matcher, self.iteration - self.begin
        videos = self.videos.render(local)
        match = matcher.match(videos.detach(), local)
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
        inserted, seen = self._insert(match.gradient, local)
        matcher.after_step(self.videos, local)
        loss = float(match.losses.sum())
        event = {"kind": "iteration", "iteration": self.iteration, "loss": loss, "clips": match.clips, **seen}
        if penalty is not None:
            event["penalty"] = float(penalty.detach())
        if len(self.stages) > 1:
            event["stage"] = self.stage
        self.iteration += 1
        return [*inserted, event]

    def _insert(self, gradient: Videos, local: int) -> tuple[list[Event], Event]:
        """The insertions, and what is to be told of key frames in the iteration's event."""
        if self.parts.inserter is None:
            return [], {}
        assert isinstance(self.videos, KeyFrameVideos), "only key frames are inserted"
        inserted, cosines = self.parts.inserter.after_step(self.videos, gradient, local)
        count = float(self.videos.num_key_frames().float().mean())
        return inserted, {"key_frames": round(count, 4), **cosines}

    def _lr_flag(self) -> str:
        return "--static-lr" if self.stages[self.stage].videos == "static" else "--lr"

    def state(self) -> dict[str, Tensor]:
        """The tensors from which the condensation goes on exactly."""
        state = {f"videos.{name}": tensor for name, tensor in self.videos.state().items()}
        state |= {f"match.{name}": tensor for name, tensor in self.parts.matcher.state().items()}
        if self.parts.inserter is not None:
            state |= {f"insert.{name}": tensor for name, tensor in self.parts.inserter.state().items()}
        for number, parameter in enumerate(self._learned()):
            momentum = self.optimiser.state[parameter].get("momentum_buffer")
            if momentum is not None:
                state[f"momentum.{number}"] = momentum
        return state

    def load_state(self, state: Mapping[str, Tensor], iteration: int) -> None:
        """Continue from `state` before the step of `iteration`."""
        while iteration > self._end and self.stage + 1 < len(self.stages):
            self.enter(self.stage + 1)
        self.videos.load_state(_part(state, "videos."))
        self.parts.matcher.load_state(_part(state, "match."))
        if self.parts.inserter is not None:
            self.parts.inserter.load_state(_part(state, "insert."))
        momenta = _part(state, "momentum.")
        for number, parameter in enumerate(self._learned()):
            if str(number) in momenta:
                momentum = momenta[str(number)].to(parameter.device)
                self.optimiser.state[parameter]["momentum_buffer"] = momentum
        self.iteration = iteration

    def _learned(self) -> list[Tensor]:
        return [parameter for group in self.optimiser.param_groups for parameter in group["params"]]


def _groups(parameters: Sequence[Tensor | dict[str, Any]]) -> list[dict[str, Any]]:
    """Parameter groups for an optimiser, of tensors or of groups."""
    return [each if isinstance(each, dict) else {"params": [each]} for each in parameters]


def _tensors(parameters: Sequence[Tensor | dict[str, Any]]) -> list[Tensor]:
    return [tensor for group in _groups(parameters) for tensor in group["params"]]


def _part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
