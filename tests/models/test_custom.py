from __future__ import annotations

import pytest
import torch

from vidcondense.compute import Compute
from vidcondense.errors import UsageError
from vidcondense.models import build_network, check_features, check_size
from vidcondense.models.saved import NetworkDescription, load_network, save_network

CPU = Compute(torch.device("cpu"), "float32")

MODULE = """
import torch
from torch import nn

class Plain(nn.Module):
    def __init__(self, num_classes, num_frames, size):
        super().__init__()
        self.linear = nn.Linear(num_frames * 3 * size * size, num_classes)

    def forward(self, videos):
        return self.linear(videos.flatten(1))

class Embedding(Plain):
    def embed(self, videos):
        return videos.flatten(1)

class Flat(Plain):
    def embed(self, videos):
        return videos.flatten()

class Wrong(Plain):
    def forward(self, videos):
        return super().forward(videos)[:, :1]

def fixed(num_classes, num_frames, size):
    return Plain(num_classes, 4, 10)

def other_names(classes):
    return Plain(classes, 4, 8)

def nothing(num_classes, num_frames, size):
    return None

number = 3
"""


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    folder = tmp_path / "code" / "own_networks"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "nets.py").write_text(MODULE)
    (folder / "broken.py").write_text("import something_that_is_not_there")
    monkeypatch.syspath_prepend(str(tmp_path / "code"))


def test_is_what_the_factory_makes():
    name = "own_networks.nets:Embedding"
    check_features(name, 4, 8)
    first, again, other = (build_network(name, 3, 4, 8, seed=seed, compute=CPU) for seed in (1, 1, 2))
    assert first.training
    videos = torch.randn(2, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    (weight, bias) = first.parameters()
    assert torch.allclose(first(videos), videos.flatten(1) @ weight.T + bias)
    assert torch.equal(first.embed(videos), videos.flatten(1))
    assert torch.equal(first(videos), again(videos))
    assert not torch.equal(first(videos), other(videos))


def test_embed_is_optional_until_it_is_needed():
    name = "own_networks.nets:Plain"
    check_size(name, 4, 8)
    message = f"--model {name} has no method embed"
    with pytest.raises(UsageError, match=message):
        check_features(name, 4, 8)
    with pytest.raises(UsageError, match=message):
        build_network(name, 3, 4, 8, seed=0, compute=CPU).embed(torch.zeros(1, 4, 3, 8, 8))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("own_networks.nets:Absent", "own_networks.nets has no function or class 'Absent'"),
        ("own_networks.nets:number", "no function or class 'number'"),
        ("own_networks.nets:", "no function or class ''"),
        ("own_networks.absent:make", "PYTHONPATH.* failed: ModuleNotFoundError: No module named"),
        ("own_networks.broken:make", "No module named 'something_that_is_not_there'"),
        (":make", "import .* failed: ValueError"),
        ("own_networks.nets:other_names", "num_classes=3, .* failed: TypeError"),
        ("own_networks.nets:nothing", "returns NoneType; it must return a torch.nn.Module"),
        ("own_networks.nets:fixed", r"with videos of 4×3×8×8 \(T, C, H, W\) failed: RuntimeError"),
        ("own_networks.nets:Wrong", r"gives shape \(2, 1\) for 2 videos .* must return logits \[N, K\]"),
    ],
)
def test_broken_contract_is_one_line(name, message):
    with pytest.raises(UsageError, match=message) as caught:
        check_size(name, 4, 8)
    assert name in str(caught.value)


def test_wrong_features_fail():
    check_size("own_networks.nets:Flat", 4, 8)
    with pytest.raises(UsageError, match=r"embed of .* gives shape \(1536,\) .* features \[N, D\]"):
        check_features("own_networks.nets:Flat", 4, 8)


def test_unknown_name_mentions_the_form():
    with pytest.raises(UsageError, match=r"unknown model 'nets'.*; or package.module:factory\)"):
        check_size("nets", 8, 64)


def test_saved_network_runs_code_only_when_trusted(tmp_path):
    name = "own_networks.nets:Plain"
    network = build_network(name, 3, 4, 8, seed=0, compute=CPU)
    description = NetworkDescription(
        model=name,
        classes=("a", "b", "c"),
        num_frames=4,
        size=8,
        mean=(0.4, 0.5, 0.6),
        std=(0.2, 0.25, 0.3),
        origin={},
    )
    save_network(tmp_path / "network", network, description)
    with pytest.raises(UsageError, match=f"names {name}, code .* trust_code=True"):
        load_network(tmp_path / "network", CPU)
    loaded, _ = load_network(tmp_path / "network", CPU, trust_code=True)
    videos = torch.randn(2, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(loaded(videos), network(videos))
