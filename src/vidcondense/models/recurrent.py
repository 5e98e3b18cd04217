"""CNN+GRU and CNN+LSTM: a small 2-D convolutional network sees each frame, a recurrent layer their order."""

from __future__ import annotations

import contextlib
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vidcondense.interfaces import Videos
from vidcondense.models.convnet import DEPTH, WIDTH, frame_features
from vidcondense.models.network import Features, Logits, VideoNetwork

CROP = 64
"""Side of the centre crop that the network sees; the smallest clip it takes."""

_FRAME_FEATURES = WIDTH * (CROP >> DEPTH) ** 2

_LAYERS = {"gru": nn.GRU, "lstm": nn.LSTM}


class ConvRecurrent(VideoNetwork):
    """Three blocks of convolution, instance norm, ReLU and average pooling a frame, then one recurrent layer.

    Only the 64×64 pixels in the centre of a frame are seen, as 8 192 features a frame. The hidden states are
    averaged over time; a linear layer classifies that mean.

    Source: the cross-architecture networks of Wang et al., "Dancing with Still Images" (CVPR 2024), which
    PRISM uses as well: CNN+GRU with 1 024 hidden units (28.7 million parameters at K = 50), CNN+LSTM with as
    many as the features of a frame, 8 192 (537.6 million).

    Args:
        num_classes: K.
        layer: the recurrent layer.
        hidden: its width H, the size of the embedding.
    """

    def __init__(self, num_classes: int, *, layer: Literal["gru", "lstm"], hidden: int) -> None:
        super().__init__()
        self.frames = frame_features()
        self.recurrent = _LAYERS[layer](_FRAME_FEATURES, hidden, batch_first=True)
        self.classifier = nn.Linear(hidden, num_classes)

    def train(self, mode: bool = True) -> ConvRecurrent:
        """Training or evaluation mode; no part of this network behaves differently in the two."""
        super().train(mode)
        self.recurrent.train()  # cuDNN differentiates a recurrent layer in this mode only
        return self

    def embed(self, videos: Videos) -> Features:
        """The hidden states averaged over time: `[N, H]`."""
        frames: Float[Tensor, "m d"] = self.frames(_centre(videos).flatten(0, 1))
        with self._differentiable(videos):
            states: Float[Tensor, "n t h"] = self.recurrent(frames.view(*videos.shape[:2], -1))[0]
        return states.mean(dim=1)

    def forward(self, videos: Videos) -> Logits:
        """The logits `[N, K]` of videos in network units, at least 64×64 pixels."""
        logits: Tensor = self.classifier(self.embed(videos))
        return logits

    def _differentiable(self, videos: Videos) -> contextlib.AbstractContextManager[object]:
        """Without cuDNN where videos and weights are both differentiated in: by gradients of gradients.

        (DC, DSA, MTT.) cuDNN's recurrent layers have no second derivative; torch's own are slower, and do.
        """
        twice = videos.requires_grad and next(self.recurrent.parameters()).requires_grad
        return torch.backends.cudnn.flags(enabled=False) if twice else contextlib.nullcontext()


def _centre(videos: Videos) -> Float[Tensor, "n t c y x"]:
    top, left = ((side - CROP) // 2 for side in videos.shape[3:])
    return videos[..., top : top + CROP, left : left + CROP]
