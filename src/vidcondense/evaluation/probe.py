"""The linear probe: a linear classifier on features that stay as they are."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vidcondense.interfaces import Labels

_TINY = 1e-6  # a feature that never changes has no deviation to divide by
_ITERATIONS = 500


def linear_probe(
    features: Float[Tensor, "n d"],
    labels: Labels,
    asked: Float[Tensor, "m d"],
    *,
    num_classes: int,
    decay: float,
) -> Float[Tensor, "m k"]:
    """The logits of `asked` by multinomial logistic regression on `features`.

    Features are standardised by the mean and deviation of `features`. The weights W and the biases minimise

        mean cross-entropy + decay / 2 · ‖W‖²,

    which has one minimum, found by L-BFGS in float64 from zero: there is no learning rate and no seed.

    Args:
        features: of the training clips.
        labels: their class ids.
        asked: features of the clips to classify.
        num_classes: K.
        decay: more than 0.
    """
    mean, std = features.double().mean(dim=0), features.double().std(dim=0, correction=0).clamp_min(_TINY)
    inputs = (features.double() - mean) / std
    weights = torch.zeros(inputs.shape[1], num_classes, dtype=torch.float64, requires_grad=True)
    biases = torch.zeros(num_classes, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weights, biases],
        max_iter=_ITERATIONS,
        tolerance_grad=1e-7,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(inputs @ weights + biases, labels) + decay / 2 * weights.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    with torch.enable_grad():
        optimiser.step(closure)  # type: ignore[no-untyped-call]
    return ((asked.double() - mean) / std @ weights + biases).detach().float()
