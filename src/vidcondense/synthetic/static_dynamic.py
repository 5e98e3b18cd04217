"""Static-dynamic disentanglement: still images, one-channel dynamic memories, and a small convolution.

Source: Wang, Xu, Lu and Li, "Dancing with Still Images: Video Distillation via Static-Dynamic
Disentanglement" (CVPR 2024, arXiv 2312.00362). A video is a 3×3×3 convolution, shared by all videos, of four
channels: a static image, repeated in time, and a dynamic memory `[T, 1, H, W]`. Stage one learns the images
by gradient matching on single frames; stage two learns memories and convolution while the images stay.

Each of the VPC videos of a class owns two images and two memories. An iteration combines one of each at
random. The published code also draws the pair anew whenever a network is trained on the video; here the
finished set holds all four pairs of each video: the same in the long run, and the same for everybody.

Where the paper is silent: the convolution passes the image through at first and adds little of the memory
(the weights of the memory's channel have torch's default initialisation); memories start as noise N(0, 1).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vidcondense import rng
from vidcondense.interfaces import Indices, Labels, Videos

OWN = 2
"""Static images, and dynamic memories, that a video owns."""

Static = Float[Tensor, "s c h w"]
Dynamic = Float[Tensor, "d t h w"]
Kernel = Float[Tensor, "c b 3 3 3"]
"""The convolution's weights, from four channels to three."""

PAIRS = tuple(itertools.product(range(OWN), repeat=2))
"""Which of its own images and memories make the videos of the finished set."""


class StaticDynamicVideos:
    """Videos of which the dynamic memories and the convolution are parameters.

    Video n owns the images and the memories 2n and 2n + 1.

    Args:
        static: `[2N, C, H, W]` float32 in network units; they stay as they are.
        num_frames: T.
        labels: `[N]`.
        convolution_lr: the learning rate of the convolution.
        seed: of memories, convolution and pairs.
    """

    def __init__(
        self, static: Static, num_frames: int, labels: Labels, *, convolution_lr: float, seed: int
    ) -> None:
        channels, height, width = static.shape[1:]
        stream = rng.generator(seed, "dynamic")
        dynamic = torch.randn(len(static), num_frames, height, width, generator=stream)
        self.static = static.detach().clone()
        self.dynamic = dynamic.to(static.device).requires_grad_()
        self.weight = _first_kernel(channels, stream).to(static.device).requires_grad_()
        self.bias = torch.zeros(channels, device=static.device).requires_grad_()
        self._labels = labels
        self._convolution_lr = convolution_lr
        self._seed = seed

    @property
    def labels(self) -> Labels:
        """The label of every video."""
        return self._labels

    def parameters(self) -> list[dict[str, Any]]:
        """The memories, and the convolution with a learning rate of its own."""
        return [{"params": [self.dynamic]}, {"params": [self.weight, self.bias], "lr": self._convolution_lr}]

    def render(self, iteration: int) -> Videos:
        """Each video by a pair of its own images and memories, drawn anew every iteration."""
        stream = rng.generator(self._seed, "pairs", iteration)
        own = OWN * torch.arange(len(self._labels))
        static, dynamic = (own + torch.randint(OWN, own.shape, generator=stream) for _ in range(2))
        device = self.static.device
        return combine(
            self.static[static.to(device)], self.dynamic[dynamic.to(device)], self.weight, self.bias
        )

    def regulariser(self) -> None:
        """There is none."""

    def all_pairs(self) -> tuple[Indices, Indices, Indices]:
        """Of the finished set: the image and the memory of every video, and whose they are."""
        owner = torch.arange(len(self._labels)).repeat_interleave(len(PAIRS))
        image, memory = torch.tensor(PAIRS).repeat(len(self._labels), 1).T
        return OWN * owner + image, OWN * owner + memory, owner

    def state(self) -> dict[str, Tensor]:
        """Images, memories and convolution."""
        names = ("static", "dynamic", "weight", "bias")
        return {name: getattr(self, name) for name in names}

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take on the images, memories and convolution of a checkpoint."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])


def combine(static: Static, dynamic: Dynamic, weight: Kernel, bias: Float[Tensor, " c"]) -> Videos:
    """Videos `[N, T, C, H, W]`, each the convolution of an image, repeated, and a memory; 0 around them.

    Args:
        static: an image a video, `[N, C, H, W]`.
        dynamic: a memory a video, `[N, T, H, W]`.
        weight: of the convolution, `[C, C + 1, 3, 3, 3]`.
        bias: of the convolution.
    """
    images = static[:, :, None].expand(-1, -1, dynamic.shape[1], -1, -1)
    both = torch.cat([images, dynamic[:, None]], dim=1)
    return F.conv3d(both, weight, bias, padding=1).transpose(1, 2)


def kernel_values(channels: int) -> int:
    """How many numbers the convolution has, the bias included."""
    return channels * (channels + 1) * 27 + channels


def _first_kernel(channels: int, stream: torch.Generator) -> Kernel:
    """Each colour from its own colour of the image, and a little of the memory."""
    weight = torch.zeros(channels, channels + 1, 3, 3, 3)
    weight[range(channels), range(channels), 1, 1, 1] = 1
    reach = 1 / math.sqrt((channels + 1) * 27)  # of torch's default initialisation
    weight[:, channels] = (2 * torch.rand(channels, 3, 3, 3, generator=stream) - 1) * reach
    return weight
