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
from vidcondense.storage.codecs import Codec, Coding, Payload
from vidcondense.storage.stored import Expected, Manifest, coding_of
from vidcondense.synthetic.interpolation import INTERPOLATION, interpolate
from vidcondense.synthetic.keyframes import KeyFrameVideos, Upsampling, upsample
from vidcondense.synthetic.levels import Frames, range_owner
from vidcondense.synthetic.mosaics import Shape

KIND = "key-frames"
PAYLOAD = "key_frames.safetensors"


@dataclass(frozen=True)
class StoredKeyFrames:
    """The key frames of a set.

    Args:
        frames: `[M, C, h, w]` in pixel units, by video and time.
        mask: key frames of every video, `[N, T]`.
        size: height and width of a rendered video.
        upsampling: to it, of smaller key frames.
    """

    frames: Frames
    mask: KeyMask
    size: tuple[int, int]
    upsampling: Upsampling = "bilinear"

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
        videos = interpolate(slots, self.mask[indices])
        return upsample(videos, self.size, self.upsampling)

    def fields(self) -> dict[str, Any]:
        """Positions, size, interpolation and upsampling."""
        return {
            "representation": KIND,
            "positions": [row.nonzero().flatten().tolist() for row in self.mask],
            "key_frame_size": list(self.frames.shape[2:]),
            "interpolation": INTERPOLATION,
            "upsampling": self.upsampling,
        }

    def payload(self, codec: Codec, coding: Coding) -> Payload:
        """The frames, encoded; where the codec has ranges, one for each video or one for all."""
        owner = range_owner(self.mask.nonzero(as_tuple=True)[0], coding.value_range)
        return codec.encode(self.frames, owner, coding)


def store_key_frames(videos: KeyFrameVideos, mean: Tensor, std: Tensor) -> StoredKeyFrames:
    """The key frames of learned videos, in pixel units."""
    mask = videos.mask.cpu()
    frames = videos.frames.detach().cpu()[mask] * std + mean
    return StoredKeyFrames(frames, mask, videos.size, videos.upsampling)


def expected_key_frames(manifest: Manifest, codec: Codec) -> Expected:
    """The tensors a payload must hold."""
    ranges = len(manifest["labels"]) if manifest["value_range"] == "video" else 1
    return codec.layout(_shape(manifest), ranges, coding_of(manifest))


def coded_key_frames(manifest: Manifest) -> int:
    """How many numbers the codec must give back."""
    return math.prod(_shape(manifest))


def read_key_frames(manifest: Manifest, payload: Mapping[str, Tensor], codec: Codec) -> StoredKeyFrames:
    """The key frames of a checked manifest and payload."""
    mask = torch.zeros(len(manifest["labels"]), manifest["shape"][0], dtype=torch.bool)
    for row, positions in zip(mask, manifest["positions"], strict=True):
        row[positions] = True
    coding = coding_of(manifest)
    owner = range_owner(mask.nonzero(as_tuple=True)[0], coding.value_range)
    frames = codec.decode(payload, owner, _shape(manifest), coding)
    height, width = manifest["shape"][2:]
    return StoredKeyFrames(frames, mask, (height, width), manifest["upsampling"])


def _shape(manifest: Manifest) -> Shape:
    """Of all key frames."""
    height, width = manifest["key_frame_size"]
    return sum(map(len, manifest["positions"])), manifest["shape"][1], height, width
