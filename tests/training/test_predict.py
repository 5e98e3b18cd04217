from __future__ import annotations

import pytest
import torch

from vidcondense.errors import UsageError
from vidcondense.models import VideoNetwork
from vidcondense.training import embed, predict
from vidcondense.training.units import standardise


@pytest.mark.parametrize("batch_size", [1, 4, 64])
@pytest.mark.parametrize("views", [(0,), (1,), (0, 2), (0, 1, 2)])
def test_is_the_mean_of_one_by_one(make_clips, make_network, cpu, views, batch_size):
    clips, network = make_clips(num=10, num_views=3), make_network()
    logits = predict(network, clips, compute=cpu, batch_size=batch_size, views=views)
    assert logits.dtype == torch.float32
    for video in range(10):
        single = [network(clips.views[view, video : video + 1])[0] for view in views]
        assert torch.allclose(logits[video], sum(single) / len(views), atol=1e-6)


def test_prepare_sees_batches(make_clips, make_network, cpu):
    clips, network = make_clips(num=5), make_network()
    logits = predict(network, clips, compute=cpu, batch_size=3, prepare=standardise)
    parts = [network(standardise(clips.views[0, :3])), network(standardise(clips.views[0, 3:]))]
    assert torch.allclose(logits, torch.cat(parts), atol=1e-6)


class Doubled(VideoNetwork):
    """Its features are its input twice over; dropout shows the mode it is in."""

    def __init__(self):
        super().__init__()
        self.dropout = torch.nn.Dropout()

    def embed(self, videos):
        return 2 * self.dropout(videos.flatten(1))

    def forward(self, videos):
        return self.embed(videos)[:, :3]


@pytest.mark.parametrize("training", [False, True])
def test_features_are_those_of_every_clip(make_clips, cpu, training):
    clips, network = make_clips(num=7), Doubled().train(training)
    found = embed(network, clips, compute=cpu, batch_size=3, prepare=lambda videos: videos + 1)
    assert torch.equal(found, 2 * (clips.views[0] + 1).flatten(1))
    assert network.training is training


@pytest.mark.parametrize("training", [False, True])
def test_evaluation_mode_for_the_time_being(make_clips, make_network, cpu, training):
    clips, network = make_clips(), make_network(dropout=0.5).train(training)
    logits = predict(network, clips, compute=cpu)
    assert network.training is training
    assert torch.equal(logits, predict(network, clips, compute=cpu))
    assert not logits.requires_grad


def test_mode_comes_back_after_an_error(make_clips, make_network, cpu):
    network = make_network()
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        predict(network, make_clips(), compute=cpu, prepare=lambda videos: videos[:, :1])
    assert network.training


@pytest.mark.parametrize("view", [-1, 2])
def test_absent_view_fails(make_clips, make_network, cpu, view):
    with pytest.raises(UsageError, match=f"clip {view} of each video: there are 2; choose from 0 to 1"):
        predict(make_network(), make_clips(num_views=2), compute=cpu, views=[0, view])
