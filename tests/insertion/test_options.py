from __future__ import annotations

import pytest

from vidcondense.errors import UsageError
from vidcondense.insertion.options import InsertionOptions, insertion_window


@pytest.mark.parametrize(
    ("iterations", "window"),
    [
        (100, range(20, 80)),
        (5000, range(1000, 4000)),
        (150, range(30, 120)),
        (1, range(1)),
        (3, range(1, 2)),
    ],
)
def test_window_is_the_middle_sixty_percent(iterations, window):
    assert insertion_window(InsertionOptions(), iterations) == window


def test_window_without_warmup_or_cooldown():
    assert insertion_window(InsertionOptions(warmup=0.0, cooldown=0.0), 10) == range(10)
    assert len(insertion_window(InsertionOptions(warmup=0.5, cooldown=0.5), 10)) == 0


@pytest.mark.parametrize(
    "bad",
    [
        {"epsilon": 1.5},
        {"epsilon": float("nan")},
        {"warmup": -0.1},
        {"cooldown": 1.1},
        {"warmup": 0.6, "cooldown": 0.6},
        {"max_key_frames": 1},
        {"max_per_iteration": 0},
        {"patience": 0},
        {"cosine_ema": 1.0},
    ],
)
def test_values_out_of_range_fail(bad):
    name = next(iter(bad)).replace("_", "-")
    with pytest.raises(UsageError, match=f"--{name}"):
        InsertionOptions(**bad)
