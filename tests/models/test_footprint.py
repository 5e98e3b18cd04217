from __future__ import annotations

import pytest
import torch

from vidcondense.compute import Compute
from vidcondense.errors import UsageError
from vidcondense.models import MODELS, Architecture, VideoNetwork
from vidcondense.models.footprint import Footprint, footprint

CLIPS = {"num_classes": 5, "num_frames": 8, "size": 64, "batch_size": 4}


def compute(precision: str = "float32") -> Compute:
    return Compute(torch.device("cpu"), precision)


class Squares(VideoNetwork):
    """One weight a class, and one tensor as large as the videos kept for the backward pass."""

    def __init__(self, num_classes: int, num_frames: int, size: int) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(num_classes))

    def embed(self, videos):
        return videos.flatten(1)

    def forward(self, videos):
        return (self.scale[0] * videos).flatten(1).sum(dim=1, keepdim=True) + self.scale


def test_of_a_network_counted_by_hand(monkeypatch):
    entry = Architecture(summary="test", build=Squares, min_frames=1, min_size=1)
    monkeypatch.setitem(MODELS, "squares", entry)
    found = footprint("squares", **CLIPS, compute=compute())
    assert found.parameters == 5
    assert found.activation_bytes == 4 * 8 * 3 * 64 * 64 * 4
    assert found.training_bytes == 3 * 4 * 5 + found.activation_bytes


def test_of_the_first_block_of_convnet3d():
    """At least the videos and the output of every block before and after its pooling; not twice as much."""
    found = footprint("convnet3d", **CLIPS, compute=compute())
    numbers = 4 * (
        8 * 3 * 64 * 64  # videos
        + 8 * 64 * 32 * 32 + 8 * 64 * 16 * 16  # after convolution and ReLU in place, after pooling
        + 8 * 128 * 8 * 8 + 4 * 128 * 4 * 4
        + 4 * 128 * 2 * 2 + 2 * 128 * 1 * 1
    )  # fmt: skip
    assert 4 * numbers < found.activation_bytes < 2 * 4 * numbers


def test_grows_with_the_batch_and_shrinks_with_the_precision():
    small = footprint("cnn-gru", **CLIPS, compute=compute())
    large = footprint("cnn-gru", **{**CLIPS, "batch_size": 8}, compute=compute())
    half = footprint("cnn-gru", **CLIPS, compute=compute("bfloat16"))
    assert large.activation_bytes == pytest.approx(2 * small.activation_bytes, rel=0.01)
    assert large.parameters == small.parameters
    assert half.activation_bytes < 0.8 * small.activation_bytes


def test_of_what_does_not_fit():
    """Gigabytes that are never allocated."""
    found = footprint("cnn-lstm-8192", **{**CLIPS, "batch_size": 10_000}, compute=compute())
    assert found.training_bytes > 3 * 4 * 537e6 + 10_000 * 8 * 128 * 64 * 64 * 4


def test_global_random_state_is_untouched():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    footprint("convnet3d", **CLIPS, compute=compute())
    assert torch.equal(torch.rand(3), expected)


def test_own_network_that_cannot_be_followed(tmp_path, monkeypatch):
    (tmp_path / "looks_at_values.py").write_text(
        "import torch\n"
        "class Network(torch.nn.Linear):\n"
        "    def __init__(self, num_classes, num_frames, size):\n"
        "        super().__init__(3, num_classes)\n"
        "    def forward(self, videos):\n"
        "        assert float(videos.sum()) == 0\n"
        "        return super().forward(videos.mean(dim=(1, 3, 4)))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = footprint("looks_at_values:Network", **CLIPS, compute=compute())
    assert found == Footprint(parameters=3 * 5 + 5, activation_bytes=None)
    assert found.training_bytes == 3 * 4 * 20


def test_bad_size_fails():
    with pytest.raises(UsageError, match="--size 60: cnn-gru needs at least"):
        footprint("cnn-gru", **{**CLIPS, "size": 60}, compute=compute())
