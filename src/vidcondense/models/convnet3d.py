"""ConvNet3D ("miniC3D"), the small 3-D convolutional network of the video-condensation papers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vidcondense.interfaces import Videos
from vidcondense.models.first_convolution import FirstConvolution
from vidcondense.models.network import Features, Logits, VideoNetwork

MIN_FRAMES = 8
"""Two temporal poolings halve the frames, and the classifier averages over two of what is left."""

MIN_SIZE = 44
"""Three strided convolutions and three poolings must leave one pixel."""

WIDTH = 64
"""Channels of the first block of the papers' network; the others have twice as many."""

_DROPOUT = 0.5


class ConvNet3D(VideoNetwork):
    """Three blocks of convolution (1×2×2 stride), ReLU and max pooling; no normalisation layers.

    On 16×112×112 the last pooling leaves 128×4×2×2, the embedding of 2 048 values. The classifier averages
    over two time steps and the whole area, and takes the largest logit over time.

    Source: the ConvNet3D of Wang et al., "Dancing with Still Images" (CVPR 2024), which PRISM uses as well.
    There the average's side is 2 for videos larger than 64 and 1 otherwise; here it is the side of the
    feature map, which is the same at 112 and 64 and exists at every size.

    Args:
        num_classes: K; 3 647 666 parameters at 50.
        width: channels of the first block.
    """

    def __init__(self, num_classes: int, *, width: int = WIDTH) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_block(FirstConvolution(3, width), pool=(1, 2, 2)),
            *_block(_convolution(width, 2 * width), pool=(2, 2, 2)),
            *_block(_convolution(2 * width, 2 * width), pool=(2, 2, 2)),
        )
        self.dropout = nn.Dropout(_DROPOUT)
        self.classifier = nn.Conv3d(2 * width, num_classes, kernel_size=1)

    def embed(self, videos: Videos) -> Features:
        """The output of the last pooling, flattened: `[N, D]`, D = 2 048 on 16×112×112."""
        return self._maps(videos).flatten(1)

    def forward(self, videos: Videos) -> Logits:
        """The logits `[N, K]` of videos in network units, at least 8 frames of 44×44."""
        maps = self._maps(videos)
        pooled = F.avg_pool3d(maps, kernel_size=(2, maps.shape[3], maps.shape[4]), stride=1)
        scores = self.classifier(self.dropout(pooled))
        return torch.amax(scores, dim=(2, 3, 4))

    def _maps(self, videos: Videos) -> Float[Tensor, "n d s y x"]:
        # The layout in which both precisions are fastest; videos stored as [T, H, W, C] have it already.
        ordered = videos.permute(0, 2, 1, 3, 4).contiguous(memory_format=torch.channels_last_3d)
        maps: Tensor = self.features(ordered)
        return maps


def _convolution(channels_in: int, channels_out: int) -> nn.Conv3d:
    return nn.Conv3d(channels_in, channels_out, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3))


def _block(convolution: nn.Conv3d, *, pool: tuple[int, int, int]) -> list[nn.Module]:
    return [convolution, nn.ReLU(inplace=True), _MaxPool(pool)]


class _MaxPool(nn.MaxPool3d):
    """Max pooling in the precision of its input.

    Autocast would run it in float32 on a CPU, which costs time (a seventh of a training step) and changes
    nothing: a maximum is exact in any precision.
    """

    def forward(self, maps: Tensor) -> Tensor:
        with torch.autocast(maps.device.type, enabled=False):
            pooled: Tensor = super().forward(maps)
        return pooled
