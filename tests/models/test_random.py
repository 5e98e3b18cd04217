from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcondense.models.random import network_number


def test_one_place_and_one_use_is_a_new_network_each_iteration():
    assert [network_number(i, 1, 1) for i in range(5)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("pool", "uses", "numbers"),
    [(1, 3, [0, 0, 0, 1, 1, 1, 2]), (2, 2, [0, 1, 0, 3, 2, 3, 2, 5, 4, 5])],
)
def test_by_hand(pool, uses, numbers):
    assert [network_number(i, pool, uses) for i in range(len(numbers))] == numbers


@given(pool=st.integers(1, 9), uses=st.integers(1, 9))
def test_places_take_turns_and_replace_their_networks_at_different_times(pool, uses):
    span = 6 * pool * uses
    numbers = [network_number(i, pool, uses) for i in range(span)]
    for start in range(0, span, pool):
        assert len(set(numbers[start : start + pool])) == pool, "in a round every network is another"
    counted = Counter(numbers)
    assert max(counted.values()) == uses
    settled = [number for number in counted if pool <= number < max(numbers) - 2 * pool]
    assert all(counted[number] == uses for number in settled), "each is used as often as was asked"
    rounds = [numbers[start : start + pool] for start in range(pool * uses, span, pool)]
    fresh = [len(set(now) - set(before)) for before, now in itertools.pairwise(rounds)]
    assert max(fresh, default=0) <= -(-pool // uses), "no more at a time than must be"
