from __future__ import annotations

import pytest

from vidcondense.evaluation import EvaluateOptions, cost


@pytest.fixture
def clock(monkeypatch):
    """A first step of 10 seconds, a second one of 2."""
    times = iter([100.0, 110.0, 112.0])
    monkeypatch.setattr(cost.time, "perf_counter", lambda: next(times))


def test_seconds_are_counted_from_the_second_step(make_clips, cpu, tiny, clock):
    options = EvaluateOptions(model=tiny, steps=30, repeats=3)
    found = cost.seconds_of(make_clips(num=9), 27, options, cpu)
    training = 30 * 2
    testing = 27 / 9 * 2 / 3  # three batches as large as a training step's, forwards only
    assert found == pytest.approx(3 * (training + testing))


def test_paper_tests_several_times(make_clips, cpu, tiny, clock):
    options = EvaluateOptions(model=tiny, protocol="paper", epochs=30, repeats=1, points=5)
    found = cost.seconds_of(make_clips(num=9), 27, options, cpu)
    assert found == pytest.approx(30 * 2 + 3 * 5 * 2)  # three clips a video, five points


def test_memory_is_that_of_the_largest_batch_that_occurs(make_clips, cpu):
    def memory(num: int, **options: int) -> int:
        clips = make_clips(num=num, shape=(8, 3, 44, 44))
        return cost.memory_of(clips, EvaluateOptions(**options), cpu).activation_bytes

    assert memory(num=16) == pytest.approx(2 * memory(num=8), rel=0.01)
    assert memory(num=40) == memory(num=32)  # a batch
