"""How real clips get to the device that networks run on.

A processor reads them from the memory map as they are wanted. To a GPU go bytes, a quarter of what floats
would be, and are normalised there: all of them once, where they fit into its memory beside the work; or else
those of a batch, through memory that the system may not move, so that the copy goes on while the GPU works.
So do clips that are wanted once. Clips of other kinds go as the floats that they give.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

import torch
from torch import Tensor

from vidcondense.compute import Compute
from vidcondense.interfaces import ClipSource, Indices, Videos
from vidcondense.video.dataset import ClipDataset, normalised
from vidcondense.video.single_frames import SingleFrames

Fetch = Callable[[Indices], Videos]
"""Which clips → the clips on the device, float32, in network units."""

_HELD_SHARE = 0.5  # of the GPU's memory, at most, for clips


def fetcher(clips: ClipSource, compute: Compute) -> Fetch:
    """The way for these clips to this device, where they are wanted again and again."""
    if isinstance(clips, SingleFrames) and goes_as_bytes(clips.real, compute):
        clips = clips.real.frames()
    if goes_as_bytes(clips, compute) and held_bytes(clips, compute):
        return held(clips, compute.device)
    return once(clips, compute)


def once(clips: ClipSource, compute: Compute) -> Fetch:
    """The way for these clips to this device, where each is wanted once."""
    if goes_as_bytes(clips, compute):
        return streamed(clips, compute.device)
    return lambda indices: compute.move(clips.batch(indices))


def goes_as_bytes(clips: ClipSource, compute: Compute) -> TypeGuard[ClipDataset]:
    """Whether these clips go to this device as bytes: real ones to a GPU."""
    return isinstance(clips, ClipDataset) and compute.device.type != "cpu"


def held_bytes(clips: ClipSource, compute: Compute) -> int:
    """What clips take of a GPU's memory; 0 where they do not lie there."""
    if not goes_as_bytes(clips, compute):
        return 0
    total = torch.cuda.get_device_properties(compute.device).total_memory
    size = clips.clips8([0]).nbytes * len(clips)
    return size if size <= _HELD_SHARE * total else 0


def held(clips: ClipDataset, device: torch.device) -> Fetch:
    """From a copy of all clips, as bytes, that lies on the device."""
    everything = clips.clips8(torch.arange(len(clips))).to(device)
    mean, std = clips.mean.to(device), clips.std.to(device)
    return lambda indices: normalised(everything[indices.to(device)], mean, std)


def streamed(clips: ClipDataset, device: torch.device, view: int | None = None) -> Fetch:
    """As bytes, a batch at a time; of each video the clip `view`, by default the middle one."""
    mean, std = clips.mean.to(device), clips.std.to(device)

    def fetch(indices: Indices) -> Videos:
        batch = clips.clips8(indices, view)
        return normalised(_pinned(batch, device).to(device, non_blocking=True), mean, std)

    return fetch


def _pinned(batch: Tensor, device: torch.device) -> Tensor:
    return batch.pin_memory() if device.type == "cuda" else batch
