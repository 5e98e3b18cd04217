from __future__ import annotations

import numpy as np
import pytest

from vidcondense.convergence import fall_at_end


def events(losses, **more):
    return [{"kind": "iteration", "loss": float(loss), **more} for loss in losses]


def noisy(curve, seed=0, share=0.1):
    return curve * (1 + share * np.random.default_rng(seed).normal(size=len(curve)))


def test_a_loss_that_still_falls():
    """Of exp(-t / T) the fourth quarter has exp(-1 / 4) of the third, where T is the length of the run."""
    time = np.arange(200) / 200
    assert fall_at_end(events(np.exp(-time))) == pytest.approx(1 - np.exp(-0.25))
    assert fall_at_end(events(noisy(np.exp(-time)))) == pytest.approx(1 - np.exp(-0.25), abs=0.03)


def test_chance_is_no_fall():
    found = [fall_at_end(events(noisy(np.ones(200), seed))) for seed in range(300)]
    assert sum(fall is not None for fall in found) <= 16  # 7 are to be expected


@pytest.mark.parametrize(
    "losses",
    [
        [],
        np.exp(-np.arange(39) / 10),  # too short to tell
        np.linspace(1, 2, 100),  # it rises
        np.linspace(1, 0.98, 100),  # too little to matter
        np.zeros(100),
    ],
)
def test_nothing_is_said(losses):
    assert fall_at_end(events(losses)) is None


def test_insertions_do_not_count_and_of_stages_the_last_does():
    first, second = events(np.exp(-np.arange(100) / 50), stage=0), events(np.ones(100), stage=1)
    assert fall_at_end([*first, {"kind": "insertion", "frame": 3}]) is not None
    assert fall_at_end([*first, *second]) is None
