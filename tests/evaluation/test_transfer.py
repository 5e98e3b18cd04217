from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from vidcondense import rng
from vidcondense.errors import DataError, UsageError
from vidcondense.evaluation.probe import linear_probe
from vidcondense.evaluation.transfer import TransferOptions, transfer
from vidcondense.models import build_network
from vidcondense.selection.random import select_random
from vidcondense.training import TrainOptions, predict, train

TRAINING = TrainOptions(steps=6, lr=0.02)


@pytest.fixture
def options(tiny) -> TransferOptions:
    return TransferOptions(model=tiny, repeats=2, shots=(1, 2), training=TRAINING)


@pytest.fixture
def data(make_clips):
    """A set, real clips to train on, and test clips; noisy enough to be confused now and then."""
    return make_clips(num=6), make_clips(num=15, seed=1, noise=0.5), make_clips(num=30, seed=2, noise=0.5)


class Few:
    def __init__(self, clips, indices):
        self.labels, self.classes = clips.labels[indices], clips.classes
        self.mean, self.std = clips.mean, clips.std
        self._videos = clips.batch(indices)

    def batch(self, indices):
        return self._videos[torch.as_tensor(indices)]

    def __len__(self):
        return len(self._videos)


def right(network, test, compute):
    return tuple((predict(network, test, compute=compute).argmax(dim=1) == test.labels).float().tolist())


def test_each_measurement_by_hand(data, options, cpu):
    """The features of the linear network are the normalised pixels, whatever it was trained on."""
    clips, real, test = data
    found = transfer(clips, real, test, options, compute=cpu)
    assert (found.num_train, found.groups) == (6, test.groups)
    gallery, query = real.batch(range(15)).flatten(1), test.batch(range(30)).flatten(1)
    cosines = torch.nn.functional.cosine_similarity(query[:, None], gallery[None], dim=2)
    near = real.labels[cosines.sort(dim=1, descending=True).indices]
    probe = linear_probe(gallery, real.labels, query, num_classes=3, decay=1e-3)
    for index, measured in enumerate(found.networks):
        assert list(measured) == ["R@1", "R@5", "R@10", "probe", "1-shot", "2-shot"]
        for rank in (1, 5, 10):
            expected = (near[:, :rank] == test.labels[:, None]).any(dim=1).float().tolist()
            assert list(measured[f"R@{rank}"]) == expected
        assert list(measured["probe"]) == (probe.argmax(dim=1) == test.labels).float().tolist()
        seed = rng.derive_seed(options.seed, "repeat", index)
        assert found.seeds[index] == seed
        for shots in (1, 2):
            network = build_network(
                options.model, 3, 2, 4, seed=rng.derive_seed(seed, "network"), compute=cpu
            )
            train(network, clips, TRAINING, seed=seed, compute=cpu)
            few = Few(real, select_random(real, shots, rng.derive_seed(seed, "shots")))
            assert len(few) == 3 * shots
            train(network, few, TRAINING, seed=seed, compute=cpu)
            assert measured[f"{shots}-shot"] == right(network, test, cpu)
    assert 0 < np.mean(found.networks[0]["R@1"]) < np.mean(found.networks[0]["R@10"])


def test_untrained_network_is_a_training_from_scratch(data, options, cpu):
    _, real, test = data
    found = transfer(None, real, test, options, compute=cpu)
    assert found.num_train == 0
    seed = rng.derive_seed(options.seed, "repeat", 1)
    network = build_network(options.model, 3, 2, 4, seed=rng.derive_seed(seed, "network"), compute=cpu)
    few = Few(real, select_random(real, 2, rng.derive_seed(seed, "shots")))
    train(network, few, TRAINING, seed=seed, compute=cpu)
    assert found.networks[1]["2-shot"] == right(network, test, cpu)


def test_clips_are_normalised_as_the_set_was(data, options, cpu):
    clips, real, test = data
    expected = transfer(clips, real, test, options, compute=cpu)
    for each in (real, test):
        each.mean, each.std = torch.tensor([0.1, 0.9, 0.3]), torch.tensor([0.5, 0.1, 1.0])
    assert transfer(clips, real, test, options, compute=cpu) == expected


def test_of_several_clips_a_video_the_middle_one_counts(data, options, cpu):
    clips, real, test = data
    expected = transfer(clips, real, test, options, compute=cpu)
    for each in (real, test):
        each.pixels = torch.cat([0 * each.pixels, each.pixels, 1 + 0 * each.pixels])
        each.num_views = 3
    assert transfer(clips, real, test, options, compute=cpu) == expected


def test_few_training_clips_leave_high_ranks_out(data, options, make_clips, cpu):
    clips, _, test = data
    found = transfer(clips, make_clips(num=7, seed=1), test, options, compute=cpu)
    assert list(found.networks[0]) == ["R@1", "R@5", "probe", "1-shot", "2-shot"]


def test_divergence_measures_nothing(data, options, cpu):
    clips, real, test = data
    clips.pixels = clips.pixels * 1e36
    events = []
    found = transfer(clips, real, test, options, compute=cpu, listener=events.append)
    assert found.networks == ({}, {})
    assert [event["kind"] for event in events] == ["diverged", "diverged"]


def test_divergence_on_few_clips_leaves_the_rest(data, options, cpu):
    _, real, test = data
    exploding = dataclasses.replace(options, training=TrainOptions(steps=60, lr=1e30))
    found = transfer(None, real, test, exploding, compute=cpu)
    assert list(found.networks[0]) == ["R@1", "R@5", "R@10", "probe"]


def test_features_that_are_not_finite_measure_nothing(data, options, cpu):
    _, real, test = data
    test.pixels = test.pixels * float("inf")
    assert transfer(None, real, test, options, compute=cpu).networks == ({}, {})


def test_events_tell_the_repeat(data, options, cpu):
    events = []
    transfer(*data, options, compute=cpu, listener=events.append)
    kinds = [(event["kind"], event["repeat"]) for event in events]
    assert kinds == [*[("train", 0)] * 6, *[("train", 1)] * 6]  # of the set, not of few clips


def test_more_shots_than_clips_fails(data, options, cpu):
    more = dataclasses.replace(options, shots=(1, 6))
    with pytest.raises(DataError, match="class 'class 0' has 5 training clips, 6 are needed"):
        transfer(*data, more, compute=cpu)


def test_other_classes_or_shapes_fail(data, options, make_clips, cpu):
    clips, real, test = data
    with pytest.raises(DataError, match=r"are \(2, 3, 6, 6\) .* real clips \(2, 3, 4, 4\)"):
        transfer(make_clips(shape=(2, 3, 6, 6)), real, test, options, compute=cpu)
    clips.classes = ("a", "b", "c")
    with pytest.raises(DataError, match="take all from one dataset"):
        transfer(clips, real, test, options, compute=cpu)


@pytest.mark.parametrize(
    "bad", [{"repeats": 0}, {"seed": -1}, {"shots": (1, 0)}, {"probe_decay": 0.0}, {"probe_decay": np.inf}]
)
def test_options_out_of_range_fail(bad):
    with pytest.raises(UsageError):
        TransferOptions(**bad)
