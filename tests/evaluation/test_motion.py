from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from vidcondense import rng
from vidcondense.errors import DataError
from vidcondense.evaluation.motion import (
    Motion,
    key_frame_correlation,
    motion_of,
    order_accuracy,
    speed_over_time,
)
from vidcondense.evaluation.networks import NetworkOptions
from vidcondense.models import build_network
from vidcondense.training import TrainOptions, train

FRAMES, SIZE = 4, 40


def waves(dx: float, seed: int) -> np.ndarray:
    """A coloured texture moved by dx pixels, `[3, H, W]`, from 0 to 1."""
    stream = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    total = np.zeros((SIZE, SIZE))
    for _ in range(12):
        u, v = stream.uniform(-0.4, 0.4, 2)
        total += np.cos(u * (x - dx) + v * y + stream.uniform(0, 2 * np.pi))
    return (0.5 + total / 12)[None] * np.array([1.0, 0.8, 0.6])[:, None, None]


@pytest.fixture
def videos(make_clips):
    """A still video, one that moves 2 pixels a frame, and a cross-fade between two textures."""
    clips = make_clips(num=3, shape=(FRAMES, 3, SIZE, SIZE))
    still = np.stack([waves(0, 0)] * FRAMES)
    moving = np.stack([waves(2 * t, 1) for t in range(FRAMES)])
    ends = waves(0, 2), waves(0, 3)
    fade = np.stack([(1 - t / 3) * ends[0] + t / 3 * ends[1] for t in range(FRAMES)])
    clips.pixels = torch.from_numpy(np.stack([still, moving, fade])).float()[None]
    return clips


def test_energy_against_a_loop(videos):
    found = motion_of(videos).energy
    for index, video in enumerate(videos.pixels[0].double().numpy()):
        differences = [np.mean((video[t + 1] - video[t]) ** 2) for t in range(FRAMES - 1)]
        assert float(found[index]) == pytest.approx(np.mean(differences), rel=1e-4, abs=1e-9)


def test_flow_of_known_videos(videos):
    found = motion_of(videos)
    assert float(found.speed[0]) < 1e-2
    assert float(found.moving[0]) == 0
    assert float(found.speed[1]) == pytest.approx(2, abs=0.2)
    assert float(found.moving[1]) > 0.95


def test_speed_over_time_is_where_the_motion_is(videos):
    """The moving video, made to stand still after its second frame."""
    videos.pixels[0, 1, 2:] = videos.pixels[0, 1, 1]
    found = speed_over_time(videos, [1, 0])
    assert found[0].tolist() == pytest.approx([2, 0, 0], abs=0.3)
    assert found.mean(dim=1).tolist() == pytest.approx(motion_of(videos, [1, 0]).speed.tolist(), rel=1e-5)


def test_flow_explains_motion_but_not_a_fade(videos):
    moving, fade = motion_of(videos, [1]), motion_of(videos, [2])
    assert moving.explained > 0.9
    assert fade.explained < 0.7
    both = motion_of(videos, [1, 2]).explained
    assert fade.explained < both < moving.explained


def test_explained_is_a_share_of_sums():
    ones = torch.ones(2)
    change, rest = torch.tensor([3.0, 1.0]), torch.tensor([0.0, 1.0])
    parts = {"energy": ones, "speed": ones, "moving": ones}
    assert Motion(**parts, change=change, rest=rest).explained == pytest.approx(0.75)
    assert Motion(**parts, change=0 * ones, rest=0 * ones).explained is None


def test_figures_do_not_depend_on_normalisation_or_company(videos):
    whole = motion_of(videos)
    alone = [motion_of(videos, [index]) for index in range(3)]
    videos.mean, videos.std = torch.tensor([0.1, 0.9, 0.3]), torch.tensor([0.5, 0.1, 1.0])
    other = motion_of(videos)
    for name in ("energy", "speed"):
        together = getattr(whole, name)
        torch.testing.assert_close(
            torch.cat([getattr(each, name) for each in alone]), together, atol=1e-4, rtol=1e-3
        )
        torch.testing.assert_close(getattr(other, name), together, atol=1e-3, rtol=1e-3)


def test_correlation_of_key_frames_with_the_motion_of_the_class():
    real_labels = torch.tensor([0, 0, 1, 1, 2, 2])
    motion = torch.tensor([1.0, 3.0, 0.5, 0.7, 8.0, 10.0])  # class means 2, 0.6, 9
    labels = torch.tensor([0, 1, 2])
    assert key_frame_correlation([3, 2, 5], labels, motion, real_labels) == pytest.approx(1)
    assert key_frame_correlation([3, 5, 2], labels, motion, real_labels) == pytest.approx(-1)
    assert key_frame_correlation([2, 3, 5], labels, motion, real_labels) == pytest.approx(0.5)
    assert key_frame_correlation([4, 4, 4], labels, motion, real_labels) is None


@pytest.fixture
def ordering(make_clips):
    """Clips whose class is when they are bright: a linear network of all pixels sees the order of frames."""

    def make(num: int, seed: int):
        clips = make_clips(num=num, seed=seed)
        clips.pixels = 0.4 + 0.05 * torch.randn(
            clips.pixels.shape, generator=torch.Generator().manual_seed(seed)
        )
        clips.labels = clips.labels % 2
        clips.pixels[0, torch.arange(num), clips.labels] += 0.3
        return clips

    return make


def test_order_of_frames_decides(ordering, cpu, tiny):
    """Class 0 is bright, then dark; class 1 the other way round: backwards every clip is the other class."""
    clips, test = ordering(12, 0), ordering(40, 1)
    options = NetworkOptions(model=tiny, repeats=2, training=TrainOptions(steps=60, lr=0.05))
    found = order_accuracy(clips, clips, test, options, compute=cpu)
    assert found.num_train == 12
    for index, measured in enumerate(found.networks):
        assert np.mean(measured["ordered"]) == 1
        assert np.mean(measured["reversed"]) == 0
        swapped = [
            torch.randperm(2, generator=rng.generator(0, "frames", clip)).tolist() == [1, 0]
            for clip in range(40)
        ]
        assert list(measured["shuffled"]) == [float(not each) for each in swapped]
        assert 0.2 < np.mean(swapped) < 0.8
        assert found.seeds[index] == rng.derive_seed(0, "repeat", index)


def test_networks_are_those_of_an_ordinary_training(make_clips, cpu, tiny):
    clips, test = make_clips(num=6), make_clips(num=20, seed=1, noise=0.5)
    options = NetworkOptions(model=tiny, repeats=1, training=TrainOptions(steps=5))
    found = order_accuracy(clips, clips, test, options, compute=cpu)
    (seed,) = found.seeds
    network = build_network(tiny, 3, 2, 4, seed=rng.derive_seed(seed, "network"), compute=cpu)
    train(network, clips, options.training, seed=seed, compute=cpu)
    with torch.no_grad():
        logits = network.eval()(test.batch(range(20)))
    assert list(found.networks[0]["ordered"]) == (logits.argmax(1) == test.labels).float().tolist()


def test_divergence_measures_nothing(ordering, cpu, tiny):
    clips = ordering(6, 0)
    options = NetworkOptions(model=tiny, repeats=1, training=TrainOptions(steps=60, lr=1e30))
    assert order_accuracy(clips, clips, clips, options, compute=cpu).networks == ({},)


def test_other_classes_fail(make_clips, cpu, tiny):
    clips, other = make_clips(), make_clips()
    other.classes = ("a", "b", "c")
    options = dataclasses.replace(NetworkOptions(), model=tiny)
    with pytest.raises(DataError, match="take all from one dataset"):
        order_accuracy(clips, other, clips, options, compute=cpu)
