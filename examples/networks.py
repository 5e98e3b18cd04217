"""Small networks of the examples' own: what `--model package.module:factory` takes (docs/models.md)."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn


class Blocks(nn.Module):
    """Blocks of strided 3-D convolution, ReLU and pooling, as ConvNet3D has; a mean; a classifier.

    Args:
        num_classes: K.
        num_frames, size: of the clips; any will do, from 8 frames of 44×44.
        width: channels of the first block; the others have twice as many.
        depth: blocks, 1 to 3.
        kernel: of a convolution in space, odd.
        time: of a convolution in time, odd; 1 and depth 1 make it blind to the order of frames.
    """

    def __init__(
        self,
        num_classes: int,
        num_frames: int,
        size: int,
        *,
        width: int,
        depth: int = 3,
        kernel: int = 7,
        time: int = 3,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for block in range(depth):
            outputs = width * min(block + 1, 2)
            padding = (time // 2, kernel // 2, kernel // 2)
            layers += [
                nn.Conv3d(channels, outputs, (time, kernel, kernel), stride=(1, 2, 2), padding=padding),
                nn.ReLU(inplace=True),
                nn.MaxPool3d((1 if block == 0 else 2, 2, 2)),
            ]
            channels = outputs
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, num_classes)

    def embed(self, videos: torch.Tensor) -> torch.Tensor:
        """Videos `[N, T, C, H, W]` to features `[N, D]`, which condensation matches."""
        return self._maps(videos).flatten(1)

    def forward(self, videos: torch.Tensor) -> torch.Tensor:
        """Videos `[N, T, C, H, W]` to logits `[N, K]`."""
        return self.classifier(self._maps(videos).mean(dim=(2, 3, 4)))

    def _maps(self, videos: torch.Tensor) -> torch.Tensor:
        ordered = videos.permute(0, 2, 1, 3, 4).contiguous(memory_format=torch.channels_last_3d)
        return self.features(ordered)


small = partial(Blocks, width=16)
"""About ConvNet3D at a quarter of its width: a device's network, and an example's that is to take minutes."""
