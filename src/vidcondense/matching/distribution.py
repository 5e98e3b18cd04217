"""Distribution matching (DM): the mean feature of a class's synthetic videos must equal its real clips'.

Source: Zhao and Bilen, "Dataset Condensation with Distribution Matching" (WACV 2023), the class-wise squared
distance of mean embeddings in a newly initialised network each iteration; it is PRISM's objective, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.interfaces import Indices, Labels, PerTarget, RealClips, Videos
from vidcondense.matching.targets import TargetKind, make_targets
from vidcondense.models import VideoNetwork, build_network
from vidcondense.options import require

_CHUNK = 64  # real clips a forward pass: bounds the memory of the activations


@dataclass(frozen=True, kw_only=True)
class MatchOptions:
    """What is matched, and in which networks."""

    real_batch: int = 64
    """Real clips a target and iteration (all, where it has fewer)."""

    match_targets: TargetKind = "class"
    """Whose mean a video must match: its class's, or that of its own cluster of the class's real clips."""

    model: str = "convnet3d"
    """The network whose features are matched, new every iteration; or package.module:factory of your own."""

    def __post_init__(self) -> None:
        require(self.real_batch >= 1, "real_batch", self.real_batch, "must be at least 1")


class DistributionMatcher:
    """Matches target means in a new random network each iteration.

    The network of an iteration and the clips of a (target, iteration) have seeds of their own.

    Args:
        real: the training clips.
        labels: of the synthetic videos, `[N]`.
        options: what is matched.
        seed: of networks, real clips and clusters.
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

    def loss(self, videos: Videos, iteration: int) -> PerTarget:
        """‖mean real feature − mean synthetic feature‖² of every target, float32.

        Args:
            videos: `[N, T, C, H, W]` in network units.
            iteration: from 0; it determines the network and the real clips.
        """
        network = self.network(iteration)
        of_video = self.targets.of_video.to(videos.device)
        with self.compute.autocast():
            synthetic = group_means(network.embed(videos), of_video, len(self.targets.members))
        return (self.real_means(network, iteration) - synthetic).square().sum(dim=1)

    def network(self, iteration: int) -> VideoNetwork:
        """The random network of an iteration, frozen, in evaluation mode: every video is treated alone."""
        num_frames, _, size, _ = self.real.shape
        network = build_network(
            self.options.model,
            num_classes=len(self.real.classes),
            num_frames=num_frames,
            size=size,
            seed=rng.derive_seed(self.seed, "network", iteration),
            compute=self.compute,
        )
        return network.requires_grad_(False).eval()

    @torch.no_grad()
    def real_means(self, network: VideoNetwork, iteration: int) -> Float[Tensor, "g d"]:
        """The mean feature of each target's real clips of this iteration."""
        drawn = [self._draw(target, iteration) for target in range(len(self.targets.members))]
        features = []
        with self.compute.autocast():
            for part in torch.split(torch.cat(drawn), _CHUNK):
                features.append(network.embed(self.compute.move(self.real.batch(part))).float())
        together = torch.cat(features)
        groups = torch.repeat_interleave(torch.tensor([len(indices) for indices in drawn]))
        return group_means(together, groups.to(together.device), len(drawn))

    def _draw(self, target: int, iteration: int) -> Indices:
        """`real_batch` different clips of a target, or all of them."""
        members = self.targets.members[target]
        order = torch.randperm(len(members), generator=rng.generator(self.seed, "real", iteration, target))
        return members[order[: self.options.real_batch]]


def group_means(features: Float[Tensor, "n d"], groups: Labels, num_groups: int) -> Float[Tensor, "g d"]:
    """The mean feature of each group, float32; every group must occur."""
    members = torch.nn.functional.one_hot(groups, num_groups).float().T
    with torch.autocast(features.device.type, enabled=False):
        means: Tensor = members @ features.float() / members.sum(dim=1, keepdim=True)
    return means
