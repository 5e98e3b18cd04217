from __future__ import annotations

import json
import types

import numpy as np
import pytest
import torch
from torch import nn

from vidcondense.edge.check import agreement
from vidcondense.edge.export import EdgeOptions, export_model
from vidcondense.edge.formats import FORMATS, ONNX_PACKAGES
from vidcondense.edge.student import Student
from vidcondense.errors import OutputError, UsageError
from vidcondense.models import VideoNetwork
from vidcondense.models.saved import NetworkDescription

DESCRIPTION = NetworkDescription(
    model="tiny",
    classes=("a", "b", "c"),
    num_frames=4,
    size=8,
    mean=(0.4, 0.5, 0.6),
    std=(0.2, 0.25, 0.3),
    origin={},
)
QUICK = EdgeOptions(runs=2)


class Tiny(VideoNetwork):
    """A 3-D convolution, so that int8 is tried on what video networks are made of."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv3d(3, 6, 3)
        self.classifier = nn.Linear(6, 3)

    def embed(self, videos):
        return self.convolution(videos.permute(0, 2, 1, 3, 4)).relu().amax(dim=(2, 3, 4))

    def forward(self, videos):
        return self.classifier(self.embed(videos))


class Branching(Tiny):
    def forward(self, videos):
        return super().forward(videos) * (1 if videos.mean() > 0 else 2)


class Clips:
    """What is asked of test clips."""

    def __init__(self, num_clips=12):
        self.pixels = np.random.default_rng(0).integers(0, 256, (num_clips, 4, 8, 8, 3), dtype=np.uint8)
        self.labels = torch.arange(num_clips) % 3

    def __len__(self):
        return len(self.labels)

    def clips8(self, indices):
        return torch.from_numpy(self.pixels[indices]).permute(0, 1, 4, 2, 3)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Tiny()


@pytest.fixture
def clips():
    return Clips()


def by_hand(network, pixels):
    """Normalised as the description says, with NumPy."""
    units = (pixels.astype(np.float64) / 255 - DESCRIPTION.mean) / DESCRIPTION.std
    videos = torch.from_numpy(units).float().permute(0, 1, 4, 2, 3)
    with torch.no_grad():
        return network.eval()(videos).numpy()


def needs_onnx():
    for package in ONNX_PACKAGES:
        pytest.importorskip(package, reason=f"{package} is not installed: pip install 'vidcondense[onnx]'")


def test_the_normalisation_is_inside(network):
    pixels = Clips().pixels
    student = Student(network, DESCRIPTION)
    with torch.no_grad():
        found = np.stack([student(torch.from_numpy(clip)).numpy() for clip in pixels])
    np.testing.assert_allclose(found, by_hand(network, pixels), atol=1e-5)
    assert student.num_parameters == 3 * 6 * 27 + 6 + 6 * 3 + 3


@pytest.mark.parametrize("to", ["torch-export", "onnx"])
def test_a_file_says_what_the_network_says(network, tmp_path, to):
    if to == "onnx":
        needs_onnx()
    exported = export_model(network, DESCRIPTION, tmp_path / "edge", [to], QUICK)
    ask = FORMATS[to].open(tmp_path / "edge" / FORMATS[to].file)
    pixels = Clips().pixels
    found = np.stack([ask(clip) for clip in pixels])
    np.testing.assert_allclose(found, by_hand(network, pixels), atol=1e-5)
    record = json.loads((tmp_path / "edge" / "model.json").read_text())
    assert record["input"]["shape"] == [4, 8, 8, 3]
    assert record["network"]["classes"] == ["a", "b", "c"]
    assert record["files"][0]["bytes"] == (tmp_path / "edge" / FORMATS[to].file).stat().st_size
    assert exported.models[0].latency > 0
    assert exported.models[0].agreement is None


def test_int8_is_smaller_in_kind_and_close(network, tmp_path):
    needs_onnx()
    pixels = Clips().pixels
    exported = export_model(network, DESCRIPTION, tmp_path / "edge", ["onnx-int8"], QUICK, calibration=pixels)
    (model,) = exported.models
    assert model.int8["Conv"] == 1
    assert model.floats == {}
    found = np.stack([FORMATS["onnx-int8"].open(tmp_path / "edge" / model.file)(clip) for clip in pixels])
    wanted = by_hand(network, pixels)
    assert 0 < np.abs(found - wanted).max() < 0.1 * wanted.std() + 0.05
    assert sorted(path.name for path in (tmp_path / "edge").iterdir()) == ["model.int8.onnx", "model.json"]


def test_test_clips_are_compared(network, clips, tmp_path):
    exported = export_model(network, DESCRIPTION, tmp_path / "edge", ["torch-export"], QUICK, test=clips)
    found = exported.models[0].agreement
    right = (by_hand(network, clips.pixels).argmax(1) == clips.labels.numpy()).mean()
    assert found.original == found.exported == pytest.approx(right)
    assert (found.clips, found.equal) == (12, 1.0)
    assert found.largest_difference < 1e-5


def test_agreement_counts():
    original = np.array([[2.0, 1, 0], [0, 5, 1], [0, 0, 1]], np.float32)
    other = np.array([[1.0, 2, 0], [0, 5, 1], [0, 0, 4]], np.float32)
    found = agreement(original, other, np.array([0, 1, 1]))
    assert (found.original, found.exported, found.equal) == pytest.approx((2 / 3, 1 / 3, 2 / 3))
    assert found.largest_difference == 3


def test_what_cannot_be_followed_is_told_and_leaves_nothing(tmp_path):
    with pytest.raises(UsageError, match=r"torch\.export cannot follow this network") as error:
        export_model(Branching(), DESCRIPTION, tmp_path / "edge", ["torch-export"], QUICK)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_formats_that_cannot_be_made_are_refused(network, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "vidcondense.extras.importlib.util", types.SimpleNamespace(find_spec=lambda package: None)
    )
    with pytest.raises(UsageError, match=r"needs the package onnx.*'vidcondense\[onnx\]'"):
        export_model(network, DESCRIPTION, tmp_path / "edge", ["onnx"], QUICK)
    monkeypatch.setattr(
        "vidcondense.extras.importlib.util", types.SimpleNamespace(find_spec=lambda package: package)
    )
    with pytest.raises(UsageError, match=r"onnx-int8 measures ranges .* --set"):
        export_model(network, DESCRIPTION, tmp_path / "edge", ["onnx-int8"], QUICK)
    with pytest.raises(UsageError, match="unknown format 'tflite'"):
        export_model(network, DESCRIPTION, tmp_path / "edge", ["tflite"], QUICK)
    with pytest.raises(UsageError, match="--runs 0"):
        EdgeOptions(runs=0)


def test_another_folder_is_left_alone(network, tmp_path):
    (tmp_path / "edge").mkdir()
    with pytest.raises(OutputError, match="exists"):
        export_model(network, DESCRIPTION, tmp_path / "edge", ["torch-export"], QUICK)
    with pytest.raises(OutputError, match="no exported model"):
        export_model(network, DESCRIPTION, tmp_path / "edge", ["torch-export"], QUICK, overwrite=True)
