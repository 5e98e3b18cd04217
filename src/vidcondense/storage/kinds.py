"""The table of representations that can be stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from vidcondense.interfaces import Indices, Representation
from vidcondense.storage import key_frames, static_dynamic
from vidcondense.storage.codecs import Codec
from vidcondense.storage.key_frames import (
    coded_key_frames,
    expected_key_frames,
    read_key_frames,
    store_key_frames,
)
from vidcondense.storage.static_dynamic import (
    coded_static_dynamic,
    expected_static_dynamic,
    read_static_dynamic,
    store_static_dynamic,
)
from vidcondense.storage.stored import Expected, Manifest, Stored
from vidcondense.synthetic.keyframes import KeyFrameVideos
from vidcondense.synthetic.static_dynamic import StaticDynamicVideos


@dataclass(frozen=True)
class Kind:
    """How sets of one representation are read.

    Args:
        payload: the file with their tensors.
        expected: what it must hold, by a checked manifest.
        num_values: how many numbers the codec must give back.
        read: the stored set, from a checked manifest and payload.
    """

    payload: str
    expected: Callable[[Manifest, Codec], Expected]
    num_values: Callable[[Manifest], int]
    read: Callable[[Manifest, Mapping[str, Tensor], Codec], Stored]


KINDS: Mapping[str, Kind] = {
    key_frames.KIND: Kind(key_frames.PAYLOAD, expected_key_frames, coded_key_frames, read_key_frames),
    static_dynamic.KIND: Kind(
        static_dynamic.PAYLOAD, expected_static_dynamic, coded_static_dynamic, read_static_dynamic
    ),
}
"""Every representation by its name in the manifest."""


def store(videos: Representation, mean: Tensor, std: Tensor) -> tuple[Stored, Indices]:
    """What is kept of learned videos, and which of them each video of the finished set comes from.

    Args:
        videos: of a kind in the table.
        mean: of the real training clips, `[C, 1, 1]`.
        std: likewise.
    """
    if isinstance(videos, KeyFrameVideos):
        return store_key_frames(videos, mean, std), torch.arange(len(videos.labels))
    if isinstance(videos, StaticDynamicVideos):
        return store_static_dynamic(videos, mean, std), videos.all_pairs()[2]
    raise TypeError(f"{type(videos).__name__} cannot be stored")
