"""A short training of a student, and the gradient of where it ends in the videos it was trained on.

With weights θ_0 … θ_N, θ_{i+1} = θ_i - α ∇L_i(θ_i, x), a target θ* and D = ‖θ_0 - θ*‖², the loss is
‖θ_N - θ*‖² / D. Autograd could follow all N steps back, holding the graphs of N forward and backward passes.
Here only the weights are held, and the chain rule goes back over them (the adjoint method; TESLA, Cui et al.,
arXiv 2211.10586, bounds memory in another way): with λ = 2 (θ_N - θ*) / D, and for i from N - 1 to 0

    s = ⟨∇L_i(θ_i, x), λ⟩,    ∂x += -α ∂s/∂x,    ∂α += -s,    λ ← λ - α ∂s/∂θ_i,

where each ∂s is one pass back through a step's own gradient (a product of its second derivatives and λ).

Several processes divide the parts of every step among them, and sum what the parts add.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vidcondense.distributed import ALONE, Ranks
from vidcondense.interfaces import Indices, Videos

Weights = Sequence[Tensor]

Batch = Sequence[Indices]
"""The videos of a step, in parts that go through the network one at a time."""

LossOf = Callable[[Tensor, Weights, int, int], Tensor]
"""`(videos of the part, weights, step, part)` → what the part adds to the loss of the step, a scalar. It must
be the same function at every call: what is random in it, found from step and part."""


@dataclass(frozen=True)
class Unrolled:
    """How a student's training ended.

    Args:
        loss: ‖θ_N - θ*‖² / ‖θ_0 - θ*‖², a scalar.
        gradient: of the loss in the videos, `[N, T, C, H, W]`.
        rate_gradient: of the loss in α, a scalar.
    """

    loss: Tensor
    gradient: Videos
    rate_gradient: Tensor

    @property
    def finite(self) -> bool:
        """Whether all numbers are."""
        return all(bool(each.isfinite().all()) for each in (self.loss, self.gradient, self.rate_gradient))


def unroll(
    videos: Videos,
    start: Weights,
    target: Weights,
    rate: float,
    batches: Sequence[Batch],
    loss_of: LossOf,
    ranks: Ranks = ALONE,
) -> Unrolled:
    """Train a student from `start`, a step a batch, and differentiate its distance to `target`.

    The memory is that of one part's double backward pass and N + 1 copies of the weights.

    Args:
        videos: `[N, T, C, H, W]`, of which each batch takes some.
        start: θ_0.
        target: θ*, which differs from θ_0.
        rate: α.
        batches: of the steps.
        loss_of: the loss.
        ranks: the processes that share the parts of each step; all get the same.
    """
    path = _train(videos, start, rate, batches, loss_of, ranks)
    scale = squared_distance(start, target)
    loss = squared_distance(path[-1], target) / scale
    adjoint = [2 * (end - wanted) / scale for end, wanted in zip(path[-1], target, strict=True)]
    gradient, rate_gradient = torch.zeros_like(videos), torch.zeros_like(loss)
    curvature = [torch.empty_like(each) for each in adjoint]  # one for all steps, as in _train
    for step in reversed(range(len(batches))):
        torch._foreach_zero_(curvature)
        for part in _own(batches[step], ranks):
            indices = batches[step][part].to(videos.device)
            inner, pull, bend = _follow(videos[indices], path[step], adjoint, loss_of, step, part)
            gradient[indices] -= rate * pull
            rate_gradient -= inner
            torch._foreach_add_(curvature, bend)
        torch._foreach_add_(adjoint, _sum(curvature, ranks), alpha=-rate)
    return Unrolled(loss, ranks.sum(gradient), ranks.sum(rate_gradient))


def squared_distance(one: Weights, other: Weights) -> Tensor:
    """The squared Euclidean distance of two sets of weights, a scalar."""
    return torch.stack([(a - b).square().sum() for a, b in zip(one, other, strict=True)]).sum()


def _train(
    videos: Videos, start: Weights, rate: float, batches: Sequence[Batch], loss_of: LossOf, ranks: Ranks
) -> list[list[Tensor]]:
    """θ_0 … θ_N, without a graph."""
    path = [[each.detach() for each in start]]
    slope = [torch.empty_like(each) for each in start]  # a new one a step would lie between the weights kept
    for step, batch in enumerate(batches):
        torch._foreach_zero_(slope)
        for part in _own(batch, ranks):
            weights = _leaves(path[-1])
            loss = loss_of(videos[batch[part].to(videos.device)], weights, step, part)
            torch._foreach_add_(slope, torch.autograd.grad(loss, weights, materialize_grads=True))
        path.append(list(torch._foreach_add(path[-1], _sum(slope, ranks), alpha=-rate)))
    return path


def _own(batch: Batch, ranks: Ranks) -> range:
    """The parts of a step that this process works on."""
    return range(ranks.rank, len(batch), ranks.size)


def _sum(tensors: Weights, ranks: Ranks) -> list[Tensor]:
    return [ranks.sum(each) for each in tensors]


def _follow(
    videos: Videos, before: Weights, adjoint: Weights, loss_of: LossOf, step: int, part: int
) -> tuple[Tensor, Videos, tuple[Tensor, ...]]:
    """The s of a part of a step, its gradients in the part's videos and in the weights before the step."""
    videos, weights = videos.detach().requires_grad_(), _leaves(before)
    loss = loss_of(videos, weights, step, part)
    gradients = torch.autograd.grad(loss, weights, create_graph=True, materialize_grads=True)
    products = [(each * along).sum() for each, along in zip(gradients, adjoint, strict=True)]
    inner = torch.stack(products).sum()
    pull, *bend = torch.autograd.grad(inner, [videos, *weights], materialize_grads=True)
    return inner.detach(), pull, tuple(bend)


def _leaves(weights: Weights) -> list[Tensor]:
    return [each.detach().requires_grad_() for each in weights]
