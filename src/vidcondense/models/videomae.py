"""A video transformer of VideoMAE's kind, from transformers, with random weights."""

from __future__ import annotations

from torch import Tensor

from vidcondense.extras import import_extra
from vidcondense.interfaces import Videos
from vidcondense.models.network import Features, Logits, VideoNetwork

TUBELET = 2
"""Frames of a patch."""

PATCH = 16
"""Height and width of a patch in pixels."""


class VideoMAE(VideoNetwork):
    """VideoMAE's encoder and classifier at the size of ViT-S: 12 layers, 6 heads, width 384.

    Nothing pretrained is loaded: the network is made from a configuration alone. Patches are 2 frames of
    16×16 pixels, their positions encoded by fixed sines; tokens are averaged, normalised, classified.

    Source: Tong et al., "VideoMAE" (NeurIPS 2022).

    Args:
        num_classes: K.
        num_frames: T, a multiple of 2.
        size: height and width in pixels, a multiple of 16.
    """

    def __init__(self, num_classes: int, num_frames: int, size: int) -> None:
        super().__init__()
        transformers = import_extra("transformers")
        self.network = transformers.VideoMAEForVideoClassification(
            transformers.VideoMAEConfig(
                image_size=size,
                num_frames=num_frames,
                tubelet_size=TUBELET,
                patch_size=PATCH,
                hidden_size=384,
                intermediate_size=1536,
                num_hidden_layers=12,
                num_attention_heads=6,
                num_labels=num_classes,
            )
        )

    def embed(self, videos: Videos) -> Features:
        """The normalised mean of the tokens: `[N, 384]`."""
        tokens = self.network.videomae(videos).last_hidden_state
        features: Tensor = self.network.fc_norm(tokens.mean(dim=1))
        return features

    def forward(self, videos: Videos) -> Logits:
        """The logits `[N, K]` of videos in network units, of the frames and size it was made for."""
        logits: Tensor = self.network.classifier(self.embed(videos))
        return logits
