from __future__ import annotations

import numpy as np
import pytest
import representations
import torch
from scipy.fft import dct, dctn


def made(name, number=3):
    return representations.SHAPES[name](number, torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", representations.SHAPES)
def test_every_shape_ends_within_the_bytes_and_renders_videos(name):
    shape = made(name)
    gradients = torch.Generator().manual_seed(2)
    for iteration in range(representations.ITERATIONS):
        if iteration % 10 == 0 or name.endswith("in time"):
            shape.look(torch.randn(3, 8, 3, 48, 48, generator=gradients), iteration)
        shape.after_step()
    before = shape.render().detach()
    shape.quantise()
    after = shape.render().detach()
    assert after.shape == (3, 8, 3, 48, 48)
    assert 0 < (before - after).abs().max() < 0.1
    shared = 2 * sum(each.numel() for each in shape.shared)  # a share of three videos, not of 25
    assert 1400 < shape.bytes() - shared / 3 + shared / 25 <= 1540


def test_the_cosines_are_those_of_scipy():
    values = np.random.default_rng(0).normal(size=8)
    found = representations.dct_matrix(8).double().numpy() @ values
    assert np.allclose(found, dct(values, norm="ortho"), atol=1e-6)


@pytest.mark.parametrize(("name", "block"), [("frequencies of frames", 48), ("frequencies of blocks", 8)])
def test_what_frequencies_render_has_no_others(name, block):
    shape = made(name)
    frame = shape.render()[0, 0, 0].detach().double().numpy()
    found = dctn(frame[:block, :block], norm="ortho")
    assert (np.abs(found) > 1e-4).sum() == shape.values[0].shape[-1]


def test_four_that_agree_are_not_split_and_four_that_conflict_are():
    shape = made("refined in space", 1)
    gradient = torch.zeros(1, 4, 3, 16, 16)
    gradient[..., :8] = 1.0  # the left half agrees
    gradient[..., 8::2] = 1.0  # of every pixel in the right half the left and the right side conflict
    gradient[..., 9::2] = -1.0
    fine = shape.values[0].detach().clone().requires_grad_()
    rendered = representations.over_time(representations.enlarge(fine))
    # A gradient in the rendered videos whose pull-back has these signs.
    (pulled,) = torch.autograd.grad(
        (rendered * representations.over_time(representations.enlarge(gradient))).sum(), fine
    )
    assert torch.equal(pulled[..., 10:14].sign(), gradient[..., 10:14].sign())
    shape.look(representations.over_time(representations.enlarge(gradient)), representations.WINDOW.start)
    assert shape.split.any()
    assert not shape.split[..., :3].any()


def test_a_split_starts_at_its_coarse_value():
    shape = made("refined in space", 2)
    before = shape.render().detach()
    shape.split[:] = True
    assert torch.equal(shape.render().detach(), before)
