"""3-D ResNet-18, from MONAI."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vidcondense.extras import import_extra
from vidcondense.interfaces import Videos
from vidcondense.models.network import Features, Logits, VideoNetwork

MIN_SIZE = 33
"""The last maps are then 2×2: batch normalisation of a single clip has more than one value to average."""

_FEATURES = 512


class ResNet3D(VideoNetwork):
    """The 3-D ResNet-18 of the `monai` package, with the strides of the original.

    Source: Hara et al., "Can Spatiotemporal 3D CNNs Retrace the History of 2D CNNs and ImageNet?" (CVPR
    2018): 7×7×7 convolution with stride 1×2×2, pooling, four stages of two residual blocks, average over time
    and area, linear classifier. It normalises by batch statistics: in training mode videos of a batch
    influence each other, in evaluation mode they do not.

    Args:
        num_classes: K; 33 230 450 parameters at 50.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        nets = import_extra("monai.networks.nets")
        self.features = nets.resnet18(
            spatial_dims=3, n_input_channels=3, conv1_t_stride=(1, 2, 2), feed_forward=False
        )
        self.classifier = nn.Linear(_FEATURES, num_classes)

    def embed(self, videos: Videos) -> Features:
        """The last maps averaged over time and area: `[N, 512]`."""
        # In bfloat16 on a CPU, torch 2.13 fills the weight gradient of a 3×3×3 convolution over 2×8×8 maps of
        # 128 channels with whatever was in memory: NaN now and then, wrong numbers otherwise.
        with torch.autocast("cpu", enabled=False):
            features: Tensor = self.features(videos.transpose(1, 2))
        return features

    def forward(self, videos: Videos) -> Logits:
        """The logits `[N, K]` of videos in network units, at least 33×33 pixels."""
        logits: Tensor = self.classifier(self.embed(videos))
        return logits
