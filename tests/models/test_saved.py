from __future__ import annotations

import json

import pytest
import torch

from vidcondense.compute import Compute
from vidcondense.errors import FormatError, OutputError
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
    with pytest.raises(FormatError, match=f"cannot read .*{name}"):
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


@pytest.mark.parametrize("text", ["", "[1]", "[" * 100_000, "{"])
def test_description_that_is_no_json_fails(saved, text):
    (saved / DESCRIPTION).write_text(text)
    with pytest.raises(FormatError):
        load_network(saved, CPU)
