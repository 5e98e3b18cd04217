"""k-means: Lloyd's algorithm from k-means++ starts (Arthur and Vassilvitskii, SODA 2007), seeded."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vidcondense.errors import DataError

_RESTARTS = 10
_ROUNDS = 100


def kmeans(points: Float[Tensor, "n d"], k: int, stream: torch.Generator) -> Int[Tensor, " n"]:
    """Partition points into `k` clusters, none of them empty: the best of ten starts.

    Args:
        points: `[n, D]`, on the CPU.
        k: at most n.
        stream: randomness of the starts.

    Returns:
        The cluster of each point, 0 to k - 1, in order of the clusters' first points.

    Raises:
        DataError: there are fewer points than clusters.
    """
    if len(points) < k:
        raise DataError(f"{len(points)} clips cannot make {k} clusters; use a smaller --vpc")
    points = points.double()
    tries = [_lloyd(points, _plus_plus(points, k, stream)) for _ in range(_RESTARTS)]
    return _in_order(min(tries, key=lambda found: _inertia(points, found, k)))


def _plus_plus(points: Float[Tensor, "n d"], k: int, stream: torch.Generator) -> Float[Tensor, "k d"]:
    """K different points, each drawn with a chance that grows with its distance to those before."""
    chosen = [int(torch.randint(len(points), (1,), generator=stream))]
    for _ in range(k - 1):
        distance = torch.cdist(points, points[chosen]).square().amin(dim=1)
        distance[chosen] = 0
        if not bool(distance.any()):  # only copies of chosen points are left
            distance = torch.ones(len(points), dtype=points.dtype)
            distance[chosen] = 0
        chosen.append(int(torch.multinomial(distance, 1, generator=stream)))
    return points[chosen]


def _lloyd(points: Float[Tensor, "n d"], centres: Float[Tensor, "k d"]) -> Int[Tensor, " n"]:
    assigned = _assign(points, centres)
    for _ in range(_ROUNDS):
        moved = _assign(points, _centres(points, assigned, len(centres)))
        if moved.equal(assigned):
            break
        assigned = moved
    return assigned


def _assign(points: Float[Tensor, "n d"], centres: Float[Tensor, "k d"]) -> Int[Tensor, " n"]:
    """The nearest centre of each point; a cluster left empty takes the point that is worst off elsewhere."""
    distance = torch.cdist(points, centres)
    assigned = distance.argmin(dim=1)
    nearest = distance.amin(dim=1)
    for cluster in range(len(centres)):
        if not bool((assigned == cluster).any()):
            shared = assigned.bincount(minlength=len(centres))[assigned] > 1
            worst = int(nearest.where(shared, -1.0).argmax())
            assigned[worst] = cluster
            nearest[worst] = 0
    return assigned


def _centres(points: Float[Tensor, "n d"], assigned: Int[Tensor, " n"], k: int) -> Float[Tensor, "k d"]:
    members = torch.nn.functional.one_hot(assigned, k).to(points.dtype).T
    return members @ points / members.sum(dim=1, keepdim=True)


def _inertia(points: Float[Tensor, "n d"], assigned: Int[Tensor, " n"], k: int) -> float:
    return float((points - _centres(points, assigned, k)[assigned]).square().sum())


def _in_order(assigned: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    names: dict[int, int] = {}
    return torch.tensor([names.setdefault(cluster, len(names)) for cluster in assigned.tolist()])
