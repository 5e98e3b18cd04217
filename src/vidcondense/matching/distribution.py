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
from vidcondense.interfaces import Labels, PerClass, RealClips, Videos
from vidcondense.models import VideoNetwork, build_network
from vidcondense.options import require

_CHUNK = 64  # real clips a forward pass: bounds the memory of the activations


@dataclass(frozen=True, kw_only=True)
class MatchOptions:
    """What is matched, and in which networks."""

    real_batch: int = 64
    """Real clips a class and iteration (all, where a class has fewer)."""

    model: str = "convnet3d"
    """The network whose features are matched, newly initialised every iteration."""

    def __post_init__(self) -> None:
        require(self.real_batch >= 1, "real_batch", self.real_batch, "must be at least 1")


class DistributionMatcher:
    """Matches class means in a new random network each iteration.

    The networks of an iteration and the clips of a (class, iteration) have seeds of their own.
    """

    def __init__(self, real: RealClips, options: MatchOptions, *, seed: int, compute: Compute) -> None:
        self.real = real
        self.options = options
        self.seed = seed
        self.compute = compute
        self.members = [real.indices_of(label) for label in range(len(real.classes))]

    def loss(self, videos: Videos, labels: Labels, iteration: int) -> PerClass:
        """‖mean real feature − mean synthetic feature‖² of every class, float32.

        Args:
            videos: `[N, T, C, H, W]` in network units.
            labels: `[N]`.
            iteration: from 0; it determines the network and the real clips.
        """
        network = self.network(iteration)
        num_classes = len(self.members)
        with self.compute.autocast():
            synthetic = class_means(network.embed(videos), labels.to(videos.device), num_classes)
        return (self.real_means(network, iteration) - synthetic).square().sum(dim=1)

    def network(self, iteration: int) -> VideoNetwork:
        """The random network of an iteration, frozen."""
        num_frames, _, size, _ = self.real.shape
        network = build_network(
            self.options.model,
            num_classes=len(self.members),
            num_frames=num_frames,
            size=size,
            seed=rng.derive_seed(self.seed, "network", iteration),
            compute=self.compute,
        )
        return network.requires_grad_(False)

    @torch.no_grad()
    def real_means(self, network: VideoNetwork, iteration: int) -> Float[Tensor, "k d"]:
        """The mean feature of each class's real clips of this iteration."""
        drawn = [self._draw(label, iteration) for label in range(len(self.members))]
        indices = torch.cat(drawn)
        features = []
        with self.compute.autocast():
            for part in torch.split(indices, _CHUNK):
                features.append(network.embed(self.compute.move(self.real.batch(part))).float())
        together = torch.cat(features)
        return class_means(together, self.real.labels[indices].to(together.device), len(self.members))

    def _draw(self, label: int, iteration: int) -> Labels:
        """`real_batch` different clips of a class."""
        members = self.members[label]
        order = torch.randperm(len(members), generator=rng.generator(self.seed, "real", iteration, label))
        return members[order[: self.options.real_batch]]


def class_means(features: Float[Tensor, "n d"], labels: Labels, num_classes: int) -> Float[Tensor, "k d"]:
    """The mean feature of each class, float32; every class must occur."""
    members = torch.nn.functional.one_hot(labels, num_classes).float().T
    with torch.autocast(features.device.type, enabled=False):
        return members @ features.float() / members.sum(dim=1, keepdim=True)
