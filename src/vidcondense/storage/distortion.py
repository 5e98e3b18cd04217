"""How far a set that was stored again is from what it was."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from vidcondense.compute import Compute
from vidcondense.models import network_for
from vidcondense.storage.condensed import CondensedDataset

_CHUNK = 16  # videos rendered at a time


@dataclass(frozen=True, kw_only=True)
class Distortion:
    """The difference between two sets of the same videos.

    Args:
        psnr: peak signal-to-noise ratio of all rendered pixels in decibels, for a peak of 1; None where no
            pixel differs.
        feature_distance: mean over videos of ‖a − b‖ / ‖a‖, a and b a video's features in a random network.
    """

    psnr: float | None
    feature_distance: float


@torch.no_grad()
def distortion(
    before: CondensedDataset, after: CondensedDataset, model: str, *, seed: int, compute: Compute
) -> Distortion:
    """Compare two sets video by video.

    Args:
        before: the reference.
        after: of the same shape and number of videos.
        model: name of the network; its weights are random.
        seed: of these weights.
        compute: where it runs.

    Raises:
        UsageError: the network cannot take clips of this shape.
    """
    network = network_for(model, before.shape, len(before.classes), seed=seed, compute=compute).eval()
    squares, apart = 0.0, []
    for part in torch.split(torch.arange(len(before)), _CHUNK):
        squares += float((before.clips(part) - after.clips(part)).double().square().sum())
        with compute.autocast():
            a, b = (network.embed(compute.move(each.batch(part))).float() for each in (before, after))
        apart.append((torch.linalg.vector_norm(a - b, dim=1) / torch.linalg.vector_norm(a, dim=1)).cpu())
    error = squares / (len(before) * math.prod(before.shape))
    return Distortion(
        psnr=-10 * math.log10(error) if error else None, feature_distance=float(torch.cat(apart).mean())
    )
