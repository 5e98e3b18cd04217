from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from marks import fault
from vidcondense.compute import Compute
from vidcondense.errors import FormatError, OutputError
from vidcondense.files import sha256_of_file
from vidcondense.models import build_network
from vidcondense.models.saved import (
    DESCRIPTION,
    WEIGHTS,
    NetworkDescription,
    load_network,
    save_network,
)

CPU = Compute(torch.device("cpu"), "float32")
WHAT = NetworkDescription(
    model="convnet3d",
    classes=("a", "b", "c"),
    num_frames=8,
    size=44,
    mean=(0.4, 0.5, 0.6),
    std=(0.2, 0.25, 0.3),
    origin={"seed": 7},
)


@pytest.fixture(scope="module")
def network():
    return build_network("convnet3d", num_classes=3, num_frames=8, size=44, seed=1, compute=CPU)


@pytest.fixture
def saved(network, tmp_path):
    save_network(tmp_path / "network", network, WHAT)
    return tmp_path / "network"


def test_round_trip(network, saved):
    loaded, description = load_network(saved, CPU)
    assert description == WHAT
    assert not loaded.training
    for (name, old), (other, new) in zip(
        network.state_dict().items(), loaded.state_dict().items(), strict=True
    ):
        assert name == other
        assert torch.equal(old, new)
    videos = torch.randn(2, 8, 3, 44, 44, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(network.eval()(videos), loaded(videos))


def test_nothing_else_is_left(saved):
    assert sorted(path.name for path in saved.parent.iterdir()) == ["network"]
    assert sorted(path.name for path in saved.iterdir()) == [DESCRIPTION, WEIGHTS]


def test_existing_folder_is_kept_unless_overwrite(network, saved, tmp_path):
    before = (saved / DESCRIPTION).read_bytes()
    with pytest.raises(OutputError, match="use --overwrite"):
        save_network(saved, network, WHAT)
    assert (saved / DESCRIPTION).read_bytes() == before
    (tmp_path / "thesis").mkdir()
    with pytest.raises(OutputError, match="no saved network"):
        save_network(tmp_path / "thesis", network, WHAT, overwrite=True)
    save_network(saved, network, WHAT, overwrite=True)


def test_flipped_bit_is_noticed(saved):
    content = bytearray((saved / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (saved / WEIGHTS).write_bytes(content)
    with pytest.raises(FormatError, match="sha256"):
        load_network(saved, CPU)


@pytest.mark.parametrize("name", [DESCRIPTION, WEIGHTS])
def test_missing_file_fails(saved, name):
    (saved / name).unlink()
    with pytest.raises(FormatError, match=f"(holds no network: no|cannot read) .*{name}"):
        load_network(saved, CPU)


def change(saved, **changes):
    path = saved / DESCRIPTION
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "other"}, "no network of vidcondense"),
        ({"format_version": 2}, "upgrade"),
        ({"classes": "abc"}, "'classes'"),
        ({"classes": []}, "'classes'"),
        ({"size": 44.5}, "'size'"),
        ({"num_frames": True}, "'num_frames'"),
        ({"mean": [1, "2"]}, "'mean'"),
        ({"model": 3}, "'model'"),
        ({"origin": []}, "'origin'"),
        ({"classes": ["a", "b"]}, "does not fit convnet3d"),
    ],
)
def test_wrong_description_fails(saved, changes, words):
    change(saved, **changes)
    with pytest.raises(FormatError, match=words):
        load_network(saved, CPU)


def no_room(*arguments, **options):
    raise AssertionError("nothing may be built before it is known to fit")


@fault(
    "50s",
    "a network that its weights do not fit, of 65 536 classes",
    "refused before it is built",
)
@pytest.mark.parametrize(
    "changes", [{"classes": [str(number) for number in range(2**16)]}, {"model": "cnn-lstm-8192", "size": 64}]
)
def test_a_network_is_not_built_before_it_fits(saved, monkeypatch, changes):
    change(saved, **changes)
    monkeypatch.setattr("vidcondense.models.saved.build_network", no_room)
    with pytest.raises(FormatError, match="does not fit"):
        load_network(saved, CPU)


@fault("50t", "weights of another type, such as float8", "refused by name")
@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.float64, torch.complex64])
def test_weights_of_another_type(saved, kind):
    weights = {name: values.to(kind) for name, values in load_file(saved / WEIGHTS).items()}
    save_file(weights, saved / WEIGHTS)
    change(saved, sha256=sha256_of_file(saved / WEIGHTS))
    with pytest.raises(FormatError, match=r"weights.*does not fit convnet3d"):
        load_network(saved, CPU)


def test_weights_of_any_network_of_ours_fit(tmp_path):
    for model in ("convnet", "cnn-gru"):
        made = build_network(model, num_classes=3, num_frames=8, size=64, seed=1, compute=CPU)
        save_network(tmp_path / model, made, dataclasses.replace(WHAT, model=model, size=64))
        assert load_network(tmp_path / model, CPU)[1].model == model


@pytest.mark.parametrize("text", ["", "[1]", "[" * 100_000, "{"])
def test_description_that_is_no_json_fails(saved, text):
    (saved / DESCRIPTION).write_text(text)
    with pytest.raises(FormatError):
        load_network(saved, CPU)
