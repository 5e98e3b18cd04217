"""Gradient matching: training on the synthetic videos must pull a network the same way as on real clips.

Sources: DC, Zhao, Mopuri and Bilen, "Dataset Condensation with Gradient Matching" (ICLR 2021, arXiv
2006.05929); DSA, Zhao and Bilen (ICML 2021, arXiv 2102.08259), the same with one augmentation a class and
iteration for both sides.

A network is newly initialised every `outer_steps` iterations. Within such a round it is trained on the
synthetic videos between two iterations, so that gradients are matched along its training and not only at its
beginning. Networks are in evaluation mode while gradients are taken, for dropout would draw different units
on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.interfaces import Indices, Labels, Match, RealClips, Representation, Videos
from vidcondense.matching.options import MatchOptions
from vidcondense.matching.targets import make_targets
from vidcondense.models import VideoNetwork
from vidcondense.models.random import random_network
from vidcondense.training.augment import draw_augmentation, siamese_draw
from vidcondense.video.fetch import fetcher

_BATCH = 256  # synthetic videos an inner step, at most

Augment = Callable[[Videos], Videos]


class GradientMatcher:
    """Matches the gradients that real clips and synthetic videos give a network, target by target.

    Args:
        real: the training clips.
        labels: of the synthetic videos, `[N]`.
        options: what is matched.
        siamese: augment (DSA).
        seed: of networks, real clips, clusters, augmentation and dropout.
        compute: where networks run.
    """

    def __init__(
        self,
        real: RealClips,
        labels: Labels,
        options: MatchOptions,
        *,
        siamese: bool,
        seed: int,
        compute: Compute,
    ) -> None:
        self.real = real
        self.labels = labels
        self.options = options
        self.siamese = siamese
        self.seed = seed
        self.compute = compute
        self.targets = make_targets(options.match_targets, real, labels, seed)
        self.chunk = options.chunk_of(real.shape)
        self.fetch = fetcher(real, compute)
        self._videos = range(len(labels))
        self._network: VideoNetwork | None = None

    def share(self, videos: range) -> None:
        """Match only the videos of these numbers from now on; the network is still trained on all."""
        self.targets = self.targets.part(videos)
        self._videos = videos

    def match(self, videos: Videos, iteration: int) -> Match:
        """The distance of every target's gradients, and its gradient in the videos.

        Args:
            videos: `[N, T, C, H, W]` in network units.
            iteration: from 0; those of a round must come in order.
        """
        network = self._network_of(iteration)
        drawn = self.targets.draw(self.options.real_batch_of("dc"), self.seed, iteration)
        losses, gradient = [], torch.zeros_like(videos)
        for target, clips in enumerate(drawn):
            own = (self.targets.of_video == target).nonzero().flatten()
            label = int(self.labels[self._videos[int(own[0])]])
            augment = self._siamese_augmentation(iteration, self.targets.first + target)
            wanted = self._real_gradients(network, clips, label, augment)
            loss, pull = self._synthetic(network, videos[own.to(videos.device)], label, augment, wanted)
            losses.append(loss)
            gradient[own.to(videos.device)] = pull
        seen = sum(map(len, drawn)) + len(videos)
        if self.targets.first == 0:  # the network is the same for all parts: its training counts once
            seen += self.extra_clips(iteration)
        return Match(torch.stack(losses), gradient, clips=seen)

    def parameters(self) -> list[Tensor]:
        """None: nothing but the videos is learned."""
        return []

    def after_step(self, videos: Representation, iteration: int) -> None:
        """Train the network on the new synthetic videos, unless the next iteration begins with another."""
        if self._ends_round(iteration):
            return
        network = self._network_of(iteration)
        rendered = videos.render(iteration).detach()
        size = self._inner_batch(len(rendered))
        optimiser = torch.optim.SGD(network.parameters(), lr=self.options.network_lr)
        network.train()
        for step in range(self.options.inner_steps):
            stream = rng.generator(self.seed, "inner", iteration, step)
            chosen = torch.randperm(len(rendered), generator=stream)[:size]
            batch = rendered[chosen.to(rendered.device)]
            if self.siamese:
                batch = draw_augmentation(stream, mirror=self.real.flip, clips=size)(batch)
            dropout = rng.derive_seed(self.seed, "inner dropout", iteration, step)
            with rng.isolated(dropout, self.compute.device), self.compute.autocast():
                logits = network(batch)
            loss = F.cross_entropy(logits.float(), self.compute.move(self.labels[chosen]))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        network.eval()

    def _ends_round(self, iteration: int) -> bool:
        return (iteration + 1) % self.options.outer_steps == 0

    def _inner_batch(self, num_videos: int) -> int:
        return min(_BATCH, self.chunk, num_videos)

    def extra_clips(self, iteration: int) -> int:
        """How many clips the network is trained on after an iteration, where it is."""
        trained = self.options.inner_steps * self._inner_batch(len(self.labels))
        return 0 if self._ends_round(iteration) else trained

    def state(self) -> dict[str, Tensor]:
        """The network in the middle of its round; nothing where every iteration has a new one."""
        if self._network is None or self.options.outer_steps == 1:
            return {}
        return dict(self._network.state_dict())

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take on the network of a checkpoint."""
        if state:
            self._network = self._build(0)
            self._network.load_state_dict(state)

    def _network_of(self, iteration: int) -> VideoNetwork:
        """The network of an iteration: a new one at the beginning of a round."""
        if iteration % self.options.outer_steps == 0 or self._network is None:
            self._network = self._build(iteration // self.options.outer_steps)
        return self._network

    def _build(self, number: int) -> VideoNetwork:
        return random_network(
            self.options.model,
            self.real.shape,
            len(self.real.classes),
            seed=self.seed,
            number=number,
            compute=self.compute,
        )

    def _siamese_augmentation(self, iteration: int, target: int) -> Augment:
        if not self.siamese:
            return lambda videos: videos
        return siamese_draw(self.seed, iteration, target, mirror=self.real.flip)

    def _real_gradients(
        self, network: VideoNetwork, clips: Indices, label: int, augment: Augment
    ) -> list[Tensor]:
        """The gradients of the mean loss over real clips, chunk by chunk."""
        total = [torch.zeros_like(weight) for weight in matched_weights(network)]
        for part in torch.split(clips, self.chunk):
            videos = augment(self.fetch(part))
            for sum_, gradient in zip(
                total, self._gradients(network, videos, label, len(clips)), strict=True
            ):
                sum_ += gradient
        return total

    def _synthetic(
        self, network: VideoNetwork, videos: Videos, label: int, augment: Augment, wanted: Sequence[Tensor]
    ) -> tuple[Tensor, Videos]:
        """The distance of a target's synthetic gradients from the `wanted`, and its gradient in the videos.

        Where the videos are more than a chunk, the weights' gradients are summed over chunks first, without a
        graph; then each chunk's graph is made and followed back, one at a time.
        """
        parts = [part.detach().requires_grad_() for part in torch.split(videos, self.chunk)]

        def gradients(part: Videos, *, graph: bool) -> Sequence[Tensor]:
            return self._gradients(network, augment(part), label, len(videos), graph=graph)

        if len(parts) == 1:
            distance = gradient_distance(gradients(parts[0], graph=True), wanted)
            (pull,) = torch.autograd.grad(distance, parts)
            return distance.detach(), pull
        each = [gradients(part, graph=False) for part in parts]
        total = [torch.stack(column).sum(dim=0).requires_grad_() for column in zip(*each, strict=True)]
        distance = gradient_distance(total, wanted)
        directions = torch.autograd.grad(distance, total)
        pulls = [torch.autograd.grad(gradients(part, graph=True), part, directions)[0] for part in parts]
        return distance.detach(), torch.cat(pulls)

    def _gradients(
        self, network: VideoNetwork, videos: Videos, label: int, count: int, *, graph: bool = False
    ) -> tuple[Tensor, ...]:
        """The gradients in the weights of the cross-entropy of `videos`, summed and divided by `count`."""
        with self.compute.autocast():
            logits = network(videos)
        labels = torch.full((len(videos),), label, device=logits.device)
        loss = F.cross_entropy(logits.float(), labels, reduction="sum") / count
        return torch.autograd.grad(loss, matched_weights(network), create_graph=graph)


def matched_weights(network: VideoNetwork) -> list[Tensor]:
    """The weights whose gradients are matched: not biases and scales, as in the published code."""
    return [parameter for parameter in network.parameters() if parameter.ndim > 1]


def gradient_distance(ours: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Σ over layers and their output units of 1 - cos of the two gradients of the unit's weights, a scalar.

    DC's layer-wise distance. A unit has all weights that lead to it: of a 3-D convolution, over input
    channels, time, height and width. A unit without a gradient has cosine 0. (The published code adds 10⁻⁶ to
    the product of the norms instead, which is not little where gradients are small, as in a new ConvNet3D.)
    """
    distances = [
        (1 - (_unit(one) * _unit(other)).sum(dim=1)).sum() for one, other in zip(ours, wanted, strict=True)
    ]
    return torch.stack(distances).sum()


def _unit(gradient: Tensor) -> Tensor:
    """The gradient of each output unit, flattened, of length one; zero stays zero."""
    rows = gradient.flatten(1)
    norm: Tensor = rows.norm(dim=1, keepdim=True)
    return rows / norm.where(norm > 0, 1.0)
