"""Floating-point operations, counted from the shapes of a network's layers, and what the device could do.

Counted are matrix products and convolutions, two operations a multiplication with its addition, as
`torch.utils.flop_counter` does; the rest (pooling, activations) is little. Recurrent layers that torch hands
to a library in one piece are not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from vidcondense.compute import Compute
from vidcondense.models import initialise
from vidcondense.models.first_convolution import FirstConvolution
from vidcondense.speed.clock import timed

_SIDES = {"cpu": 2048, "cuda": 8192}
"""Of the matrices whose product is timed: large enough for the best rate, small enough for seconds."""


@dataclass(frozen=True, kw_only=True)
class ClipFlops:
    """Operations that one clip costs.

    Attributes:
        forward: to its features: a real clip whose mean is wanted.
        synthetic: to its features and back to its pixels: a synthetic video that learns.
        training: to its logits and back to the weights: a clip of a training step.
    """

    forward: int
    synthetic: int
    training: int


def clip_flops(model: str, *, num_classes: int, num_frames: int, size: int) -> ClipFlops:
    """The operations of one clip in a network, from tensors that have shapes but no values.

    Raises:
        UsageError: no such network, or it does not take such clips.
    """
    with FakeTensorMode(allow_non_fake_inputs=True), torch.random.fork_rng([]):
        network = initialise(model, num_classes, num_frames, size).eval()
        for module in network.modules():
            if isinstance(module, FirstConvolution):
                module.fast = False  # counted as it is defined, without the zeros of its fast gradient
        clip = torch.zeros(1, num_frames, 3, size, size)
        training = _count(lambda: network(clip), backward=True)
        network.requires_grad_(False)
        return ClipFlops(
            forward=_count(lambda: network.embed(clip), backward=False),
            synthetic=_count(lambda: network.embed(clip.clone().requires_grad_()), backward=True),
            training=training,
        )


def _count(work: Callable[[], Tensor], *, backward: bool) -> int:
    with FlopCounterMode(display=False) as counter:
        result = work()
        if backward:
            torch.autograd.backward(result, torch.ones_like(result))
    total: int = counter.get_total_flops()
    return total


def matrix_peak(dtype: torch.dtype, compute: Compute, seconds: float) -> float:
    """Operations a second of a large square matrix product, measured: what the device can do at best.

    Args:
        dtype: of the matrices.
        compute: the device (its precision does not matter).
        seconds: to measure for.
    """
    side = _SIDES[compute.device.type]
    left, right = (torch.ones(side, side, dtype=dtype, device=compute.device) for _ in range(2))
    product = torch.empty_like(left)
    return 2 * side**3 * timed(lambda call: torch.mm(left, right, out=product), seconds, compute).rate
