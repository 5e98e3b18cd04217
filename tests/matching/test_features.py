from __future__ import annotations

import pytest
import torch

from vidcondense.compute import choose_compute
from vidcondense.matching.features import real_features, synthetic_features
from vidcondense.models.random import random_network

FLOAT32 = choose_compute("cpu", "float32")


def frozen_network(clips):
    network = random_network("convnet3d", clips.shape, 2, seed=0, number=0, compute=FLOAT32)
    return network.requires_grad_(False)


def test_chunks_keep_no_activations_but_their_own(memory_clips):
    """What autograd holds on to between the forward and the backward pass, in bytes."""
    clips = memory_clips(num_frames=32)
    network, held = frozen_network(clips), {}
    for chunk in (1, 6):
        videos = torch.randn(6, *clips.shape).requires_grad_()
        seen = {}

        def pack(tensor, seen=seen):
            seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            features = synthetic_features(lambda part, numbers: network.embed(part), videos, chunk, FLOAT32)
        held[chunk] = sum(seen.values())
        assert features.requires_grad
    weights = sum(parameter.nbytes for parameter in network.parameters())
    assert held[1] <= videos.nbytes + weights
    assert held[6] > 3 * (videos.nbytes + weights)


@pytest.mark.parametrize("chunk", [1, 3, 64])
def test_real_features_are_those_of_one_clip_after_the_other(memory_clips, chunk):
    clips = memory_clips()
    network, indices = frozen_network(clips), torch.tensor([7, 0, 3, 9])
    found = real_features(network, clips.batch, indices, chunk, FLOAT32)
    expected = torch.cat([network.embed(clips.batch([index])) for index in indices.tolist()])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert not found.requires_grad
