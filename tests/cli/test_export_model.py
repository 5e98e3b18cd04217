from __future__ import annotations

import importlib.util
import json

import pytest
import torch

from vidcondense.compute import Compute
from vidcondense.edge.formats import ONNX_PACKAGES
from vidcondense.errors import UsageError
from vidcondense.models.saved import load_network
from vidcondense.storage.condensed import CondensedDataset, load_condensed
from vidcondense.training import predict
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions

FAST = ["--model", "convnet", "--steps", "3", "--precision", "float32"]
CPU = Compute(torch.device("cpu"), "float32")


@pytest.fixture
def network(run, condensed, tmp_path):
    out = tmp_path / "network"
    assert run("train", condensed, "--out", out, *FAST).code == 0
    return out


@pytest.fixture
def reading(toy, cache):
    return ["--data", toy, "--cache-dir", cache, "--workers", "0"]


def test_a_network_is_exported_and_compared(run, network, condensed, reading, toy, cache, tmp_path):
    command = ["export-model", network, "--to", "torch-export", "--runs", "2", "--out", tmp_path / "edge"]
    outcome = run(*command, "--set", condensed, *reading, "--json")
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    (model,) = told["models"]
    clip = ClipOptions(num_frames=8, stride=1, size=44)
    real = load_data(toy, DataOptions(workers=0, cache_dir=cache), clip)
    original, _ = load_network(network, CPU)
    logits = predict(original, real.test, compute=CPU)
    accuracy = float((logits.argmax(1) == real.test.labels).double().mean())
    assert model["agreement"]["original"] == model["agreement"]["exported"] == pytest.approx(accuracy)
    assert model["agreement"]["equal"] == 1
    assert model["bytes"] == (tmp_path / "edge" / "model.pt2").stat().st_size
    assert told["num_parameters"] == sum(each.numel() for each in original.parameters())
    assert run(*command).code == 4


def test_a_set_is_trained_on_first_and_all_formats_are_told(run, condensed, network, reading, tmp_path):
    """A network trained by `train` with the same options is the same one."""
    missing = [name for name in ONNX_PACKAGES if importlib.util.find_spec(name) is None]
    formats = ["torch-export"] if missing else ["torch-export", "onnx", "onnx-int8"]
    out = tmp_path / "edge"
    outcome = run("export-model", condensed, "--to", *formats, "--out", out, "--runs", "2", *FAST, *reading)
    assert outcome.code == 0, outcome.err
    assert "4 test clips" in outcome.out
    record = json.loads((out / "model.json").read_text())
    assert [file["to"] for file in record["files"]] == formats
    assert record["network"]["origin"]["condensed_sha256"] == load_condensed(condensed).manifest["sha256"]
    saved = json.loads((network / "network.json").read_text())
    assert record["network"]["origin"] == saved["origin"]
    if missing:
        pytest.skip(f"onnx is not tried: {', '.join(missing)} not installed")
    sizes = {file["to"]: file["bytes"] for file in record["files"]}
    assert sizes["onnx-int8"] < sizes["onnx"] / 3
    assert max(file["agreement"]["largest_difference"] for file in record["files"][:2]) < 1e-4


def test_only_what_calibrates_is_rendered(run, network, condensed, tmp_path, monkeypatch):
    rendered, clips = [], CondensedDataset.clips

    def watched(made, indices):
        rendered.append(list(indices))
        return clips(made, indices)

    def stop(*arguments, calibration, **named):
        raise UsageError(f"calibration {None if calibration is None else calibration.shape}")

    monkeypatch.setattr(CondensedDataset, "clips", watched)
    monkeypatch.setattr("vidcondense.cli.export_model.export_model", stop)
    monkeypatch.setattr("vidcondense.cli.export_model.check_formats", lambda *given, **named: None)
    monkeypatch.setattr("vidcondense.edge.quantise._MOST_CLIPS", 1)
    command = ["export-model", network, "--set", condensed, "--out", tmp_path / "edge", "--to"]
    assert "calibration None" in run(*command, "torch-export").line
    assert rendered == []
    assert "calibration (1, 8, 44, 44, 3)" in run(*command, "torch-export", "onnx-int8").line
    assert rendered == [[0]]


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["--to", "tflite"], 2, "unknown format 'tflite'"),
        (["--to", "torch-export", "--stride", "2"], 2, "says nothing without --data"),
    ],
)
def test_mistakes_are_told_in_one_line(run, network, tmp_path, more, code, words):
    outcome = run("export-model", network, "--out", tmp_path / "edge", *more)
    assert outcome.code == code
    assert words in outcome.line


def test_a_network_needs_its_own_set(run, network, condensed, toy, tmp_path, reading):
    command = ["export-model", network, "--to", "torch-export", "--out", tmp_path / "edge"]
    outcome = run(*command, *reading)
    assert outcome.code == 2
    assert "name it: --set" in outcome.line
    other = tmp_path / "other"
    assert run("recode", condensed, "--codec", "lzma", "--out", other).code == 0
    outcome = run(*command, "--set", other)
    assert outcome.code == 3
    assert "was not trained on" in outcome.line
    outcome = run(
        "export-model", condensed, "--to", "torch-export", "--out", tmp_path / "edge", "--set", other
    )
    assert outcome.code == 2
    assert "leave --set out" in outcome.line
