"""Distribution matching (DM): the mean feature of a class's synthetic videos must equal its real clips'.

Source: Zhao and Bilen, "Dataset Condensation with Distribution Matching" (WACV 2023), the class-wise squared
distance of mean embeddings in a newly initialised network each iteration; it is PRISM's objective, too. With
`siamese` under DSA's augmentation, as that paper has it: one a target, for both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from vidcondense.compute import Compute, versions_of
from vidcondense.interfaces import Indices, Labels, Match, PerTarget, RealClips, Representation, Videos
from vidcondense.matching.features import real_features, synthetic_features
from vidcondense.matching.kept_means import KeptMeans
from vidcondense.matching.options import MatchOptions
from vidcondense.matching.targets import make_targets
from vidcondense.models import VideoNetwork
from vidcondense.models.custom import is_custom
from vidcondense.models.random import network_number, random_network
from vidcondense.training.augment import SiameseAugmentation, siamese_draw
from vidcondense.video.fetch import fetcher


@dataclass(frozen=True)
class _Known:
    """A network in a place of the pool, what clips are altered by, and the means that videos must match."""

    number: int
    network: VideoNetwork
    alter: SiameseAugmentation | None
    real_means: Tensor


class DistributionMatcher:
    """Matches target means in random networks: a new one each iteration, or those of a pool.

    A network and the real clips of a (target, network) have seeds of their own.

    Args:
        real: the training clips.
        labels: of the synthetic videos, `[N]`.
        options: what is matched.
        seed: of networks, real clips, clusters and augmentation.
        compute: where networks run.
    """

    def __init__(
        self, real: RealClips, labels: Labels, options: MatchOptions, *, seed: int, compute: Compute
    ) -> None:
        self.real = real
        self.options = options
        self.seed = seed
        self.compute = compute
        self.targets = make_targets(options.match_targets, real, labels, seed)
        self.chunk = options.chunk_of(real.shape)
        self.fetch = fetcher(real, compute)
        self.kept: KeptMeans | None = None
        self._known: dict[int, _Known] = {}

    def keep(self, means: KeptMeans) -> None:
        """Take means of real clips from files from now on, and write those that are not there.

        Not of networks of the user's own, whose code may have changed.
        """
        self.kept = None if is_custom(self.options.model) else means

    def share(self, videos: range) -> None:
        """Match only the videos of these numbers from now on; `videos` everywhere are these."""
        self.targets = self.targets.part(videos)

    def loss(self, videos: Videos, iteration: int) -> PerTarget:
        """‖mean real feature − mean synthetic feature‖² of every target, float32.

        Args:
            videos: `[N, T, C, H, W]` in network units.
            iteration: from 0; it determines the network, which determines the real clips.
        """
        known, of_video = self._wanted(self._number(iteration)), self.targets.of_video

        def embed(part: Videos, numbers: Indices) -> Tensor:
            return known.network.embed(known.alter(part, of_video[numbers]) if known.alter else part)

        features = synthetic_features(embed, videos, self.chunk, self.compute)
        synthetic = group_means(features, of_video.to(videos.device), len(self.targets.members))
        return (known.real_means - synthetic).square().sum(dim=1)

    def match(self, videos: Videos, iteration: int) -> Match:
        """`loss`, and the gradient of its sum in the videos."""
        videos = videos.detach().requires_grad_()
        losses = self.loss(videos, iteration)
        (gradient,) = torch.autograd.grad(losses.sum(), [videos])
        return Match(losses.detach(), gradient, clips=self.extra_clips(iteration) + len(videos))

    def parameters(self) -> list[Tensor]:
        """None: nothing but the videos is learned."""
        return []

    def after_step(self, videos: Representation, iteration: int) -> None:
        """Nothing: the next iteration has a network of its own."""

    def state(self) -> dict[str, Tensor]:
        """Nothing: the iteration says it all."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Nothing to take on."""

    def _wanted(self, number: int) -> _Known:
        """A network of the pool, with what the videos must match in it."""
        place = number % self.options.pool
        if place not in self._known or self._known[place].number != number:
            network = self.network(number)
            self._known[place] = _Known(number, network, self._siamese(number), self._means(network, number))
        return self._known[place]

    def _number(self, iteration: int) -> int:
        return network_number(iteration, self.options.pool, self.options.uses)

    def extra_clips(self, iteration: int) -> int:
        """How many real clips pass a network, which they do once: all, where the network is new.

        A resumed condensation passes them again, and still tells what the whole takes.
        """
        before = iteration - self.options.pool
        if before >= 0 and self._number(before) == self._number(iteration):
            return 0
        return self.targets.num_drawn(self.options.real_batch_of("dm"))

    def _means(self, network: VideoNetwork, number: int) -> Float[Tensor, "g d"]:
        if self.kept is None:
            return self.real_means(network, number)
        matched = {
            "shape": list(self.real.shape),
            "mean": self.real.mean.tolist(),
            "std": self.real.std.tolist(),
            "targets": [self.options.match_targets, self.targets.first, len(self.targets.members)],
            "real_batch": self.options.real_batch_of("dm"),
            "chunk": self.chunk,
            "model": self.options.model,
            "seed": self.seed,
            **({"siamese": True, "mirror": self.real.flip} if self.options.siamese else {}),
            **versions_of(self.compute),
        }
        return self.kept.get(matched, number, partial(self.real_means, network, number)).to(
            self.compute.device
        )

    def network(self, number: int) -> VideoNetwork:
        """A random network, frozen, in evaluation mode: every video is treated alone."""
        return random_network(
            self.options.model,
            self.real.shape,
            len(self.real.classes),
            seed=self.seed,
            number=number,
            compute=self.compute,
        ).requires_grad_(False)

    def _siamese(self, number: int) -> SiameseAugmentation | None:
        """What alters clips and videos with a network; None where they are matched as they are."""
        if not self.options.siamese:
            return None
        targets = range(self.targets.first, self.targets.first + len(self.targets.members))
        return SiameseAugmentation(
            tuple(siamese_draw(self.seed, number, each, mirror=self.real.flip) for each in targets)
        )

    @torch.no_grad()
    def real_means(self, network: VideoNetwork, number: int) -> Float[Tensor, "g d"]:
        """The mean feature of each target's real clips, drawn anew for each number of a network."""
        drawn = self.targets.draw(self.options.real_batch_of("dm"), self.seed, number)
        clips = torch.cat(drawn)
        groups = torch.repeat_interleave(torch.tensor([len(indices) for indices in drawn]))
        fetch = self.fetch
        if alter := self._siamese(number):
            target_of = torch.empty(len(self.real), dtype=torch.long).scatter_(0, clips, groups)

            def fetch(indices: Indices) -> Videos:
                return alter(self.fetch(indices), target_of[indices])

        together = real_features(network, fetch, clips, self.chunk, self.compute)
        return group_means(together, groups.to(together.device), len(drawn))


def group_means(features: Float[Tensor, "n d"], groups: Labels, num_groups: int) -> Float[Tensor, "g d"]:
    """The mean feature of each group, float32; every group must occur."""
    members = torch.nn.functional.one_hot(groups, num_groups).float().T
    with torch.autocast(features.device.type, enabled=False):
        means: Tensor = members @ features.float() / members.sum(dim=1, keepdim=True)
    return means
