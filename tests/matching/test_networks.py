"""Matching in other networks than ConvNet3D."""

from __future__ import annotations

import pytest
import torch

from vidcondense.compute import choose_compute
from vidcondense.condensation import CondenseOptions, Condenser, check_condense, condense
from vidcondense.errors import UsageError
from vidcondense.matching.distribution import DistributionMatcher, MatchOptions

FLOAT32 = choose_compute("cpu", "float32")

MODULE = """
import torch
from torch import nn

class Normalised(nn.Module):
    '''Batch normalisation and dropout: both must be off while matching.'''

    def __init__(self, num_classes, num_frames, size):
        super().__init__()
        self.features = nn.Sequential(nn.Conv3d(3, 4, 3), nn.BatchNorm3d(4), nn.ReLU(), nn.Dropout())
        self.classifier = nn.Linear(4, num_classes)

    def embed(self, videos):
        return self.features(videos.transpose(1, 2)).mean(dim=(2, 3, 4))

    def forward(self, videos):
        return self.classifier(self.embed(videos))

class Featureless(nn.Module):
    def __init__(self, num_classes, num_frames, size):
        super().__init__()
        self.network = Normalised(num_classes, num_frames, size)

    def forward(self, videos):
        return self.network(videos)
"""


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    (tmp_path / "own_matching.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize("model", ["own_matching:Normalised", "cnn-gru"])
def test_videos_do_not_influence_each_other(memory_clips, model):
    clips = memory_clips(per_class=3, num_frames=3, size=64)
    labels = torch.tensor([0, 1])
    matcher = DistributionMatcher(clips, labels, MatchOptions(model=model), seed=0, compute=FLOAT32)
    videos = torch.randn(2, *clips.shape, generator=torch.Generator().manual_seed(1)).requires_grad_()
    losses = matcher.loss(videos, 0)
    (gradient,) = torch.autograd.grad(losses[1], [videos])
    assert gradient[1].abs().sum() > 0
    assert not gradient[0].any()
    assert torch.equal(matcher.loss(videos, 0), losses)


@pytest.mark.parametrize("model", ["own_matching:Normalised", "cnn-gru", "cnn-lstm"])
def test_condensing_lowers_the_loss(memory_clips, tmp_path, model):
    clips = memory_clips(per_class=3, num_frames=3, size=64)
    options = CondenseOptions(iterations=3, lr=0.1, match=MatchOptions(real_batch=3, model=model))
    condenser = Condenser(clips, options, FLOAT32)

    def loss() -> float:
        return float(condenser.parts.matcher.loss(condenser.videos.render().detach(), 0).sum())

    before = loss()
    for _ in range(3):
        condenser.step()
    assert loss() < before
    made = condense(clips, tmp_path / "set", options, compute=FLOAT32)
    assert made.manifest["options"]["match"]["model"] == model


def test_network_without_features_is_refused_before_anything_starts(memory_clips, tmp_path):
    clips = memory_clips(num_frames=3, size=16)
    options = CondenseOptions(match=MatchOptions(model="own_matching:Featureless"))
    with pytest.raises(UsageError, match=r"own_matching:Featureless has no method embed\(videos\)"):
        check_condense(clips, options)
    with pytest.raises(UsageError, match="no method embed"):
        condense(clips, tmp_path / "set", options, compute=FLOAT32)
    assert not list(tmp_path.glob("set*"))
