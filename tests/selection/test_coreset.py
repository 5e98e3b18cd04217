from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from vidcondense.compute import choose_compute
from vidcondense.selection.coreset import herding, k_center, select_by
from vidcondense.selection.features import clips_seen, feature_networks, features_of
from vidcondense.selection.options import SelectOptions

FLOAT32 = choose_compute("cpu", "float32")


def points(seed, count=9, dimension=3):
    return torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("seed", range(5))
def test_herding_against_trying_every_clip_at_every_step(seed):
    features = points(seed).numpy()
    chosen = []
    for _ in range(5):
        free = [index for index in range(len(features)) if index not in chosen]
        chosen.append(
            min(free, key=lambda i: np.linalg.norm(features.mean(0) - features[[*chosen, i]].mean(0)))
        )
    assert herding(points(seed), 5).tolist() == chosen


@pytest.mark.parametrize("seed", range(5))
def test_k_center_against_trying_every_clip_at_every_step(seed):
    features = points(seed).numpy()
    distance = np.linalg.norm(features[:, None] - features[None], axis=-1)
    chosen = [int(np.linalg.norm(features - features.mean(0), axis=1).argmin())]
    while len(chosen) < 5:
        free = [index for index in range(len(features)) if index not in chosen]
        chosen.append(max(free, key=lambda i: min(distance[i, c] for c in chosen)))
    assert k_center(points(seed), 5).tolist() == chosen


@pytest.mark.parametrize("seed", range(5))
def test_k_center_is_at_most_twice_as_far_as_the_best_of_all_choices(seed):
    features = points(seed).numpy()
    distance = np.linalg.norm(features[:, None] - features[None], axis=-1)

    def radius(centres):
        return distance[:, list(centres)].min(axis=1).max()

    best = min(radius(centres) for centres in itertools.combinations(range(len(features)), 3))
    assert radius(k_center(points(seed), 3).tolist()) <= 2 * best + 1e-12


@pytest.mark.parametrize("rule", [herding, k_center])
def test_choices_are_nested_and_all_clips_can_be_chosen_even_copies(rule):
    features = points(0)
    assert all(rule(features, n).equal(rule(features, 9)[:n]) for n in range(1, 9))
    assert sorted(rule(torch.ones(4, 2, dtype=torch.float64), 4).tolist()) == [0, 1, 2, 3]


@pytest.mark.parametrize("rule", [herding, k_center])
def test_every_class_gives_as_many_clips_of_its_own(memory_clips, rule):
    clips = memory_clips(num_classes=2, per_class=5)
    options = SelectOptions(feature_networks=2)
    networks = feature_networks(clips, "convnet3d", options, seed=0, compute=FLOAT32)
    chosen = select_by(rule, clips, 3, networks, FLOAT32)
    assert clips.labels[chosen].tolist() == [0, 0, 0, 1, 1, 1]
    own = features_of(networks, clips, clips.indices_of(1), FLOAT32).double()
    assert chosen[3:].equal(clips.indices_of(1)[rule(own, 3)])


def test_joined_features_measure_the_sum_of_squared_distances(memory_clips):
    clips = memory_clips(per_class=3)
    networks = feature_networks(clips, "convnet3d", SelectOptions(), seed=0, compute=FLOAT32)
    assert len(networks) == 4
    joined = features_of(networks, clips, torch.tensor([0, 4]), FLOAT32)
    with torch.no_grad():
        own = [network.embed(clips.batch([0, 4])) for network in networks]
    expected = sum(float((one[0] - one[1]).square().sum()) for one in own)
    assert float((joined[0] - joined[1]).square().sum()) == pytest.approx(expected, rel=1e-5)
    assert len({float(one.sum()) for one in own}) == 4


def test_trained_features_come_from_a_network_that_knows_the_clips(memory_clips):
    clips = memory_clips(num_classes=2, per_class=6)
    options = SelectOptions(features="trained", feature_steps=40)
    (network,) = feature_networks(clips, "convnet3d-16", options, seed=0, compute=FLOAT32)
    with torch.no_grad():
        right = network(clips.batch(torch.arange(12))).argmax(dim=1) == clips.labels
    assert right.all()
    assert clips_seen(clips, options) == 40 * 12 + 12
