from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vidcondense.models import ConvNet3D


def videos(num: int, num_frames: int, size: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(num, num_frames, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def network() -> ConvNet3D:
    torch.manual_seed(0)
    return ConvNet3D(num_classes=50).eval()


@pytest.mark.parametrize(
    ("num_frames", "size", "features"),
    [(16, 112, 2048), (16, 64, 512), (8, 64, 256), (8, 44, 256), (9, 50, 256), (8, 96, 256), (8, 172, 2304)],
)
def test_shapes(network, num_frames, size, features):
    clips = videos(1, num_frames, size)
    with torch.no_grad():
        assert network.embed(clips).shape == (1, features)
        assert network(clips).shape == (1, 50)


def test_parameters_layer_by_layer(network):
    counted = {name: parameter.numel() for name, parameter in network.named_parameters()}
    taps = 3 * 7 * 7
    assert list(counted.values()) == [
        *(3 * 64 * taps, 64),
        *(64 * 128 * taps, 128),
        *(128 * 128 * taps, 128),
        *(128 * 50, 50),
    ]
    assert sum(counted.values()) == 3_647_666


def reference(network: ConvNet3D, clips: torch.Tensor, average: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The published layers, one by one, in float64, and the published average: 2 above 64 pixels, 1 at 64."""
    weights = [parameter.double() for parameter in network.parameters()]
    maps = torch.stack([clip.transpose(0, 1) for clip in clips]).double()
    for layer, pool in enumerate([(1, 2, 2), (2, 2, 2), (2, 2, 2)]):
        padded = F.pad(maps, (3, 3, 3, 3, 1, 1))
        maps = F.conv3d(padded, weights[2 * layer], weights[2 * layer + 1], stride=(1, 2, 2))
        maps = F.max_pool3d(maps.clamp_min(0), pool)
    pooled = F.avg_pool3d(maps, (2, average, average), stride=1)
    scores = torch.einsum("ndthw,kd->nkthw", pooled, weights[6][:, :, 0, 0, 0])
    scores = scores.squeeze(4).squeeze(3) + weights[7][:, None]
    return maps.reshape(len(clips), -1), scores.max(dim=2).values


@pytest.mark.parametrize(("num_frames", "size", "average"), [(16, 112, 2), (8, 64, 1)])
def test_forward_is_the_published_network(network, num_frames, size, average):
    clips = videos(2, num_frames, size)
    features, logits = reference(network, clips, average)
    with torch.no_grad():
        np.testing.assert_allclose(network.embed(clips), features.detach(), atol=1e-5)
        np.testing.assert_allclose(network(clips), logits.detach(), atol=1e-5)


def test_memory_layout_of_the_input_does_not_matter(network):
    clips = videos(2, 8, 44)
    frames_last = clips.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    assert frames_last.stride() != clips.stride()
    with torch.no_grad():
        assert torch.equal(network(clips), network(frames_last))


def test_runs_in_channels_last(network, monkeypatch):
    seen = []
    convolution = network.features[0]
    original = convolution.forward
    monkeypatch.setattr(convolution, "forward", lambda x: (seen.append(x), original(x))[1])
    with torch.no_grad():
        network.embed(videos(2, 8, 44))
    assert seen[0].is_contiguous(memory_format=torch.channels_last_3d)


def test_gradient_of_every_frame(network):
    clips = videos(2, 8, 64).requires_grad_()
    (gradient,) = torch.autograd.grad(network.embed(clips).sum(), clips)
    assert gradient.shape == clips.shape
    assert (gradient.abs().amax(dim=(2, 3, 4)) > 0).all()


def test_gradient_against_finite_differences(network):
    exact = ConvNet3D(num_classes=3).double().eval()
    clips = videos(1, 8, 44).double()
    direction = videos(1, 8, 44, seed=1).double()

    def loss(at: float) -> torch.Tensor:
        return exact(clips + at * direction).square().sum()

    at = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss(at), at)
    step = 1e-6
    with torch.no_grad():
        measured = (loss(step) - loss(-step)) / (2 * step)
    assert float(slope) == pytest.approx(float(measured), rel=1e-4)


def test_dropout_only_in_training(network):
    clips = videos(2, 8, 44)
    with torch.no_grad():
        assert torch.equal(network(clips), network(clips))
        network.train()
        different = network(clips), network(clips)
        embedded = network.embed(clips), network.embed(clips)
        network.eval()
    assert not torch.equal(*different)
    assert torch.equal(*embedded)
