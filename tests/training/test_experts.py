from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from vidcondense import rng
from vidcondense.compute import choose_compute
from vidcondense.errors import LimitError, OutputError, UsageError
from vidcondense.models import build_network
from vidcondense.training import TrainOptions, train
from vidcondense.training.experts import ExpertOptions, train_experts
from vidcondense.training.trajectories import expert_path, read_record

FLOAT32 = choose_compute("cpu", "float32")


@pytest.fixture
def clips(memory_clips):
    return memory_clips(per_class=3, num_frames=2, size=16)


@pytest.fixture
def make(clips, tmp_path):
    """Train tiny experts into a folder."""

    def make(out="experts", **options):
        given = {key: options.pop(key) for key in ("data", "listener") if key in options}
        made = ExpertOptions(**{"experts": 2, "epochs": 3, "batch_size": 4, "model": "convnet"} | options)
        return train_experts(clips, tmp_path / out, made, compute=FLOAT32, **given)

    return make


def test_an_expert_is_what_a_training_of_so_many_epochs_gives(make, clips):
    experts = make(lr=0.02)
    seed = rng.derive_seed(0, "expert", 1)
    for epochs in range(4):
        network = build_network(
            "convnet", 2, num_frames=2, size=16, seed=rng.derive_seed(seed, "network"), compute=FLOAT32
        )
        if epochs:
            options = TrainOptions(
                epochs=epochs, batch_size=4, lr=0.02, schedule="constant", warmup=0.0, augment=False
            )
            train(network, clips, options, seed=seed, compute=FLOAT32)
        held = experts.weights(1, epochs)
        assert held.keys() == dict(network.named_parameters()).keys()
        for name, parameter in network.named_parameters():
            assert torch.equal(held[name], parameter), (name, epochs)


def test_the_record_says_all(make, clips):
    experts = make(data={"layout": "x"}, experts=1)
    record = experts.record
    assert (record.model, record.classes, record.shape) == ("convnet", clips.classes, clips.shape)
    assert record.mean == tuple(clips.mean.tolist())
    assert record.clips == (3, 3)
    assert record.data == {"layout": "x"}
    assert record.options["batch_size"] == 4
    assert record.epochs == 3
    assert record.versions["precision"] == "float32"


def test_experts_differ_and_all_epochs_are_told(make):
    seen = []
    experts = make(listener=seen.append)
    one, other = (experts.weights(number, 0)["classifier.weight"] for number in (0, 1))
    assert not torch.equal(one, other)
    assert [(event["expert"], event["done"], event["total"]) for event in seen] == [
        (expert, 3 * expert + epoch, 6) for expert in (0, 1) for epoch in (1, 2, 3)
    ]
    losses = [loss for record in experts.records for loss in record.losses]
    assert [event["loss"] for event in seen] == losses
    assert losses[2] < losses[0]


def test_what_is_there_is_kept_and_what_is_missing_comes_alike(make, tmp_path):
    first = make()
    before = [path.read_bytes() for path in first.paths]
    times = first.paths[0].stat().st_mtime_ns
    first.paths[1].unlink()
    seen = []
    again = make(listener=seen.append)
    assert [path.read_bytes() for path in again.paths] == before
    assert {event["expert"] for event in seen} == {1}
    assert again.paths[0].stat().st_mtime_ns == times
    assert len(make(experts=3)) == 3
    assert sorted(path.name for path in (tmp_path / "experts").iterdir()) == [
        f"expert-00{number}.safetensors" for number in range(3)
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lr": 0.5}, "options.lr: 0.01 → 0.5"),
        ({"epochs": 2}, "options.epochs: 3 → 2"),
        ({"seed": 1}, "options.seed: 0 → 1"),
        ({"model": "cnn-gru"}, "model: convnet → cnn-gru"),
        ({"data": {"stride": 2}}, "data.stride: None → 2"),
    ],
)
def test_experts_made_otherwise_are_refused(make, change, words):
    make(experts=1)
    with pytest.raises(OutputError, match=words):
        make(experts=1, **change)


HOLD = """
import sys
from pathlib import Path
from vidcondense.files import locked
with locked(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_an_expert_of_another_process_is_left_to_it_and_taken_over_when_that_dies(make, tmp_path):
    folder = tmp_path / "experts"
    folder.mkdir()
    command = [sys.executable, "-c", HOLD, str(folder / ".expert-000.lock")]
    seen = []

    def listen(event):
        seen.append((event["kind"], event["expert"]))
        if event["kind"] == "wait":
            assert expert_path(folder, 1).exists()
            assert not expert_path(folder, 0).exists()
            other.kill()

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        experts = make(listener=listen, epochs=1)
    assert len(experts) == 2
    assert seen == [("epoch", 1), ("wait", 0), ("epoch", 0)]


def test_divergence_is_one_line_and_leaves_no_expert(make, tmp_path):
    with pytest.raises(LimitError, match=r"expert 0 diverged in epoch \d of 3 \(--lr 1e\+30\)"):
        make(lr=1e30)
    assert list((tmp_path / "experts").iterdir()) == []


MODULE = """
from torch import nn

class Normalised(nn.Module):
    def __init__(self, num_classes, num_frames, size):
        super().__init__()
        self.features = nn.Sequential(nn.Conv3d(3, 4, 3), nn.BatchNorm3d(4), nn.ReLU())
        self.classifier = nn.Linear(4, num_classes)

    def forward(self, videos):
        return self.classifier(self.features(videos.transpose(1, 2)).mean(dim=(2, 3, 4)))
"""


def test_batch_normalisation_is_refused(make, tmp_path, monkeypatch):
    (tmp_path / "own_normalised.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match="own_normalised:Normalised has batch normalisation"):
        make(model="own_normalised:Normalised")


@pytest.mark.parametrize(
    "bad", [{"experts": 0}, {"experts": 1001}, {"epochs": 0}, {"lr": 0.0}, {"momentum": 1.0}, {"seed": -1}]
)
def test_options_out_of_range_fail(bad):
    (name,) = bad
    with pytest.raises(UsageError, match=f"--{name} "):
        ExpertOptions(**bad)


def test_files_hold_float32_by_name(make):
    experts = make(experts=1)
    tensors = load_file(experts.paths[0])
    network = build_network("convnet", 2, num_frames=2, size=16, seed=0, compute=FLOAT32)
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == {
        name: (4, *parameter.shape) for name, parameter in network.named_parameters()
    }
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    assert read_record(experts.paths[0]).expert == 0
