from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vidcondense.models import first_convolution
from vidcondense.models.first_convolution import FirstConvolution, input_gradient


def drawn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.fixture
def convolution() -> FirstConvolution:
    torch.manual_seed(0)
    return FirstConvolution(3, 5).double().requires_grad_(False)


@pytest.mark.parametrize("shape", [(1, 3, 1, 2, 2), (2, 3, 4, 6, 10), (1, 3, 3, 44, 64)])
def test_gradient_is_that_of_the_plain_convolution(shape):
    weight, videos = drawn(5, 3, 3, 7, 7, seed=1), drawn(*shape).requires_grad_()
    maps = F.conv3d(videos, weight, stride=(1, 2, 2), padding=(1, 3, 3))
    gradient = drawn(*maps.shape, seed=2)
    (wanted,) = torch.autograd.grad(maps, videos, gradient)
    torch.testing.assert_close(input_gradient(gradient, weight), wanted, rtol=1e-12, atol=1e-12)


def test_frozen_and_learning_weights_give_the_same(convolution):
    videos = drawn(2, 3, 4, 12, 16).requires_grad_()
    frozen = convolution(videos)
    (fast,) = torch.autograd.grad(frozen.square().sum(), videos)
    learning = convolution.requires_grad_(True)(videos)
    (plain,) = torch.autograd.grad(learning.square().sum(), videos)
    assert torch.equal(frozen, learning)
    torch.testing.assert_close(fast, plain, rtol=1e-12, atol=1e-12)


def test_gradient_of_the_gradient(convolution):
    videos = drawn(1, 3, 2, 4, 4).requires_grad_()
    assert torch.autograd.gradcheck(convolution, (videos,))
    assert torch.autograd.gradgradcheck(lambda each: convolution(each).square(), (videos,))


@pytest.mark.parametrize("size", [44, 45])
def test_every_size_has_the_maps_of_the_plain_convolution(convolution, size):
    plain = nn.Conv3d(3, 5, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3)).double()
    plain.load_state_dict(convolution.state_dict())
    videos = drawn(1, 3, 2, size, size).requires_grad_()
    assert torch.equal(convolution(videos), plain(videos))
    (ours,) = torch.autograd.grad(convolution(videos).square().sum(), videos)
    (theirs,) = torch.autograd.grad(plain(videos).square().sum(), videos)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_autocast_computes_in_bfloat16(convolution):
    convolution = convolution.float()
    videos = drawn(2, 3, 4, 16, 16, dtype=torch.float32).requires_grad_()
    (exact,) = torch.autograd.grad(convolution(videos).sum(), videos)
    with torch.autocast("cpu", torch.bfloat16):
        maps = convolution(videos)
    (rounded,) = torch.autograd.grad(maps.float().sum(), videos)
    assert (maps.dtype, rounded.dtype) == (torch.bfloat16, torch.float32)
    assert not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("autocast", [False, True])
def test_gradient_has_the_precision_of_the_forward_pass(convolution, autocast):
    convolution = convolution.float()
    videos = drawn(1, 3, 2, 8, 8, dtype=torch.float32).requires_grad_()
    (wanted,) = torch.autograd.grad(convolution(videos).square().sum(), videos)
    maps = convolution(videos)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        (found,) = torch.autograd.grad(maps.square().sum(), videos)
    assert torch.equal(found, wanted)
    with pytest.raises(RuntimeError, match="type"):
        convolution(videos.double())


def test_function_transforms(convolution):
    videos = drawn(3, 1, 3, 2, 4, 4)

    def loss(each: torch.Tensor) -> torch.Tensor:
        return convolution(each).square().sum()

    found = torch.func.vmap(torch.func.grad(loss))(videos)
    videos.requires_grad_()
    (wanted,) = torch.autograd.grad(convolution(videos.flatten(0, 1)).square().sum(), videos)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


def test_the_fast_gradient_is_for_frozen_weights_and_even_sides_alone(convolution, monkeypatch):
    used = []
    original = first_convolution.input_gradient
    monkeypatch.setattr(
        first_convolution, "input_gradient", lambda *given: (used.append(given), original(*given))[1]
    )

    def fast(size: int) -> bool:
        used.clear()
        convolution(drawn(1, 3, 1, size, size).requires_grad_()).sum().backward()
        return bool(used)

    assert fast(8)
    assert not fast(9)
    convolution.fast = False
    assert not fast(8)
    convolution.fast = True
    convolution.bias.requires_grad_(True)
    assert not fast(8)
    assert convolution.bias.grad is not None
    convolution.requires_grad_(True)
    assert not fast(8)
