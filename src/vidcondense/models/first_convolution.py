"""A convolution of half the resolution whose gradient to its input is fast on a processor.

The first convolution of ConvNet3D takes three channels at a stride of two. Its forward pass is fast; its
gradient to the input, which distribution matching asks for in every iteration, fills vectors of 8 or 16
numbers with three. The same gradient is that of a convolution without stride over 2×2 pixels as twelve
channels ("space to depth"), which takes a third to little more than half (`benchmarks/first_convolution.py`).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_KERNEL, _STRIDE, _PADDING = (3, 7, 7), (1, 2, 2), (1, 3, 3)


class FirstConvolution(nn.Conv3d):
    """A 3×7×7 convolution with stride 1×2×2 and padding 1×3×3; the parameters are those of `nn.Conv3d`.

    Args:
        channels_in: of the videos.
        channels_out: of its maps.

    Attributes:
        fast: whether frozen weights take the fast gradient, where videos lie on a processor and have even
            sides.
    """

    fast = True

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, _KERNEL, stride=_STRIDE, padding=_PADDING)

    def forward(self, videos: Tensor) -> Tensor:
        """Maps `[N, D, T, H/2, W/2]` of `[N, C, T, H, W]`."""
        height, width = videos.shape[-2:]
        learns = any(each.requires_grad for each in self.parameters())
        only_input = videos.requires_grad and torch.is_grad_enabled() and not learns
        if not self.fast or not only_input or videos.device.type != "cpu" or height % 2 or width % 2:
            return super().forward(videos)
        maps: Tensor = _Frozen.apply(videos, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return maps


class _Frozen(torch.autograd.Function):
    """The convolution with weights that do not learn."""

    generate_vmap_rule = True

    @staticmethod
    def forward(videos: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.conv3d(videos, weight, bias, stride=_STRIDE, padding=_PADDING)

    @staticmethod
    def setup_context(context: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:  # noqa: ANN401
        context.save_for_backward(inputs[1])

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        (weight,) = context.saved_tensors
        with torch.autocast("cpu", enabled=False):  # in the precision of the forward pass
            return input_gradient(gradient, weight.to(gradient.dtype)), None, None


def input_gradient(gradient: Tensor, weight: Tensor) -> Tensor:
    """The gradient to the input of the convolution, where height and width of the input are even.

    Row 2i + k − 3 of the input, k = 0 to 6, meets row i of the maps. With pairs of rows (j, d), 2j + d, and
    the kernel filled with zeros to k = −1, the pair j = i − 2 + ⌊(k + 1)/2⌋ does: four pairs, no stride.

    Args:
        gradient: to the maps, `[N, D, T, H/2, W/2]`.
        weight: `[D, C, 3, 7, 7]`.

    Returns:
        `[N, C, T, H, W]`, channels last in memory.
    """
    channels_out, channels, taps = weight.shape[:3]
    pairs = F.pad(weight, (1, 0, 1, 0)).view(channels_out, channels, taps, 4, 2, 4, 2)
    pairs = pairs.permute(0, 1, 4, 6, 2, 3, 5).reshape(channels_out, 4 * channels, taps, 4, 4)
    pairs = pairs.contiguous(memory_format=torch.channels_last_3d)
    deep = F.conv_transpose3d(gradient, pairs, padding=(1, 0, 0))[..., 2:-1, 2:-1]
    num, _, frames, height, width = deep.shape
    rows = deep.reshape(num, channels, 2, 2, frames, height, width).permute(0, 4, 5, 2, 6, 3, 1)
    return rows.reshape(num, frames, 2 * height, 2 * width, channels).permute(0, 4, 1, 2, 3)
