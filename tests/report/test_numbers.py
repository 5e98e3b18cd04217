from __future__ import annotations

import itertools

import pytest

from vidcondense.report.numbers import MAX_ROWS, Values, evenly, figure, of_lines


def line(name, x, y, **more):
    return Values(name=name, colour=0, x=x, y=y, **more)


def test_lines_as_a_table():
    a = line("a", [0, 10, 20], [3.0, None, 1.25], low=[2.0, None, 1.0], high=[4.0, None, 2.0])
    found = of_lines([a, line("b", [0, 5], [0.5, 12345])], "iteration")
    assert found.head == ["iteration", "a", "b"]
    assert found.rows == [
        ["0", "3 (2 to 4)", "0.5"],
        ["5", "3 (2 to 4)", "12,345"],
        ["10", "–", "–"],
        ["20", "1.25 (1 to 2)", "–"],
    ]
    assert found.told == (
        "a: first 3, last 1.25, least 1.25 at iteration 20; "
        "b: first 0.5, last 12,345, least 0.5 at iteration 0"
    )


@pytest.mark.parametrize("count", [1, 2, MAX_ROWS, MAX_ROWS + 1, 5000])
def test_of_a_long_line_an_even_choice_with_both_ends(count):
    found = evenly(range(count))
    assert len(found) == min(count, MAX_ROWS) == len(set(found))
    assert (found[0], found[-1]) == (0, count - 1)
    steps = [b - a for a, b in itertools.pairwise(found)]
    assert max(steps, default=0) - min(steps, default=0) <= 1


def test_figures():
    assert [figure(value) for value in (-0.00123456, 12, None)] == ["−0.001235", "12", "–"]
