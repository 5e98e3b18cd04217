"""Whose mean a synthetic video must match: its class's, or that of a cluster of its class's real clips.

One mean a class makes all videos of a class pull towards the same point, however many they are. With a target
of its own each video stands for a part of the class. Kin in the image domain: DREAM (arXiv 2302.14416) draws
real images by clustering, IDM (arXiv 2307.09742) partitions and expands the synthetic ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vidcondense import rng
from vidcondense.interfaces import Indices, Labels, RealClips
from vidcondense.matching.kmeans import kmeans

TargetKind = Literal["class", "cluster"]

_POOLED = (2, 6, 6)  # frames, height, width
_CHUNK = 64


@dataclass(frozen=True)
class Targets:
    """Which real clips and which synthetic videos belong to each target.

    Args:
        members: the real clips of each target.
        of_video: the target of each synthetic video, `[N]`.
        first: the number of the first target, where these are a part of a row of targets.
    """

    members: tuple[Indices, ...]
    of_video: Labels
    first: int = 0

    def part(self, videos: range) -> Targets:
        """The targets of some videos: a run of numbers that holds all of their classes; both go by class."""
        of_video = self.of_video[videos.start : videos.stop]
        low, high = int(of_video.min()), int(of_video.max())
        return Targets(self.members[low : high + 1], of_video - low, self.first + low)

    def num_drawn(self, count: int) -> int:
        """How many real clips `draw` gives, for all targets."""
        return sum(min(len(members), count) for members in self.members)

    def draw(self, count: int, seed: int, iteration: int) -> list[Indices]:
        """For each target `count` different ones of its real clips, or all; new ones every iteration."""
        return [
            members[
                torch.randperm(len(members), generator=rng.generator(seed, "real", iteration, target))[:count]
            ]
            for target, members in enumerate(self.members, start=self.first)
        ]


def make_targets(kind: TargetKind, real: RealClips, labels: Labels, seed: int) -> Targets:
    """Assign real clips and synthetic videos to targets.

    Args:
        kind: `class`, one target a class; `cluster`, one a video: a cluster of the class's real clips.
        real: the training clips.
        labels: of the synthetic videos, `[N]`.
        seed: of the clustering.

    Raises:
        DataError: a class has fewer clips than clusters.
    """
    if kind == "class":
        return Targets(tuple(real.indices_of(label) for label in range(len(real.classes))), labels)
    members: list[Indices] = []
    of_video = torch.empty_like(labels)
    for label in range(len(real.classes)):
        videos = (labels == label).nonzero().flatten()
        clips = real.indices_of(label)
        stream = rng.generator(seed, "clusters", label)
        assigned = kmeans(pooled_pixels(real, clips), len(videos), stream)
        of_video[videos] = torch.arange(len(videos)) + len(members)
        members += [clips[assigned == cluster] for cluster in range(len(videos))]
    return Targets(tuple(members), of_video)


def pooled_pixels(real: RealClips, indices: Indices) -> Float[Tensor, "n d"]:
    """What clips look like from afar: network units, averaged to 2 frames of 6×6, flattened."""
    parts = [
        F.adaptive_avg_pool3d(real.batch(part).transpose(1, 2), _POOLED).flatten(1)
        for part in torch.split(indices, _CHUNK)
    ]
    return torch.cat(parts)
