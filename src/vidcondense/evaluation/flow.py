"""Optical flow: where each pixel of a picture has gone in the next one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Pictures = Float[Tensor, "p h w"]
"""Grey pictures, about 0 to 1."""

Flow = Float[Tensor, "p 2 h w"]
"""Displacements in pixels, rightwards and downwards."""

_COARSEST = 16  # pixels of the smallest picture of the pyramid
_ROUNDS = 5  # of refinement at each size
_WINDOW = 7  # side of the square whose pixels are taken to move together
_FLAT = 1e-4  # mean squared slope at which a window half trusts what it sees: noise of 0.01 a pixel


@torch.no_grad()
def optical_flow(first: Pictures, second: Pictures) -> Flow:
    """The flow u with second(x + u) ≈ first(x), by Lucas and Kanade's method from coarse to fine.

    In each window the step minimises Σ (slope · step + second − first)², damped where there is no slope: what
    is flat does not move. Displacements up to about an eighth of the side are found.

    Source: Lucas and Kanade, "An Iterative Image Registration Technique" (1981); the pyramid as in Bouguet's
    description (2000).

    Args:
        first: pictures.
        second: the picture after each, of the same size.
    """
    pyramid = [(first, second)]
    while min(pyramid[-1][0].shape[1:]) >= 2 * _COARSEST:
        pyramid.append((_halve(pyramid[-1][0]), _halve(pyramid[-1][1])))
    flow = first.new_zeros(len(first), 2, *pyramid[-1][0].shape[1:])
    for before, after in reversed(pyramid):
        flow = _enlarge(flow, before.shape[1], before.shape[2])
        for _ in range(_ROUNDS):
            flow = flow + _step(before, warp(after, flow))
            # Unless neighbours agree, each pixel is next compared with one that was moved otherwise.
            flow = torch.stack([_window(flow[:, 0]), _window(flow[:, 1])], dim=1)
    return flow


def warp(pictures: Pictures, flow: Flow) -> Pictures:
    """`pictures` at x + u, bilinearly; beyond the border the border goes on."""
    height, width = pictures.shape[1:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    at = torch.stack([x, y]).to(flow) + flow
    scale = torch.tensor([max(width - 1, 1), max(height - 1, 1)]).to(flow)
    grid = 2 * at.permute(0, 2, 3, 1) / scale - 1
    moved: Tensor = F.grid_sample(pictures[:, None], grid, padding_mode="border", align_corners=True)
    return moved[:, 0]


def _step(first: Pictures, second: Pictures) -> Flow:
    """The least-squares step of every window, at most a pixel."""
    across, down = _slopes((first + second) / 2)
    change = second - first
    xx, yy, xy = _window(across * across) + _FLAT, _window(down * down) + _FLAT, _window(across * down)
    xt, yt = _window(across * change), _window(down * change)
    determinant = xx * yy - xy * xy
    step = torch.stack([xy * yt - yy * xt, xy * xt - xx * yt], dim=1) / determinant[:, None]
    return step.clamp(-1, 1)


def _slopes(pictures: Pictures) -> tuple[Pictures, Pictures]:
    """Central differences, rightwards and downwards; one-sided at the border."""
    down, across = torch.gradient(pictures, dim=(1, 2))
    return across, down


def _window(values: Pictures) -> Pictures:
    """The mean of the square around every pixel, as far as it lies inside."""
    means: Tensor = F.avg_pool2d(
        values[:, None], _WINDOW, stride=1, padding=_WINDOW // 2, count_include_pad=False
    )
    return means[:, 0]


def _halve(pictures: Pictures) -> Float[Tensor, "p y x"]:
    return F.avg_pool2d(pictures[:, None], 2)[:, 0]


def _enlarge(flow: Flow, height: int, width: int) -> Float[Tensor, "p 2 y x"]:
    """The flow of a larger picture: more pixels, and longer in the same measure."""
    longer = torch.tensor([width / flow.shape[3], height / flow.shape[2]]).to(flow)[:, None, None]
    return F.interpolate(flow, size=(height, width), mode="bilinear", align_corners=False) * longer
