"""What holds for every network of the table."""

from __future__ import annotations

import importlib.util

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from marks import BFLOAT16
from vidcondense.compute import Compute
from vidcondense.errors import UsageError
from vidcondense.models import MODELS, build_network, check_features, check_size, initialise

CPU = Compute(torch.device("cpu"), "float32")
HUGE = "cnn-lstm-8192"
PARAMETERS = {
    "convnet3d": 3_647_666,
    "convnet3d-16": 234_578,
    "convnet": 1_553_970,
    "convnet-32": 333_234,
    "cnn-gru": 28_668_466,
    "cnn-lstm": 38_107_698,
    "cnn-lstm-8192": 537_645_618,
    "resnet3d-18": 33_230_450,
    "videomae-small": 21_899_186,
}
"""At 50 classes and 112×112."""


def needs(name: str) -> None:
    """Skip where the network's package is not installed."""
    if (extra := MODELS[name].extra) and importlib.util.find_spec(extra) is None:
        pytest.skip(f"{name} needs {extra}: pip install -e '.[{extra}]'")


def clips(num: int, num_frames: int, size: int) -> torch.Tensor:
    return torch.randn(num, num_frames, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", list(MODELS))
def test_parameters(name):
    needs(name)
    with FakeTensorMode():
        network = initialise(name, 50, 16, 112)
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[name]


def test_published_lstm_layer():
    """537 million: four gates, each from 8 192 features, 8 192 states and two biases."""
    with FakeTensorMode():
        layer = initialise(HUGE, 50, 16, 112).recurrent
    assert sum(p.numel() for p in layer.parameters()) == 4 * 8192 * (8192 + 8192 + 2) == 536_936_448


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize(("num_frames", "size"), [(8, 64), (16, 112)])
def test_shapes_and_gradient(name, num_frames, size):
    needs(name)
    if name == HUGE:  # shapes only: it would take gigabytes
        with FakeTensorMode():
            assert initialise(name, 5, num_frames, size)(clips(1, num_frames, size)).shape == (1, 5)
        return
    network = build_network(name, 5, num_frames, size, seed=0, compute=CPU).eval()
    videos = clips(1, num_frames, size).requires_grad_()
    logits, features = network(videos), network.embed(videos)
    assert logits.shape == (1, 5)
    assert features.shape[0] == 1
    assert features.ndim == 2
    (gradient,) = torch.autograd.grad(features.square().sum(), [videos], retain_graph=True)
    assert (gradient.abs().amax(dim=(2, 3, 4)) > 0).all()  # of every frame
    parameters = list(network.parameters())
    gradients = torch.autograd.grad(logits.square().sum(), parameters, allow_unused=True)
    assert all(part is not None and part.isfinite().all() for part in gradients)


@pytest.mark.parametrize("name", [name for name in MODELS if name != HUGE])
def test_smallest_size_works(name):
    needs(name)
    architecture = MODELS[name]
    num_frames, size = architecture.min_frames, architecture.min_size
    network = build_network(name, 2, num_frames, size, seed=0, compute=CPU)
    assert network(clips(1, num_frames, size)).shape == (1, 2)  # in training mode, one video
    assert network.eval().embed(clips(1, num_frames, size)).ndim == 2


@pytest.mark.parametrize("name", [name for name in MODELS if name != HUGE])
def test_in_evaluation_mode_a_video_is_treated_alone(name):
    needs(name)
    network = build_network(name, 2, 8, 64, seed=0, compute=CPU).eval()
    videos = clips(3, 8, 64)
    with torch.no_grad():
        together = network.embed(videos)
        alone = torch.cat([network.embed(video[None]) for video in videos])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", [name for name in MODELS if name != HUGE])
def test_weights_depend_on_the_seed_alone(name):
    needs(name)
    first, again, other = (
        build_network(name, 2, 8, 64, seed=seed, compute=CPU).state_dict() for seed in (3, 3, 4)
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", [name for name in MODELS if name != HUGE])
def test_bfloat16_is_close_to_float32(name):
    needs(name)
    network = build_network(name, 2, 8, 64, seed=0, compute=CPU).eval()
    with torch.no_grad():
        exact = network.embed(clips(1, 8, 64))
        with Compute(torch.device("cpu"), "bfloat16").autocast():
            rough = network.embed(clips(1, 8, 64))
    assert float((rough.float() - exact).norm() / exact.norm()) < 0.03


@BFLOAT16
@pytest.mark.parametrize("name", [name for name in MODELS if name != HUGE])
def test_gradients_in_bfloat16_are_those_of_float32(name):
    """Some kernels of some versions of torch hand out memory that nobody filled; here it holds NaN."""
    needs(name)

    def gradient(precision: str) -> torch.Tensor:
        compute = Compute(torch.device("cpu"), precision)
        network = build_network(name, 2, 8, 64, seed=0, compute=compute).eval()
        poison = [torch.full((1 << 18,), float("nan")) for _ in range(20)]
        del poison
        with compute.autocast():
            logits = network(clips(4, 8, 64))
        loss = torch.nn.functional.cross_entropy(logits.float(), torch.tensor([0, 1, 0, 1]))
        return torch.cat([each.flatten() for each in torch.autograd.grad(loss, list(network.parameters()))])

    exact = gradient("float32")
    for _ in range(2):
        assert float((gradient("bfloat16") - exact).norm() / exact.norm()) < 0.2


@pytest.mark.parametrize(
    ("name", "num_frames", "size", "message"),
    [
        ("cnn-gru", 8, 63, "--size 63: cnn-gru needs at least 64×64 pixels a clip"),
        ("cnn-lstm", 8, 48, "--size 48: cnn-lstm needs at least 64×64 pixels a clip"),
        ("resnet3d-18", 8, 32, "--size 32: resnet3d-18 needs at least 33×33 pixels a clip"),
        ("videomae-small", 1, 64, "--num-frames 1: videomae-small needs at least 2 frames a clip"),
        ("videomae-small", 9, 64, "--num-frames 9: videomae-small needs a multiple of 2"),
        ("videomae-small", 8, 72, "--size 72: videomae-small needs a multiple of 16"),
    ],
)
def test_bad_size_fails(name, num_frames, size, message):
    for check in (check_size, check_features):
        with pytest.raises(UsageError, match=f"^{message}$"):
            check(name, num_frames, size)
    with pytest.raises(UsageError, match=message):
        build_network(name, 2, num_frames, size, seed=0, compute=CPU)


@pytest.mark.parametrize("name", [name for name, entry in MODELS.items() if entry.extra])
def test_absent_package_fails(name, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    extra = MODELS[name].extra
    with pytest.raises(UsageError, match=rf"{name} needs the package {extra}.* 'vidcondense\[{extra}\]'"):
        check_size(name, 8, 64)


def test_table_tells_what_its_networks_are():
    for name, entry in MODELS.items():
        assert f"{PARAMETERS[name] / 1e6:.1f} million" in entry.summary
