"""A pool of networks in training, so that videos suit networks at many moments of a training.

Source: FRePo (arXiv 2206.00719), the model pool. Every iteration one network is drawn at random; after the
videos were stepped it is trained a little on them. One that was trained `max_online` steps is replaced by a
new one. The first networks' counts start apart, as in the published code: else all would go at a time.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from vidcondense import rng
from vidcondense.checkpoint import load_optimiser_tensors, optimiser_tensors, part_of
from vidcondense.compute import Compute
from vidcondense.interfaces import Videos
from vidcondense.matching.options import KernelOptions
from vidcondense.models import VideoNetwork
from vidcondense.models.random import random_network
from vidcondense.training.train import squared_error

_BATCH = 500  # synthetic videos a training step, at most, as in the published code
_COUNTS = "counts"


class _Place:
    """A network of the pool, and the optimiser that trains it."""

    def __init__(self, network: VideoNetwork, lr: float) -> None:
        self.network = network
        self.optimiser = torch.optim.Adam(network.parameters(), lr=lr)


class OnlinePool:
    """Networks in training; each is built when it is first drawn.

    Args:
        model: a key of `MODELS`, or one of the user's own.
        shape: `(T, C, H, W)` of the clips.
        num_classes: K.
        options: how many, how long and how fast they are trained.
        batch: videos a training step, at most.
        seed: of the draws, the networks, the order of the videos, and dropout.
        compute: where they run.
    """

    def __init__(
        self,
        model: str,
        shape: tuple[int, int, int, int],
        num_classes: int,
        options: KernelOptions,
        *,
        batch: int,
        seed: int,
        compute: Compute,
    ) -> None:
        self.model = model
        self.shape = shape
        self.num_classes = num_classes
        self.options = options
        self.batch = min(batch, _BATCH)
        self.seed = seed
        self.compute = compute
        self.steps = [
            options.max_online // options.online_pool * place for place in range(options.online_pool)
        ]
        self.generations = [0] * options.online_pool
        self._places: dict[int, _Place] = {}

    def place_of(self, iteration: int) -> int:
        """Which place of the pool an iteration uses."""
        stream = rng.generator(self.seed, "pool", iteration)
        return int(torch.randint(self.options.online_pool, (1,), generator=stream))

    def network(self, iteration: int) -> VideoNetwork:
        """The network of an iteration, frozen, in evaluation mode: every video is treated alone."""
        return self._at(self.place_of(iteration)).network.requires_grad_(False).eval()

    def train(self, videos: Videos, targets: Float[Tensor, "n k"], iteration: int, num_steps: int) -> None:
        """Train the iteration's network by squared error, and replace it where it has had enough.

        Args:
            videos: `[N, T, C, H, W]` in network units.
            targets: what its logits should be.
            iteration: from 0.
            num_steps: how long.
        """
        place = self.place_of(iteration)
        network, optimiser = self._at(place).network, self._at(place).optimiser
        network.requires_grad_(True).train()
        for step in range(num_steps):
            stream = rng.generator(self.seed, "online", iteration, step)
            chosen = torch.randperm(len(videos), generator=stream)[: self.batch].to(videos.device)
            dropout = rng.derive_seed(self.seed, "online dropout", iteration, step)
            with rng.isolated(dropout, self.compute.device), self.compute.autocast():
                logits = network(videos[chosen])
            optimiser.zero_grad()
            squared_error(logits.to(targets.dtype), targets[chosen]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        optimiser.zero_grad()
        self.steps[place] += num_steps
        if self.steps[place] >= self.options.max_online:
            self._renew(place)

    def state(self) -> dict[str, Tensor]:
        """Counts, and the networks in training with their optimisers."""
        state = {_COUNTS: torch.tensor([self.steps, self.generations])}
        for number, place in self._places.items():
            state |= {f"{number}.weights.{name}": value for name, value in place.network.state_dict().items()}
            remembered = optimiser_tensors(place.optimiser)
            state |= {f"{number}.optimiser.{name}": value for name, value in remembered.items()}
        return state

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take on what `state` gave."""
        self.steps, self.generations = state[_COUNTS].tolist()
        self._places.clear()
        for number in {int(key.partition(".")[0]) for key in state if key != _COUNTS}:
            place = self._at(number)
            place.network.load_state_dict(part_of(state, f"{number}.weights."))
            load_optimiser_tensors(place.optimiser, part_of(state, f"{number}.optimiser."))

    def _renew(self, place: int) -> None:
        self._places.pop(place, None)
        self.generations[place] += 1
        self.steps[place] = 0

    def _at(self, place: int) -> _Place:
        if place not in self._places:
            network = random_network(
                self.model,
                self.shape,
                self.num_classes,
                seed=self.seed,
                number=self.generations[place] * self.options.online_pool + place,
                compute=self.compute,
            )
            self._places[place] = _Place(network, self.options.online_lr)
        return self._places[place]
