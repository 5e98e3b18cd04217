"""Whether an exported network says what the original says, and how long it takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int

from vidcondense.edge.formats import Ask, Clip
from vidcondense.interfaces import Clips8, Labels

AllLogits = Float[np.ndarray, "n k"]

_WARM_UP = 3


@runtime_checkable
class PixelClips(Protocol):
    """Test clips as pixels: `ClipDataset`, or anything else that offers this."""

    @property
    def labels(self) -> Labels:
        """One label a clip."""

    def clips8(self, indices: Sequence[int]) -> Clips8:
        """The clips at `indices`; of several views the middle one."""

    def __len__(self) -> int:
        """How many there are."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """An exported network and its original on the same test clips.

    Attributes:
        clips: how many.
        original: the accuracy of the original, 0 to 1.
        exported: that of the exported network.
        equal: the share of clips for which both have their highest logit at the same class.
        largest_difference: of a logit.
    """

    clips: int
    original: float
    exported: float
    equal: float
    largest_difference: float


def agreement(original: AllLogits, exported: AllLogits, labels: Int[np.ndarray, " n"]) -> Agreement:
    """Compare the logits of two networks for the same clips."""
    first, second = original.argmax(axis=1), exported.argmax(axis=1)
    return Agreement(
        clips=len(labels),
        original=float((first == labels).mean()),
        exported=float((second == labels).mean()),
        equal=float((first == second).mean()),
        largest_difference=float(np.abs(original - exported).max()),
    )


def logits_of(ask: Ask, clips: PixelClips) -> AllLogits:
    """The logits of every clip asked one at a time."""
    return np.stack([ask(pixels_of(clips, index)) for index in range(len(clips))])


def pixels_of(clips: PixelClips, index: int) -> Clip:
    """A real clip as an edge device has it: uint8 `[T, H, W, 3]`."""
    pixels: np.ndarray = clips.clips8([index])[0].permute(0, 2, 3, 1).contiguous().numpy()
    return pixels


def latency(ask: Ask, clip: Clip, runs: int) -> float:
    """The median seconds of `runs` calls with one clip, on one thread, after three that warm up."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return statistics.median([_seconds(ask, clip) for _ in range(_WARM_UP + runs)][_WARM_UP:])
    finally:
        torch.set_num_threads(threads)


def _seconds(ask: Ask, clip: Clip) -> float:
    start = time.perf_counter()
    ask(clip)
    return time.perf_counter() - start
