"""A trained network as an edge device calls it: one clip of pixels in, logits out."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from vidcondense.models.network import VideoNetwork
from vidcondense.models.saved import NetworkDescription


class Student(nn.Module):
    """A network with its normalisation inside, so that nobody has to repeat that on the device.

    Args:
        network: videos in network units to logits; taken to the CPU, in evaluation mode.
        description: the mean and deviation it was trained with.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: VideoNetwork, description: NetworkDescription) -> None:
        super().__init__()
        self.network = _contiguous(network.cpu().float()).eval()
        self.register_buffer("mean", torch.tensor(description.mean)[:, None, None])
        self.register_buffer("std", torch.tensor(description.std)[:, None, None])

    def forward(self, pixels: UInt8[Tensor, "t h w 3"]) -> Float[Tensor, " k"]:
        """The logits `[K]` of one clip `[T, H, W, 3]`, uint8 RGB as a decoder gives it."""
        frames = pixels.permute(0, 3, 1, 2).float() / 255
        logits: Tensor = self.network(((frames - self.mean) / self.std)[None])
        return logits[0]

    @property
    def num_parameters(self) -> int:
        """Weights and biases."""
        return sum(parameter.numel() for parameter in self.network.parameters())


def _contiguous(network: VideoNetwork) -> VideoNetwork:
    """Weights in the plain order: `torch.export` warns of others when it saves them."""
    for parameter in network.parameters():
        parameter.data = parameter.data.contiguous()
    return network
