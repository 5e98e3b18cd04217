"""One condensation in memory: step, insert, go on to the next stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from vidcondense.assembly import assemble
from vidcondense.compute import Compute
from vidcondense.errors import LimitError
from vidcondense.events import Event
from vidcondense.interfaces import RealClips
from vidcondense.methods import METHODS
from vidcondense.settings import CondenseOptions


class Condenser:
    """One condensation in memory: everything but files and signals.

    Args:
        real: the training clips.
        options: what to do; the method must be one that learns.
        compute: where.
    """

    def __init__(self, real: RealClips, options: CondenseOptions, compute: Compute) -> None:
        self.options = options
        self.iteration = 0
        (stage,) = METHODS[options.method].stages
        parts = assemble(stage, real, options, compute)
        self.videos, self.matcher, self.inserter = parts.videos, parts.matcher, parts.inserter
        self.lr = parts.lr
        self.optimiser = torch.optim.SGD(
            [*_groups(self.videos.parameters()), *_groups(self.matcher.parameters())],
            lr=parts.lr,
            momentum=options.momentum,
        )

    @property
    def iterations(self) -> int:
        """How many there are in all."""
        return self.options.iterations

    def step(self) -> list[Event]:
        """Do one iteration.

        Returns:
            The insertions, and one event for the iteration: loss (summed over targets); where key frames are
            inserted also their mean number a video and a summary of the cosines.

        Raises:
            LimitError: the loss is not a finite number any more; the videos are then as before the step.
        """
        videos = self.videos.render(self.iteration)
        match = self.matcher.match(videos.detach(), self.iteration)
        if not bool(match.losses.isfinite().all()):
            raise LimitError(
                f"the loss is not finite at iteration {self.iteration} (--lr {self.lr}); "
                "use a smaller --lr, and --overwrite to start anew"
            )
        self.optimiser.zero_grad()
        torch.autograd.backward([videos], [match.gradient])
        for parameter, gradient in zip(_tensors(self.matcher.parameters()), match.own, strict=True):
            parameter.grad = gradient
        self.optimiser.step()
        event = {"kind": "iteration", "iteration": self.iteration, "loss": float(match.losses.sum())}
        inserted: list[Event] = []
        if self.inserter is not None:
            inserted, cosines = self.inserter.after_step(self.videos, match.gradient, self.iteration)
            count = float(self.videos.num_key_frames().float().mean())
            event |= {"key_frames": round(count, 4), **cosines}
        self.matcher.after_step(self.videos, self.iteration)
        self.iteration += 1
        return [*inserted, event]

    def state(self) -> dict[str, Tensor]:
        """The tensors from which the condensation goes on exactly."""
        state = {f"videos.{name}": tensor for name, tensor in self.videos.state().items()}
        state |= {f"match.{name}": tensor for name, tensor in self.matcher.state().items()}
        if self.inserter is not None:
            state |= {f"insert.{name}": tensor for name, tensor in self.inserter.state().items()}
        for number, parameter in enumerate(self._learned()):
            momentum = self.optimiser.state[parameter].get("momentum_buffer")
            if momentum is not None:
                state[f"momentum.{number}"] = momentum
        return state

    def load_state(self, state: Mapping[str, Tensor], iteration: int) -> None:
        """Continue from `state` before the step of `iteration`."""
        self.videos.load_state(_part(state, "videos."))
        self.matcher.load_state(_part(state, "match."))
        if self.inserter is not None:
            self.inserter.load_state(_part(state, "insert."))
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
