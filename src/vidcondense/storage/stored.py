"""What is stored of a set, by the kind of its representation: in memory, in the payload, in the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vidcondense.interfaces import Videos
from vidcondense.storage.codecs import Codec, Coding, Layout, Payload

Expected = Layout
"""The tensors a payload must hold, by name: type and shape."""

Manifest = Mapping[str, Any]


@runtime_checkable
class Stored(Protocol):
    """The stored tensors of a set, in pixel units."""

    @property
    def num_values(self) -> int:
        """How many numbers are stored: what the papers count, as float32."""

    @property
    def extremes(self) -> tuple[float, float]:
        """The lowest and the highest value of the stored pictures; real ones have 0 to 1."""

    def clips(self, indices: Int[Tensor, " _"]) -> Videos:
        """The videos at `indices`, rendered, in pixel units."""

    def fields(self) -> dict[str, Any]:
        """What the manifest says of this kind, `representation` among it."""

    def payload(self, codec: Codec, coding: Coding) -> Payload:
        """The tensors to write."""


def coding_of(manifest: Manifest) -> Coding:
    """How the codec was used, from a checked manifest."""
    return Coding(**{field.name: manifest[field.name] for field in fields(Coding)})


def channels(values: Sequence[float]) -> Float[Tensor, "c 1 1"]:
    """A mean or deviation, ready to be applied to pictures."""
    return torch.tensor(list(values))[:, None, None]
