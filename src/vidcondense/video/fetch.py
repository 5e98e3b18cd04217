"""How real clips get to the device that networks run on.

A processor reads them from the memory map as they are wanted. To a GPU go bytes, a quarter of what floats
would be, and are normalised there: all of them once, where they fit into its memory beside the work; or else
those of a batch, through memory that the system may not move, so that the copy goes on while the GPU works.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vidcondense.compute import Compute
from vidcondense.interfaces import ClipSource, Indices, Videos
from vidcondense.video.dataset import ClipDataset, normalised

Fetch = Callable[[Indices], Videos]
"""Which clips → the clips on the device, float32, in network units."""

_HELD_SHARE = 0.5  # of the GPU's memory, at most, for clips


def fetcher(clips: ClipSource, compute: Compute) -> Fetch:
    """The way for these clips to this device."""
    if compute.device.type == "cpu":
        return lambda indices: clips.batch(indices)
    if not isinstance(clips, ClipDataset):
        return lambda indices: compute.move(clips.batch(indices))
    return held(clips, compute.device) if held_bytes(clips, compute) else streamed(clips, compute.device)


def held_bytes(clips: ClipSource, compute: Compute) -> int:
    """What clips take of a GPU's memory; 0 where they do not lie there."""
    if compute.device.type == "cpu" or not isinstance(clips, ClipDataset):
        return 0
    total = torch.cuda.get_device_properties(compute.device).total_memory
    size = clips.clips8([0]).nbytes * len(clips)
    return size if size <= _HELD_SHARE * total else 0


def held(clips: ClipDataset, device: torch.device) -> Fetch:
    """From a copy of all clips, as bytes, that lies on the device."""
    everything = clips.clips8(torch.arange(len(clips))).to(device)
    mean, std = clips.mean.to(device), clips.std.to(device)
    return lambda indices: normalised(everything[indices.to(device)], mean, std)


def streamed(clips: ClipDataset, device: torch.device) -> Fetch:
    """As bytes, a batch at a time."""
    mean, std = clips.mean.to(device), clips.std.to(device)

    def fetch(indices: Indices) -> Videos:
        batch = clips.clips8(indices)
        return normalised(_pinned(batch, device).to(device, non_blocking=True), mean, std)

    return fetch


def _pinned(batch: Tensor, device: torch.device) -> Tensor:
    return batch.pin_memory() if device.type == "cuda" else batch
