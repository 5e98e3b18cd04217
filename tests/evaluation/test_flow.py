from __future__ import annotations

import numpy as np
import pytest
import torch

from vidcondense.evaluation.flow import optical_flow, warp

SIZE = 64


def texture(dx: float, dy: float, seed: int = 0, size: int = SIZE) -> torch.Tensor:
    """A sum of waves, each with its phase moved by (dx, dy): an exact translation, 0 to 1, `[1, H, W]`."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size].astype(float)
    total = np.zeros((size, size))
    for _ in range(12):
        u, v = rng.uniform(-0.45, 0.45, 2)
        total += np.cos(u * (x - dx) + v * (y - dy) + rng.uniform(0, 2 * np.pi))
    return torch.from_numpy(0.5 + total / 12).float()[None]


def inside(flow: torch.Tensor, margin: int = 10) -> torch.Tensor:
    return flow[..., margin:-margin, margin:-margin]


@pytest.mark.parametrize(("dx", "dy"), [(0.3, -0.7), (1.5, 0.0), (-2.0, 3.0), (5.0, 4.0), (-7.5, 2.25)])
@pytest.mark.parametrize("size", [64, 112])
def test_known_translation(dx, dy, size):
    flow = inside(optical_flow(texture(0, 0, size=size), texture(dx, dy, size=size)))
    error = (flow - torch.tensor([dx, dy]).view(1, 2, 1, 1)).norm(dim=1)
    assert float(error.mean()) < 0.15
    assert float(error.median()) < 0.05


def test_pictures_of_a_batch_do_not_mix():
    still, moving = texture(0, 0), texture(2, 1)
    together = optical_flow(torch.cat([still, still]), torch.cat([still, moving]))
    torch.testing.assert_close(together[1:], optical_flow(still, moving), atol=1e-4, rtol=1e-4)
    assert float(together[0].abs().max()) < 1e-3


def test_rotation_has_the_flow_of_a_rotation():
    """About the middle by a small angle: (-y, x) times it."""
    angle = 0.04
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    rng = np.random.default_rng(1)
    waves = [(*rng.uniform(-0.4, 0.4, 2), rng.uniform(0, 6)) for _ in range(12)]

    def picture(xs: np.ndarray, ys: np.ndarray) -> torch.Tensor:
        total = sum(np.cos(u * xs + v * ys + phase) for u, v, phase in waves)
        return torch.from_numpy(0.5 + total / 12).float()[None]

    back_x, back_y = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    flow = optical_flow(picture(x, y), picture(back_x, back_y))
    expected = torch.from_numpy(np.stack([-y, x])).float()[None] * angle
    assert float(inside(flow - expected).norm(dim=1).mean()) < 0.1


def test_flat_pictures_do_not_move():
    first, second = torch.full((1, SIZE, SIZE), 0.3), torch.full((1, SIZE, SIZE), 0.6)
    assert not optical_flow(first, second).any()


def test_only_what_moves_moves():
    first = texture(0, 0)
    second = first.clone()
    second[..., 32:] = texture(3, 0)[..., 32:]
    flow = optical_flow(first, second)
    assert float(flow[0, :, 16:48, 8:20].abs().mean()) < 0.1
    assert float((flow[0, 0, 16:48, 44:56] - 3).abs().mean()) < 0.2


def test_warp_by_whole_pixels_is_a_shift():
    picture = texture(0, 0)
    flow = torch.zeros(1, 2, SIZE, SIZE)
    flow[:, 0], flow[:, 1] = 3, -2
    moved = warp(picture, flow)
    torch.testing.assert_close(moved[:, 2:, :-3], picture[:, :-2, 3:], atol=1e-5, rtol=0)
    torch.testing.assert_close(moved[:, 5, -1], picture[:, 3, -1], atol=1e-5, rtol=0)  # the border goes on


@pytest.mark.parametrize("size", [(4, 4), (17, 40), (33, 50)])
def test_odd_sizes(size):
    first, second = (torch.rand(2, *size, generator=torch.Generator().manual_seed(n)) for n in (0, 1))
    flow = optical_flow(first, second)
    assert flow.shape == (2, 2, *size)
    assert flow.isfinite().all()
