"""How large a set will be, before it is made."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vidcondense.assembly import START, key_frame_size
from vidcondense.methods import METHODS
from vidcondense.settings import CondenseOptions
from vidcondense.storage.accounting import mib_as_float32
from vidcondense.storage.codecs import CODECS, Coding
from vidcondense.synthetic.static_dynamic import OWN, PAIRS, kernel_values

Bounds = tuple[int, int]
"""The fewest and the most."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """What a set will hold.

    Args:
        videos: rendered ones.
        key_frames: of all videos; 0 where there is no such thing.
        coded: numbers that the codec stores.
        plain: numbers that are stored as float32 by every codec.
    """

    videos: int
    key_frames: Bounds
    coded: Bounds
    plain: int = 0

    @property
    def paper_mb(self) -> tuple[float, float]:
        """MiB of all numbers as float32."""
        low, high = (mib_as_float32(count + self.plain) for count in self.coded)
        return low, high

    def payload_bytes(self, codec: str, coding: Coding | None = None) -> Bounds:
        """Bytes of the numbers before compression; what belongs to the format comes on top."""
        bits = CODECS[codec].value_bits(coding or Coding())
        low, high = (-(-count * bits // 8) + self.plain * torch.float32.itemsize for count in self.coded)
        return low, high


def size_of(shape: tuple[int, int, int, int], num_classes: int, options: CondenseOptions) -> Size:
    """The size of the set that `options` would make of clips of `shape`, `(T, C, H, W)`."""
    num_frames, channels, height, width = shape
    videos = options.vpc * num_classes
    stages = METHODS[options.method].stages
    labels = num_classes if options.learns_labels else 0  # numbers a video
    if stages and stages[-1].videos == "static-dynamic":
        memory = OWN * videos * (channels + num_frames) * height * width
        return Size(
            videos=len(PAIRS) * videos,
            key_frames=(0, 0),
            coded=(memory, memory),
            plain=kernel_values(channels) + len(PAIRS) * videos * labels,
        )
    height, width = key_frame_size(shape, options)
    low, high = (videos * count for count in _key_frame_bounds(options, num_frames))
    frame = channels * height * width
    return Size(
        videos=videos,
        key_frames=(low, high),
        coded=(low * frame, high * frame),
        plain=videos * labels,
    )


def _key_frame_bounds(options: CondenseOptions, num_frames: int) -> Bounds:
    """The fewest and the most key frames that a video of the set may have."""
    stages = METHODS[options.method].stages
    if not stages:
        kept = options.initial_key_frames or num_frames
        return kept, kept
    fewest = START[stages[-1].videos](options, num_frames)
    if not stages[-1].insertion or options.insert.insertion == "none":
        return fewest, fewest
    return fewest, max(fewest, min(options.insert.max_key_frames or num_frames, num_frames))
