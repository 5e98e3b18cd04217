from __future__ import annotations

import math

import pytest

from vidcondense.errors import UsageError
from vidcondense.training import TrainOptions, learning_rate


def test_defaults_are_the_strict_protocol():
    options = TrainOptions()
    assert (options.steps, options.batch_size, options.lr, options.momentum) == (500, 32, 0.03, 0.9)
    assert (options.weight_decay, options.warmup, options.clip_norm, options.schedule) == (
        5e-4,
        0.05,
        1.0,
        "cosine",
    )
    assert options.augment


def test_cosine_in_closed_form():
    options = TrainOptions(lr=0.4, warmup=0.05)
    rates = [learning_rate(options, step, 500) for step in range(500)]
    warm = [0.4 * (step + 1) / 26 for step in range(25)]
    fall = [0.4 * math.cos(math.pi / 2 * (step - 25) / 475) ** 2 for step in range(25, 500)]
    assert rates == pytest.approx(warm + fall)
    assert max(rates) == rates[25] == 0.4
    assert 0 < rates[-1] < 1e-4 * 0.4


def test_step_schedule_falls_once_to_a_tenth():
    options = TrainOptions(lr=0.01, warmup=0.0, schedule="step")
    assert [learning_rate(options, step, 10) for step in range(10)] == [0.01] * 5 + [0.001] * 5
    assert [learning_rate(options, step, 3) for step in range(3)] == [0.01, 0.01, 0.001]


def test_constant_schedule_stays():
    options = TrainOptions(lr=0.01, warmup=0.0, schedule="constant")
    assert [learning_rate(options, step, 3) for step in range(3)] == [0.01] * 3


def test_single_step_has_the_full_rate():
    assert learning_rate(TrainOptions(lr=0.1), 0, 1) == pytest.approx(0.1)


@pytest.mark.parametrize(("num_clips", "steps"), [(1, 7), (32, 7), (33, 14), (64, 14), (65, 21)])
def test_epochs_count_as_steps(num_clips, steps):
    assert TrainOptions(epochs=7, batch_size=32).num_steps(num_clips) == steps
    assert TrainOptions(steps=4, batch_size=32).num_steps(num_clips) == 4


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 0),
        ("epochs", 0),
        ("batch_size", 0),
        ("lr", 0.0),
        ("lr", math.nan),
        ("lr", math.inf),
        ("warmup", 1.0),
        ("warmup", -0.1),
        ("momentum", 1.0),
        ("weight_decay", -1.0),
        ("clip_norm", 0.0),
    ],
)
def test_nonsense_fails(field, value):
    with pytest.raises(UsageError, match=f"--{field.replace('_', '-')} "):
        TrainOptions(**{field: value})


def test_an_unknown_schedule_fails_also_where_types_are_not_checked():
    options = TrainOptions()
    object.__setattr__(options, "schedule", "linear")
    with pytest.raises(UsageError, match="cosine, step, constant"):
        options.__post_init__()
