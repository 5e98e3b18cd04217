from __future__ import annotations

import pytest

from vidcondense.errors import UsageError
from vidcondense.evaluation import EvaluateOptions
from vidcondense.training import TrainOptions
from vidcondense.video.sampling import ClipOptions


def test_strict_is_the_default():
    options = EvaluateOptions()
    assert options.protocol == "strict"
    assert options.training == TrainOptions()
    assert (options.repeats, options.num_clips, options.points_of(500)) == (3, 1, ())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "protocol strict, 500 steps of augmented clips at learning rate 0.03"),
        ({"protocol": "paper"}, "protocol paper, 500 epochs at learning rate 0.01"),
        (
            {"steps": 20, "lr": 0.003, "augment": False},
            "protocol strict, 20 steps at learning rate 0.003",
        ),
        (
            {"clips": 3, "top": 5, "augment": False},
            "protocol strict, 500 steps at learning rate 0.03, 3 test clips a video, top 5",
        ),
    ],
)
def test_what_differs_is_told(options, told):
    assert EvaluateOptions(**options).told == told


def test_paper_is_the_fields():
    options = EvaluateOptions(protocol="paper")
    training = options.training
    assert (training.epochs, training.batch_size, training.lr, training.schedule) == (500, 256, 0.01, "step")
    assert (training.momentum, training.weight_decay, training.warmup, training.clip_norm) == (
        0.9,
        5e-4,
        0.0,
        None,
    )
    assert not training.augment
    assert not EvaluateOptions(protocol="paper", augment=True).augment
    assert options.num_clips == 3
    assert options.points_of(500) == (100, 200, 300, 400)


def test_overrides():
    assert EvaluateOptions(steps=7).training == TrainOptions(steps=7)
    assert EvaluateOptions(epochs=2, lr=0.1).training == TrainOptions(epochs=2, lr=0.1)
    short = EvaluateOptions(protocol="paper", steps=7, points=3)
    assert short.training.num_steps(1000) == 7
    assert short.points_of(7) == (2, 5)
    assert EvaluateOptions(protocol="paper", points=1).points_of(500) == ()
    assert EvaluateOptions(protocol="paper", points=9).points_of(3) == (1, 2)


@pytest.mark.parametrize(
    ("clips", "available", "expected"), [(None, 1, [0]), (1, 3, [1]), (3, 3, [0, 1, 2]), (3, 5, [1, 2, 3])]
)
def test_strict_takes_the_middle(clips, available, expected):
    assert list(EvaluateOptions(clips=clips).views_of(available)) == expected


def test_centred_clips_are_the_same_for_all_seeds():
    clip = ClipOptions(num_frames=8)
    first, second = (EvaluateOptions(seed=seed).test_clips(clip) for seed in (1, 2))
    assert first == second == clip
    paper = EvaluateOptions(protocol="paper", seed=3).test_clips(clip)
    assert (paper.placement, paper.placement_seed, paper.clips_per_video) == ("random", 3, 3)


def test_paper_takes_the_first():
    assert list(EvaluateOptions(protocol="paper").views_of(4)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "available", "message"),
    [
        ({"clips": 3}, 1, "--clips 3: the test set holds 1 a video; read it with --clips-per-video 3"),
        ({"protocol": "paper"}, 2, "--clips 3: the test set holds 2 a video"),
        ({"clips": 1}, 2, "--clips 1: of 2 clips a video none would be in the middle"),
    ],
)
def test_absent_views_fail(options, available, message):
    with pytest.raises(UsageError, match=message):
        EvaluateOptions(**options).views_of(available)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeats": 0}, "--repeats 0"),
        ({"seed": -1}, "--seed -1"),
        ({"clips": 0}, "--clips 0"),
        ({"steps": 0}, "--steps 0"),
        ({"epochs": 0}, "--epochs 0"),
        ({"lr": 0.0}, "--lr 0.0"),
        ({"points": 2}, "--points 2: the strict protocol tests only the end"),
        ({"protocol": "paper", "points": 0}, "--points 0"),
        ({"steps": 5, "epochs": 5}, "--steps 5 --epochs 5: give one of the two"),
    ],
)
def test_nonsense_fails(options, message):
    with pytest.raises(UsageError, match=message):
        EvaluateOptions(**options)
