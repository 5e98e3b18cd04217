"""From key frames to all frames: temporal interpolation, linear as in PRISM or by a natural cubic spline.

Both are linear maps of the key frames, one matrix a video, so that a gradient goes back by the transpose.
Both leave a video as it is when a key frame is added at its rendered value: of the spline this holds because
it is the smoothest curve through its points, and through one more point on it, too. A local cubic, such as
Catmull-Rom, would jump.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vidcondense.interfaces import KeyMask, Videos

Interpolation = Literal["linear", "cubic"]

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


def cubic_weights(mask: KeyMask) -> Weights:
    """The natural cubic spline: no curvature at the ends; through two key frames it is a straight line.

    With M the second derivatives at the key frames, h = j - i and b = 1 - a,
    s_t = a s_i + b s_j + ((a³ - a) M_i + (b³ - b) M_j) h² / 6, where M solves at each inner key frame,
    between i and j, (h_i M_i + 2 (h_i + h_j) M + h_j M_j) / 6 = (s_j - s) / h_j - (s - s_i) / h_i.
    """
    before, after = neighbours(mask)
    index = torch.arange(mask.shape[1], device=mask.device)
    gap = (after - before).double()
    a = ((after - index) / gap.clamp(min=1)).where(after > before, 1.0)
    pull = torch.zeros(*mask.shape, mask.shape[1], dtype=torch.float64, device=mask.device)
    pull.scatter_add_(2, before[..., None], ((a**3 - a) * gap**2 / 6)[..., None])
    pull.scatter_add_(2, after[..., None], (((1 - a) ** 3 - (1 - a)) * gap**2 / 6)[..., None])
    return (linear_weights(mask) + pull @ _second_derivatives(mask)).float()


def _second_derivatives(mask: KeyMask) -> Float[Tensor, "n t t"]:
    """The map from slots to the second derivatives at them, float64; 0 where there is no inner key frame."""
    num_frames = mask.shape[1]
    inner = mask.clone()
    inner[:, [0, -1]] = False
    index = torch.arange(num_frames, device=mask.device)
    earlier = neighbours(mask)[0].roll(1, dims=1)  # the key frame before, the frame itself left out
    later = neighbours(mask)[1].roll(-1, dims=1)
    left, right = ((index - earlier).double(), (later - index).double())
    system = torch.diag_embed((left + right).where(inner, 3.0) / 3)
    system.scatter_add_(2, earlier[..., None], (left / 6).where(inner, 0.0)[..., None])
    system.scatter_add_(2, later[..., None], (right / 6).where(inner, 0.0)[..., None])
    slopes = torch.diag_embed((-1 / left - 1 / right).where(inner, 0.0))
    slopes.scatter_add_(2, earlier[..., None], (1 / left).where(inner, 0.0)[..., None])
    slopes.scatter_add_(2, later[..., None], (1 / right).where(inner, 0.0)[..., None])
    solved: Tensor = torch.linalg.solve(system, slopes)
    return solved


WEIGHTS: Mapping[str, Callable[[KeyMask], Weights]] = {
    "linear": linear_weights,
    "cubic": cubic_weights,
}
"""Every interpolation by its name."""


def interpolate(frames: Videos, mask: KeyMask, kind: Interpolation = "linear") -> Videos:
    """Render key frames to videos.

    Args:
        frames: `[N, T, C, H, W]`; slots outside `mask` must be finite and have no influence.
        mask: `[N, T]`, true at key frames.
        kind: of interpolation.
    """
    return (WEIGHTS[kind](mask) @ frames.flatten(2)).view_as(frames)


def accumulate(gradient: Videos, mask: KeyMask, kind: Interpolation = "linear") -> Videos:
    """The gradient of each slot, from that of the rendered frames: the transpose of `interpolate`."""
    return (WEIGHTS[kind](mask).mT @ gradient.flatten(2)).view_as(gradient)
