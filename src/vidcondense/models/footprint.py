"""What training a network takes in memory, found without allocating it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks

from vidcondense.compute import Compute
from vidcondense.models import initialise
from vidcondense.models.custom import is_custom

_COPIES = 3  # weights, gradient, momentum
_FLOAT = 4  # bytes


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """The memory of a training by SGD with momentum.

    Attributes:
        parameters: how many numbers are learned.
        activation_bytes: what one batch keeps for the backward pass; None where the network of a user's own
            computes what cannot be followed without its values.
    """

    parameters: int
    activation_bytes: int | None

    @property
    def training_bytes(self) -> int:
        """Weights, gradients and momentum in float32, and the activations where they are known."""
        return _COPIES * _FLOAT * self.parameters + (self.activation_bytes or 0)


def footprint(
    name: str, *, num_classes: int, num_frames: int, size: int, batch_size: int, compute: Compute
) -> Footprint:
    """The footprint of a network, from its layers on tensors that have shapes and types but no values.

    Libraries take further memory while they compute, so a process needs more than this: for the small
    networks a few hundred MB, most of them torch itself.

    Raises:
        UsageError: no such network, or it does not take such clips.
    """
    followed = Compute(torch.device("cpu"), compute.precision)
    with FakeTensorMode(allow_non_fake_inputs=True), torch.random.fork_rng([]):
        network = initialise(name, num_classes, num_frames, size)
        parameters = list(network.parameters())
        kept = _Kept({_storage(parameter) for parameter in parameters})
        videos = torch.zeros(batch_size, num_frames, 3, size, size)
        activation_bytes = None
        try:
            with saved_tensors_hooks(kept.pack, lambda tensor: tensor), followed.autocast():
                network(videos)
            activation_bytes = kept.bytes
        except Exception:
            if not is_custom(name):  # code of ours must be followed
                raise
    return Footprint(
        parameters=sum(parameter.numel() for parameter in parameters), activation_bytes=activation_bytes
    )


class _Kept:
    """Counts the memory that the tensors saved for a backward pass occupy, weights aside."""

    def __init__(self, weights: set[int]) -> None:
        self._weights = weights
        self._tensors: dict[int, Tensor] = {}  # held, so that no storage is reused and missed

    @property
    def bytes(self) -> int:
        return sum(tensor.untyped_storage().nbytes() for tensor in self._tensors.values())

    def pack(self, tensor: Tensor) -> Tensor:
        if _storage(tensor) not in self._weights:
            self._tensors.setdefault(_storage(tensor), tensor)
        return tensor


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
