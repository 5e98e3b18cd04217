"""Herding and k-center: real clips of a class that stand for the others, by their features.

Both are greedy: a clip that was chosen stays, so the choice for a smaller number is the beginning of that for
a larger one (VPC 1 ⊂ VPC 5). Each class is chosen from by itself, so every class has the same number.

Sources: herding, Welling (ICML 2009) in the form of iCaRL (arXiv 1611.07725, algorithm 4); k-center, the
greedy 2-approximation of Gonzalez (1985), as coresets use it (Sener and Savarese, arXiv 1708.00489), begun at
the clip nearest to the mean.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from vidcondense.compute import Compute
from vidcondense.interfaces import Indices, RealClips
from vidcondense.models import VideoNetwork
from vidcondense.selection.features import features_of

Rule = Callable[[Float[Tensor, "n d"], int], Indices]
"""Features of the clips of a class and a number to which of them are chosen, in the order of choice."""


def herding(features: Float[Tensor, "n d"], count: int) -> Indices:
    """`count` rows, each the one that brings the mean of those chosen nearest to the mean of all."""
    mean = features.mean(dim=0)
    total = torch.zeros_like(mean)
    chosen: list[int] = []
    for number in range(1, count + 1):
        distance = (mean - (total + features) / number).square().sum(dim=1)
        chosen.append(_lowest(distance, chosen))
        total = total + features[chosen[-1]]
    return torch.tensor(chosen)


def k_center(features: Float[Tensor, "n d"], count: int) -> Indices:
    """`count` rows: the one nearest to the mean, then always the one farthest from those chosen."""
    chosen = [_lowest((features - features.mean(dim=0)).square().sum(dim=1), [])]
    nearest = (features - features[chosen[0]]).square().sum(dim=1)
    while len(chosen) < count:
        chosen.append(_lowest(-nearest, chosen))
        nearest = torch.minimum(nearest, (features - features[chosen[-1]]).square().sum(dim=1))
    return torch.tensor(chosen)


def select_by(
    rule: Rule, real: RealClips, vpc: int, networks: list[VideoNetwork], compute: Compute, chunk: int = 64
) -> Indices:
    """`vpc` clips of every class, chosen by `rule` in the joined features of `networks`; class by class.

    Args:
        rule: `herding` or `k_center`.
        real: the training clips.
        vpc: clips of each class.
        networks: see `feature_networks`.
        compute: where they run.
        chunk: clips a forward pass.
    """
    chosen = []
    for label in range(len(real.classes)):
        members = real.indices_of(label)
        features = features_of(networks, real, members, compute, chunk)
        chosen.append(members[rule(features.double(), vpc)])
    return torch.cat(chosen)


def _lowest(values: Float[Tensor, " n"], taken: list[int]) -> int:
    """The row with the lowest value that is not taken yet; the first of equals."""
    free = values.clone()
    free[taken] = torch.inf
    return int(free.argmin())
