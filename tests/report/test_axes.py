from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcondense.report.axes import linear_axis, log_axis, short

NUMBERS = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 3)), min_size=1)


@given(NUMBERS, st.booleans())
def test_an_axis_holds_its_values_and_few_ticks(values, whole):
    axis = linear_axis(values, "x", 10, 110, whole=whole)
    assert 2 <= len(axis.ticks) <= 8
    assert [tick for tick, _ in axis.ticks] == sorted({tick for tick, _ in axis.ticks})
    for value in [*values, *(tick for tick, _ in axis.ticks)]:
        assert 10 <= axis.at(value) <= 110
    if whole:
        assert all(float(tick).is_integer() for tick, _ in axis.ticks)


@given(st.lists(st.floats(0, 1e4).map(lambda x: round(x, 1)), min_size=2), st.booleans())
def test_an_exact_axis_ends_at_its_values(values, whole):
    axis = linear_axis(values, "x", 0, 100, whole=whole, exact=True)
    if min(values) < max(values):
        assert (axis.low, axis.high) == (min(values), max(values))
    assert all(axis.low <= tick <= axis.high for tick, _ in axis.ticks)
    assert whole or axis.ticks


def test_places_are_linear():
    axis = linear_axis([0, 10], "x", 100, 0)
    assert [axis.at(value) for value in (0, 5, 10)] == [100, 50, 0]
    assert [text for _, text in axis.ticks] == ["0", "2", "4", "6", "8", "10"]


def test_texts_of_ticks():
    assert [text for _, text in linear_axis([-0.02, 0.02], "x", 0, 1).ticks] == [
        "−0.02",
        "−0.01",
        "0",
        "0.01",
        "0.02",
    ]
    assert [short(number) for number in (0.05, 20, 1200, 3e6, 2.5e9)] == ["0.05", "20", "1.2k", "3M", "2.5G"]


@given(st.lists(st.floats(1, 1e12), min_size=1))
def test_log_axis(values):
    axis = log_axis(values, "x", 0, 100)
    assert all(0 <= axis.at(value) <= 100 for value in values)
    assert 1 <= len(axis.ticks) <= 14
    half = math.sqrt(axis.low * axis.high)
    assert axis.at(half) == pytest.approx(50, abs=0.1)
