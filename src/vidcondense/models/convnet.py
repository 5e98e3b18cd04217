"""ConvNet, the small 2-D convolutional network of the image-condensation papers, on every frame."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from vidcondense.interfaces import Videos
from vidcondense.models.network import Features, Logits, VideoNetwork

MIN_SIZE = 8
"""Three poolings halve the side, and one pixel must be left."""

WIDTH = 128
DEPTH = 3


class ConvNet(VideoNetwork):
    """Three blocks of convolution, instance norm, ReLU and average pooling; a linear classifier.

    It sees one frame at a time: features and logits are averaged over time, so it is blind to motion.

    Source: the ConvNet of Zhao, Mopuri and Bilen (ICLR 2021, arXiv 2006.05929).

    Args:
        num_classes: K.
        size: height and width of a frame in pixels.
        width: channels of every block.
    """

    def __init__(self, num_classes: int, size: int, *, width: int = WIDTH) -> None:
        super().__init__()
        self.features = frame_features(width)
        self.classifier = nn.Linear(width * (size >> DEPTH) ** 2, num_classes)

    def embed(self, videos: Videos) -> Features:
        """The last block's output, flattened, averaged over frames: `[N, D]`, D = 196 · width at 112×112."""
        frames: Float[Tensor, "m d"] = self.features(videos.flatten(0, 1))
        return frames.view(*videos.shape[:2], -1).mean(dim=1)

    def forward(self, videos: Videos) -> Logits:
        """The logits `[N, K]` of videos in network units, at least 8×8 pixels."""
        logits: Tensor = self.classifier(self.embed(videos))
        return logits


def frame_features(width: int = WIDTH) -> nn.Sequential:
    """The blocks: frames `[M, C, H, W]` to features `[M, width · ⌊H / 8⌋ · ⌊W / 8⌋]`."""
    blocks = [_block(3 if depth == 0 else width, width) for depth in range(DEPTH)]
    return nn.Sequential(*blocks, nn.Flatten())


def _block(channels_in: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, width, kernel_size=3, padding=1),
        nn.InstanceNorm2d(width, affine=True),
        nn.ReLU(inplace=True),
        nn.AvgPool2d(2),
    )
