"""What a network must offer to be condensed with or judged by."""

from __future__ import annotations

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

from vidcondense.interfaces import Videos

Features = Float[Tensor, "n d"]
"""One feature vector a video: what distribution matching and retrieval compare."""

Logits = Float[Tensor, "n k"]
"""One score a video and class, before the softmax."""


class VideoNetwork(nn.Module, ABC):
    """A classifier of videos whose features can be read.

    Training and prediction need only `forward`, so they take any `nn.Module`; matching needs `embed` too.
    """

    @abstractmethod
    def embed(self, videos: Videos) -> Features:
        """The features the classifier works on, `[N, D]`, differentiable in `videos`."""

    @abstractmethod
    def forward(self, videos: Videos) -> Logits:
        """The logits, `[N, K]`."""
