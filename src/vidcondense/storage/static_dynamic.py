"""How static images, dynamic memories and their convolution are stored, and which pairs are videos."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vidcondense.interfaces import Videos
from vidcondense.storage.codecs import KEY_FRAMES, Codec, Coding, Payload
from vidcondense.storage.stored import Expected, Manifest, channels, coding_of
from vidcondense.synthetic.levels import range_owner
from vidcondense.synthetic.mosaics import Shape
from vidcondense.synthetic.static_dynamic import Dynamic, Kernel, Static, StaticDynamicVideos, combine

KIND = "static-dynamic"
PAYLOAD = "static_dynamic.safetensors"

_STATIC, _DYNAMIC = "static", "dynamic"
_WEIGHT, _BIAS = "weight", "bias"


@dataclass(frozen=True)
class StoredStaticDynamic:
    """The memory of a set. All of it is counted, the convolution too.

    Args:
        static: `[S, C, H, W]` in pixel units.
        dynamic: `[D, T, H, W]`, one channel, in units of their own.
        weight: of the convolution, `[C, C + 1, 3, 3, 3]`; always float32.
        bias: of the convolution, `[C]`; always float32.
        pairs: the image and the memory of each video, `[N, 2]`.
        mean: of the real training clips; the convolution works in network units.
        std: likewise.
    """

    static: Static
    dynamic: Dynamic
    weight: Kernel
    bias: Float[Tensor, " c"]
    pairs: Int[Tensor, "n 2"]
    mean: Float[Tensor, "c 1 1"]
    std: Float[Tensor, "c 1 1"]

    @property
    def num_values(self) -> int:
        """How many numbers are stored."""
        return sum(part.numel() for part in (self.static, self.dynamic, self.weight, self.bias))

    @property
    def extremes(self) -> tuple[float, float]:
        """The lowest and the highest value of a static image."""
        return float(self.static.min()), float(self.static.max())

    def clips(self, indices: Int[Tensor, " _"]) -> Videos:
        """The videos at `indices`, in pixel units."""
        static, dynamic = self.pairs[indices].T
        images = (self.static[static] - self.mean) / self.std
        return combine(images, self.dynamic[dynamic], self.weight, self.bias) * self.std + self.mean

    def fields(self) -> dict[str, Any]:
        """The number of images and memories, and the pairs."""
        return {
            "representation": KIND,
            "static_images": len(self.static),
            "dynamic_memories": len(self.dynamic),
            "pairs": self.pairs.tolist(),
        }

    def payload(self, codec: Codec, coding: Coding) -> Payload:
        """Images and memories, encoded, with a range for each or one for all; the convolution as it is."""

        def encode(pictures: Tensor) -> Payload:
            owner = range_owner(torch.arange(len(pictures)), coding.value_range)
            return codec.encode(pictures, owner, coding)

        return {
            **_named(_STATIC, encode(self.static)),
            **_named(_DYNAMIC, encode(self.dynamic)),
            _WEIGHT: self.weight,
            _BIAS: self.bias,
        }


def store_static_dynamic(videos: StaticDynamicVideos, mean: Tensor, std: Tensor) -> StoredStaticDynamic:
    """What a finished set keeps of learned videos."""
    static, dynamic, _ = videos.all_pairs()
    state = {name: tensor.detach().cpu() for name, tensor in videos.state().items()}
    state["static"] = state["static"] * std + mean
    return StoredStaticDynamic(**state, pairs=torch.stack([static, dynamic], dim=1), mean=mean, std=std)


def expected_static_dynamic(manifest: Manifest, codec: Codec) -> Expected:
    """The tensors a payload must hold."""
    colours = manifest["shape"][1]
    found: Expected = {
        _WEIGHT: (torch.float32, (colours, colours + 1, 3, 3, 3)),
        _BIAS: (torch.float32, (colours,)),
    }
    for part, shape in _shapes(manifest).items():
        ranges = shape[0] if manifest["value_range"] == "video" else 1
        for name, tensor in codec.layout(shape, ranges, coding_of(manifest)).items():
            found[_name(part, name)] = tensor
    return found


def coded_static_dynamic(manifest: Manifest) -> int:
    """How many numbers the codec must give back."""
    return sum(map(math.prod, _shapes(manifest).values()))


def read_static_dynamic(
    manifest: Manifest, payload: Mapping[str, Tensor], codec: Codec
) -> StoredStaticDynamic:
    """The memory of a checked manifest and payload."""
    decoded, coding = {}, coding_of(manifest)
    for part, shape in _shapes(manifest).items():
        owner = range_owner(torch.arange(shape[0]), coding.value_range)
        own = {name: payload[_name(part, name)] for name in codec.layout(shape, shape[0], coding)}
        decoded[part] = codec.decode(own, owner, shape, coding)
    return StoredStaticDynamic(
        **decoded,
        weight=payload[_WEIGHT],
        bias=payload[_BIAS],
        pairs=torch.tensor(manifest["pairs"]),
        mean=channels(manifest["mean"]),
        std=channels(manifest["std"]),
    )


def _shapes(manifest: Manifest) -> dict[str, Shape]:
    """Of what the codec stores."""
    num_frames, colours, height, width = manifest["shape"]
    return {
        _STATIC: (manifest["static_images"], colours, height, width),
        _DYNAMIC: (manifest["dynamic_memories"], num_frames, height, width),
    }


def _name(part: str, name: str) -> str:
    """Of a codec's tensor in the payload: `static`, `static_low`, `static_high`."""
    return part if name == KEY_FRAMES else f"{part}_{name}"


def _named(part: str, payload: Payload) -> Payload:
    return {_name(part, name): values for name, values in payload.items()}
