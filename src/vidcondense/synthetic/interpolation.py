"""From key frames to all frames: linear interpolation in time, as in PRISM.

It is a linear map of the key frames, one matrix a video, so that a gradient goes back by the transpose. A key
frame that is added at its rendered value leaves a video as it is.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vidcondense.interfaces import KeyMask, Videos

INTERPOLATION = "linear"
"""What manifests call it."""

Weights = Float[Tensor, "n t s"]
"""The map from slots to frames: row t holds the weights of frame t, which sum to one."""


def neighbours(mask: KeyMask) -> tuple[Int[Tensor, "n t"], Int[Tensor, "n t"]]:
    """The key frames around each frame: the last one at or before it, the first one at or after it.

    Behind the last key frame (of a still) that one is also the one after.
    """
    num_frames = mask.shape[1]
    index = torch.arange(num_frames, device=mask.device).expand_as(mask)
    before = index.where(mask, -1).cummax(dim=1).values
    after = index.where(mask, num_frames).flip(1).cummin(dim=1).values.flip(1)
    return before, after.where(after < num_frames, before)


def linear_weights(mask: KeyMask) -> Weights:
    """Frame t between key frames i and j weighs i by a = (j - t) / (j - i) and j by 1 - a."""
    before, after = neighbours(mask)
    index = torch.arange(mask.shape[1], device=mask.device)
    gap = (after - before).clamp(min=1)
    share = (after - index) / gap
    share = share.where(after > before, 1.0)
    weights = torch.zeros(*mask.shape, mask.shape[1], device=mask.device)
    weights.scatter_add_(2, before[..., None], share[..., None])
    weights.scatter_add_(2, after[..., None], 1 - share[..., None])
    return weights


def interpolate(frames: Videos, mask: KeyMask) -> Videos:
    """Render key frames to videos.

    Args:
        frames: `[N, T, C, H, W]`; slots outside `mask` must be finite and have no influence.
        mask: `[N, T]`, true at key frames.
    """
    return (linear_weights(mask) @ frames.flatten(2)).view_as(frames)


def accumulate(gradient: Videos, mask: KeyMask) -> Videos:
    """The gradient of each slot, from that of the rendered frames: the transpose of `interpolate`."""
    return (linear_weights(mask).mT @ gradient.flatten(2)).view_as(gradient)
