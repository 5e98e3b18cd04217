"""How key frames are stored: those of all videos in a row; where they belong is in the manifest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from vidcondense.interfaces import KeyMask, Videos
from vidcondense.storage.codecs import Codec, Coding, Frames, Payload, range_owner
from vidcondense.storage.packing import Shape
from vidcondense.storage.stored import Expected, Manifest
from vidcondense.synthetic.interpolation import Interpolation, interpolate
from vidcondense.synthetic.keyframes import KeyFrameVideos, upsample

KIND = "key-frames"
PAYLOAD = "key_frames.safetensors"


@dataclass(frozen=True)
class StoredKeyFrames:
    """The key frames of a set.

    Args:
        frames: `[M, C, h, w]` in pixel units, by video and time.
        mask: key frames of every video, `[N, T]`.
        interpolation: between them.
        size: height and width of a rendered video.
    """

    frames: Frames
    mask: KeyMask
    interpolation: Interpolation
    size: tuple[int, int]

    @property
    def num_values(self) -> int:
        """How many numbers are stored."""
        return self.frames.numel()

    @property
    def extremes(self) -> tuple[float, float]:
        """The lowest and the highest value of a key frame."""
        return float(self.frames.min()), float(self.frames.max())

    def clips(self, indices: Int[Tensor, " _"]) -> Videos:
        """The videos at `indices`, interpolated and upsampled, in pixel units."""
        starts = self.mask.sum(dim=1).cumsum(dim=0) - self.mask.sum(dim=1)
        slots = torch.zeros(len(indices), self.mask.shape[1], *self.frames.shape[1:])
        for row, video in zip(slots, indices.tolist(), strict=True):
            own = self.mask[video]
            row[own] = self.frames[starts[video] : starts[video] + own.sum()]
        return upsample(interpolate(slots, self.mask[indices], self.interpolation), self.size)

    def fields(self) -> dict[str, Any]:
        """Positions, size and interpolation."""
        return {
            "representation": KIND,
            "positions": [row.nonzero().flatten().tolist() for row in self.mask],
            "key_frame_size": list(self.frames.shape[2:]),
            "interpolation": self.interpolation,
        }

    def payload(self, codec: Codec, coding: Coding) -> Payload:
        """The frames, encoded; where the codec has ranges, one for each video or one for all."""
        owner = range_owner(self.mask.nonzero(as_tuple=True)[0], coding.value_range)
        return codec.encode(self.frames, owner, coding.quality)


def store_key_frames(videos: KeyFrameVideos, mean: Tensor, std: Tensor) -> StoredKeyFrames:
    """The key frames of learned videos, in pixel units."""
    mask = videos.mask.cpu()
    frames = videos.frames.detach().cpu()[mask] * std + mean
    return StoredKeyFrames(frames, mask, videos.interpolation, videos.size)


def expected_key_frames(manifest: Manifest, codec: Codec) -> Expected:
    """The tensors a payload must hold."""
    ranges = len(manifest["labels"]) if manifest["value_range"] == "video" else 1
    return codec.layout(_shape(manifest), ranges)


def coded_key_frames(manifest: Manifest) -> int:
    """How many numbers the codec must give back."""
    return math.prod(_shape(manifest))


def read_key_frames(manifest: Manifest, payload: Mapping[str, Tensor], codec: Codec) -> StoredKeyFrames:
    """The key frames of a checked manifest and payload."""
    mask = torch.zeros(len(manifest["labels"]), manifest["shape"][0], dtype=torch.bool)
    for row, positions in zip(mask, manifest["positions"], strict=True):
        row[positions] = True
    owner = range_owner(mask.nonzero(as_tuple=True)[0], manifest["value_range"])
    frames = codec.decode(payload, owner, _shape(manifest))
    height, width = manifest["shape"][2:]
    return StoredKeyFrames(frames, mask, manifest["interpolation"], (height, width))


def _shape(manifest: Manifest) -> Shape:
    """Of all key frames."""
    height, width = manifest["key_frame_size"]
    return sum(map(len, manifest["positions"])), manifest["shape"][1], height, width
