"""Codecs: key frames in pixel units ⇄ tensors of a payload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

Frames = Float[Tensor, "m c h w"]
"""Stored frames in pixel units: RGB, 0 to 1 for real clips, beyond it where noise was learned from."""

Owner = Int[Tensor, " m"]
"""The video each stored frame belongs to."""

Payload = dict[str, Tensor]

KEY_FRAMES = "key_frames"


@dataclass(frozen=True)
class Codec:
    """A way to store frames.

    Args:
        encode: frames and their owners to tensors.
        decode: the way back, to float32.
        dtypes: what the tensors of the payload must be, by name.
    """

    encode: Callable[[Frames, Owner], Payload]
    decode: Callable[[Mapping[str, Tensor], Owner], Frames]
    dtypes: Mapping[str, torch.dtype]


def _as_type(dtype: torch.dtype) -> Codec:
    return Codec(
        encode=lambda frames, owner: {KEY_FRAMES: frames.to(dtype)},
        decode=lambda payload, owner: payload[KEY_FRAMES].float(),
        dtypes={KEY_FRAMES: dtype},
    )


def _encode_uint8(frames: Frames, owner: Owner) -> Payload:
    """256 levels over each video's own range, which always holds 0 to 1: real clips stay exact."""
    num_videos = int(owner.max()) + 1
    low, high = torch.zeros(num_videos), torch.ones(num_videos)
    low.scatter_reduce_(0, owner, frames.flatten(1).amin(1), "amin")
    high.scatter_reduce_(0, owner, frames.flatten(1).amax(1), "amax")
    start, width = _per_frame(low, owner), _per_frame(high - low, owner)
    levels = ((frames - start) / width * 255).round().clamp(0, 255).to(torch.uint8)
    return {KEY_FRAMES: levels, "low": low, "high": high}


def _decode_uint8(payload: Mapping[str, Tensor], owner: Owner) -> Frames:
    low, high = payload["low"], payload["high"]
    return payload[KEY_FRAMES] / 255 * _per_frame(high - low, owner) + _per_frame(low, owner)


def _per_frame(values: Float[Tensor, " n"], owner: Owner) -> Float[Tensor, "m 1 1 1"]:
    return values[owner][:, None, None, None]


CODECS: Mapping[str, Codec] = {
    "float32": _as_type(torch.float32),
    "float16": _as_type(torch.float16),
    "uint8": Codec(
        _encode_uint8,
        _decode_uint8,
        {KEY_FRAMES: torch.uint8, "low": torch.float32, "high": torch.float32},
    ),
}
