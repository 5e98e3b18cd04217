"""PRISM's representation: sparse key frames, every other frame interpolated between its neighbours.

Source: "Video Dataset Condensation with Progressive Refinement and Insertion for Sparse Motion"
(arXiv 2505.22564), the sparse key-frame set and its interpolation. The ends of the axis are other methods:
a key frame everywhere is a dense video (every frame a parameter), the first one alone a still, repeated; two
are the start of PRISM.
Key frames may be smaller than the videos; they are then upsampled in the graph, so that what is learned is
the best small picture, not a shrunk large one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vidcondense.interfaces import KeyMask, Labels, Videos
from vidcondense.synthetic.codec_model import CodecModel
from vidcondense.synthetic.interpolation import interpolate

Upsampling = Literal["bilinear", "bicubic"]


class KeyFrameVideos:
    """Videos of which only the key frames are parameters.

    `frames` holds a slot for every frame; only the slots of key frames are read, so only they get gradients.
    A slot that becomes a key frame has never had a gradient: its momentum is still zero, as it must be.

    Args:
        frames: `[N, T, C, h, w]` float32 in network units; slots that are no key frames are ignored.
        mask: `[N, T]`, true at key frames: a video's first and last frame and any others, or its first alone.
        labels: `[N]`.
        size: height and width of the rendered videos; default: those of `frames`.
        upsampling: of frames that are smaller than the videos.
        codec: what will be made of the key frames when they are stored; None to render them as they are.
    """

    def __init__(
        self,
        frames: Videos,
        mask: KeyMask,
        labels: Labels,
        size: tuple[int, int] | None = None,
        upsampling: Upsampling = "bilinear",
        codec: CodecModel | None = None,
    ) -> None:
        check_mask(mask)
        height, width = frames.shape[3:]
        self.size = size or (height, width)
        self.upsampling = upsampling
        self.codec = codec
        self.mask = mask.to(frames.device, copy=True)
        slots = frames.detach() * self.mask[:, :, None, None, None]
        self.frames: Tensor = slots.requires_grad_()
        self._labels = labels

    @property
    def labels(self) -> Labels:
        """The label of every video."""
        return self._labels

    def parameters(self) -> list[Tensor]:
        """The one tensor of slots."""
        return [self.frames]

    def render(self, iteration: int = 0) -> Videos:
        """All videos, `[N, T, C, H, W]` at `size` in network units, differentiable in the key frames.

        Args:
            iteration: does not matter here; all iterations render alike.
        """
        frames = self.frames
        if self.codec is not None:
            coded = self.codec(self.frames[self.mask], self._owner())
            frames = torch.zeros_like(self.frames).index_put((self.mask,), coded)
        return upsample(interpolate(frames, self.mask), self.size, self.upsampling)

    def regulariser(self) -> Float[Tensor, ""] | None:
        """The bits that the key frames take, weighed; None where no codec with a rate is looked at."""
        if self.codec is None or not self.codec.rate_weight:
            return None
        return self.codec.rate(self.frames[self.mask], self._owner())

    def _owner(self) -> Int[Tensor, " m"]:
        """The video of each key frame."""
        return self.mask.nonzero(as_tuple=True)[0]

    def state(self) -> dict[str, Tensor]:
        """Slots and mask."""
        return {"frames": self.frames, "mask": self.mask}

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take on the slots and the mask of a checkpoint."""
        self.frames.copy_(state["frames"])
        self.mask.copy_(state["mask"])

    @torch.no_grad()
    def insert(self, where: KeyMask) -> None:
        """Make the frames at `where` key frames, each starting at its interpolated value."""
        new = where & ~self.mask
        self.frames[new] = interpolate(self.frames, self.mask)[new]
        self.mask |= new

    def part(self, videos: range) -> KeyFrameVideos:
        """The videos of these numbers, with parameters of their own."""
        rows = slice(videos.start, videos.stop)
        return self.like(self.frames[rows], self.mask[rows], self._labels[rows])

    def like(self, frames: Videos, mask: KeyMask, labels: Labels) -> KeyFrameVideos:
        """Other videos that are rendered in the same way."""
        how = self.size, self.upsampling, self.codec
        return KeyFrameVideos(frames, mask, labels, *how)

    def num_key_frames(self) -> Int[Tensor, " n"]:
        """How many key frames each video has."""
        return self.mask.sum(dim=1)


def spread_mask(num_videos: int, num_frames: int, num_key_frames: int) -> KeyMask:
    """A mask of `num_key_frames` (1 to T) evenly spread key frames; two or more include first and last."""
    mask = torch.zeros(num_videos, num_frames, dtype=torch.bool)
    mask[:, torch.linspace(0, num_frames - 1, num_key_frames).round().long()] = True
    return mask


def upsample(
    videos: Videos, size: tuple[int, int], kind: Upsampling = "bilinear"
) -> Float[Tensor, "n t c hh ww"]:
    """Enlarge every frame to `size` (height, width); frames of that size stay as they are."""
    if videos.shape[3:] == size:
        return videos
    frames = F.interpolate(videos.flatten(0, 1), size=size, mode=kind, align_corners=False)
    return frames.view(*videos.shape[:3], *size)


def downsample(videos: Videos, size: tuple[int, int]) -> Float[Tensor, "n t c hh ww"]:
    """Shrink every frame to `size` (height, width) by averaging; frames of that size stay as they are."""
    if videos.shape[3:] == size:
        return videos
    return F.adaptive_avg_pool2d(videos.flatten(0, 1), size).view(*videos.shape[:3], *size)


def check_mask(mask: Bool[Tensor, "n t"]) -> None:
    """Raise `ValueError` unless each video has key frames at both ends, or its first frame alone."""
    still = mask.sum(dim=1) == 1
    if not bool((mask[:, 0] & (mask[:, -1] | still)).all()):
        raise ValueError("the first and the last frame of every video must be key frames")
