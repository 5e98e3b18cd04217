"""Which clips a training step sees, and how they get to it."""

from __future__ import annotations

import torch
from torch import Tensor

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.interfaces import ClipSource, Indices
from vidcondense.video import fetch

_HELD_BYTES = 2**30  # sets up to this size are fetched once; a condensed set nearly always is


class Batches:
    """The clips of each step, by reshuffled epochs; a step's clips depend on (seed, step) alone.

    Args:
        num_clips: how many clips there are.
        batch_size: clips a step, at most `num_clips` are taken.
        whole: batches do not reach across the end of an epoch, so its last one may be smaller (training
            counted in epochs); otherwise all are of one size (training counted in steps).
        seed: of the order.
    """

    def __init__(self, num_clips: int, batch_size: int, *, whole: bool, seed: int) -> None:
        self.num_clips = num_clips
        self.batch_size = min(batch_size, num_clips)
        self.whole = whole
        self.seed = seed
        self._orders: dict[int, Tensor] = {}

    def at(self, step: int) -> Indices:
        """The indices of the clips of `step` (from 0)."""
        if self.whole:
            epoch, part = divmod(step, -(-self.num_clips // self.batch_size))
            start = part * self.batch_size
            return self._order(epoch)[start : start + self.batch_size]
        epoch, start = divmod(step * self.batch_size, self.num_clips)
        two_epochs = torch.cat([self._order(epoch), self._order(epoch + 1)])
        return two_epochs[start : start + self.batch_size]

    def _order(self, epoch: int) -> Tensor:
        if epoch not in self._orders:
            # Only two neighbouring epochs are ever needed at once.
            self._orders = {kept: order for kept, order in self._orders.items() if abs(kept - epoch) == 1}
            generator = rng.generator(self.seed, "epoch", epoch)
            self._orders[epoch] = torch.randperm(self.num_clips, generator=generator)
        return self._orders[epoch]


def fetcher(clips: ClipSource, compute: Compute) -> fetch.Fetch:
    """How to get clips to the device: from a copy that lies there, when the set is small enough for one.

    Real clips go to a GPU as those that are matched do (`video/fetch.py`).
    """
    if fetch.goes_as_bytes(clips, compute) or clips.batch([0]).nbytes * len(clips) > _HELD_BYTES:
        return fetch.fetcher(clips, compute)
    held = compute.move(clips.batch(torch.arange(len(clips))))
    return lambda indices: held[indices.to(held.device)]
