from __future__ import annotations

import torch

from vidcondense.compute import choose_compute
from vidcondense.models import build_network

FLOAT32 = choose_compute("cpu", "float32")


def network_for(num_classes=50, num_frames=1, size=112):
    return build_network("convnet", num_classes, num_frames=num_frames, size=size, seed=0, compute=FLOAT32)


def test_features_and_parameters_are_those_of_the_papers():
    network = network_for()
    assert network.embed(torch.randn(2, 1, 3, 112, 112)).shape == (2, 128 * 14 * 14)
    convolutions = 3 * 128 * 9 + 128 + 2 * (128 * 128 * 9 + 128)
    norms, classifier = 3 * 2 * 128, 25_088 * 50 + 50
    assert sum(parameter.numel() for parameter in network.parameters()) == convolutions + norms + classifier


def test_it_is_blind_to_the_order_of_frames_and_to_repetition():
    network = network_for(num_classes=3, num_frames=4, size=16)
    videos = torch.randn(2, 4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    logits = network(videos)
    assert logits.shape == (2, 3)
    torch.testing.assert_close(network(videos.flip(1)), logits)
    torch.testing.assert_close(network(videos.repeat(1, 2, 1, 1, 1)), logits)
    frames = torch.stack([network(videos[:, t : t + 1]) for t in range(4)])
    torch.testing.assert_close(frames.mean(dim=0), logits)


def test_smallest_picture_and_gradient():
    videos = torch.randn(2, 1, 3, 8, 8, requires_grad=True)
    network_for(num_classes=3, size=8)(videos).sum().backward()
    assert videos.grad.abs().sum() > 0
