from __future__ import annotations

import pytest
import torch

from vidcondense.compute import choose_compute
from vidcondense.errors import UsageError
from vidcondense.speed.clock import timed
from vidcondense.speed.flops import clip_flops, matrix_peak

COMPUTE = choose_compute("cpu", "float32")

LAYERS = [  # values of the output, weights behind each: ConvNet3D on 16×112×112
    (64 * 16 * 56 * 56, 3 * 3 * 7 * 7),
    (128 * 16 * 14 * 14, 64 * 3 * 7 * 7),
    (128 * 8 * 4 * 4, 128 * 3 * 7 * 7),
]


def test_flops_of_convnet3d_are_those_of_its_layers():
    found = clip_flops("convnet3d", num_classes=50, num_frames=16, size=112)
    forward = sum(2 * values * weights for values, weights in LAYERS)
    assert found.forward == forward
    assert found.synthetic == 2 * forward, "the gradient in the pixels costs as much as the features"
    first = 2 * LAYERS[0][0] * LAYERS[0][1]  # its input needs no gradient in training
    classifier = 2 * 50 * 128 * 3  # three times, of which one works on features that need their gradient
    assert found.training == 3 * forward - first + 3 * classifier


def test_unknown_network_fails():
    with pytest.raises(UsageError, match="unknown model"):
        clip_flops("convnet4d", num_classes=2, num_frames=8, size=64)


def test_matrix_peak_is_what_a_product_of_ones_own_takes(monkeypatch):
    monkeypatch.setattr("vidcondense.speed.flops._SIDES", {"cpu": 256})
    peak = matrix_peak(torch.float32, COMPUTE, 0.05)
    left = torch.ones(256, 256)
    own = timed(lambda call: left @ left, 0.05, COMPUTE)
    assert peak == pytest.approx(2 * 256**3 * own.rate, rel=10)  # the machine may be busy
    assert peak > 1e7


def test_the_first_call_is_not_on_the_clock():
    calls = []
    found = timed(calls.append, 0.0, COMPUTE)
    assert calls == [0, 1]
    assert found.calls == 1
    assert found.rate == 1 / found.seconds
