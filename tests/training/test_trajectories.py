from __future__ import annotations

import dataclasses
import os

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from marks import fault
from vidcondense.errors import FormatError
from vidcondense.training.trajectories import ExpertRecord, Experts, expert_path, save_expert

RECORD = ExpertRecord(
    model="own:network",
    classes=("a", "b"),
    shape=(2, 3, 4, 4),
    mean=(0.1, 0.2, 0.3),
    std=(0.5, 0.5, 0.5),
    clips=(3, 4),
    options={"epochs": 2},
    data={},
    expert=0,
    losses=(1.5, 0.5),
    versions={"torch": "x"},
)


def trajectory(seed=0, epochs=2):
    stream = torch.Generator().manual_seed(seed)
    return {
        "weight": torch.randn(epochs + 1, 4, 3, generator=stream),
        "bias": torch.randn(epochs + 1, 4, generator=stream),
    }


@pytest.fixture
def folder(tmp_path):
    for number in range(2):
        record = dataclasses.replace(RECORD, expert=number, losses=(1.0, number / 7))
        save_expert(expert_path(tmp_path, number), trajectory(number), record)
    return tmp_path


def test_round_trip(folder):
    experts = Experts(folder)
    assert len(experts) == 2
    assert experts.records[1] == dataclasses.replace(RECORD, expert=1, losses=(1.0, 1 / 7))
    for number in range(2):
        for epoch in range(3):
            held = experts.weights(number, epoch)
            assert all(torch.equal(held[name], each[epoch]) for name, each in trajectory(number).items())
    experts.check_network(nn.Linear(3, 4))


def test_the_hash_is_of_these_experts(folder):
    before = Experts(folder).sha256
    assert Experts(folder).sha256 == before
    save_expert(
        expert_path(folder, 1), trajectory(1), dataclasses.replace(RECORD, expert=1, losses=(1.0, 0.2))
    )
    assert Experts(folder).sha256 != before


def test_an_empty_folder_says_how_to_make_experts(tmp_path):
    with pytest.raises(FormatError, match="vidcondense experts DATA --out"):
        Experts(tmp_path)
    with pytest.raises(FormatError, match="vidcondense experts DATA --out"):
        Experts(tmp_path / "nowhere")


def no_record(path):
    save_file(trajectory(), path)


def other_words(path):
    save_file(trajectory(), path, {"vidcondense-expert": "{}"})


def deep_words(path):
    save_file(trajectory(), path, {"vidcondense-expert": '{"options":' + "[" * 100_000})


def half(path):
    path.write_bytes(path.read_bytes()[:-8])


def a_pickle(path):
    torch.save(trajectory(), path)


def a_folder(path):
    path.unlink()
    path.mkdir()


def a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def a_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def a_hole(path):
    os.truncate(path, 10**12)


@fault("53h", "an expert that is a link, a named pipe, a folder, a hole, a pickle", "refused, at once")
@pytest.mark.parametrize(
    "damage", [no_record, other_words, deep_words, half, a_pickle, a_folder, a_pipe, a_link, a_hole]
)
def test_a_file_that_is_no_expert_is_refused_in_one_line(folder, damage):
    path = expert_path(folder, 1)
    damage(path)
    with pytest.raises(FormatError, match=r"expert-001.safetensors is no expert") as caught:
        Experts(folder)
    assert "\n" not in str(caught.value)


def test_experts_made_otherwise_do_not_mix(folder):
    record = dataclasses.replace(RECORD, options={"epochs": 2, "lr": 0.5})
    save_expert(expert_path(folder, 2), trajectory(2), record)
    with pytest.raises(FormatError, match=r"expert-002.* otherwise than expert-000.*options.lr: None → 0.5"):
        Experts(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weight": torch.zeros(3, 4, 2)}, r"weight: \[3, 4, 3\] → \[3, 4, 2\]"),
        ({"weight": torch.zeros(2, 4, 3)}, r"weight: \[3, 4, 3\] → \[2, 4, 3\]"),
        ({"weight": torch.zeros(3, 4, 3, dtype=torch.float16)}, r"weight: \[3, 4, 3\] → F16"),
        ({"more": torch.zeros(3)}, r"more: None → \[3\]"),
    ],
)
def test_tensors_must_be_those_of_the_network(folder, change, words):
    save_expert(expert_path(folder, 0), {**trajectory(), **change}, RECORD)
    with pytest.raises(FormatError, match=f"expert-000.*does not fit own:network: {words}"):
        Experts(folder).check_network(nn.Linear(3, 4))


def test_weights_that_are_not_finite_are_refused(folder):
    broken = trajectory()
    broken["bias"][1, 2] = float("nan")
    save_expert(expert_path(folder, 0), broken, RECORD)
    experts = Experts(folder)
    experts.weights(0, 0)
    with pytest.raises(FormatError, match=r"expert-000.*after epoch 1 are not finite"):
        experts.weights(0, 1)


@pytest.mark.parametrize("damage", [a_pipe, a_link])
def test_a_file_that_is_exchanged_later_is_refused_as_well(folder, damage):
    experts = Experts(folder)
    damage(expert_path(folder, 0))
    with pytest.raises(FormatError, match="no regular file"):
        experts.weights(0, 0)
    with pytest.raises(FormatError, match="no regular file"):
        experts.check_network(nn.Linear(3, 4))
