"""Axes of a chart: from values to places in a picture, and the values that get a tick."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 460, 262
"""Of a chart, in the units of its SVG."""

LEFT, RIGHT, TOP, BOTTOM = 48, 14, 30, 42
"""Margins for tick labels and titles: that of the y axis stands above it."""


Number = float | int
"""A value that is shown, or a place in a picture."""

_STEPS = 5  # of an axis, at most


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A linear or logarithmic axis.

    Attributes:
        low: the value at `start`.
        high: the value at `end`, above `low`.
        start: a place in the picture.
        end: another.
        ticks: values between the two, with their texts.
        title: what it shows, with its unit.
        log: logarithmic.
    """

    low: Number
    high: Number
    start: Number
    end: Number
    ticks: tuple[tuple[Number, str], ...]
    title: str
    log: bool = False

    def at(self, value: Number) -> Number:
        """The place of a value, to a tenth of a unit."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return round(self.start + (self.end - self.start) * (value - low) / (high - low), 1)


def linear_axis(
    values: Sequence[Number],
    title: str,
    start: Number,
    end: Number,
    *,
    include: Sequence[Number] = (),
    whole: bool = False,
    exact: bool = False,
) -> Axis:
    """An axis from a round number below all `values` and `include` to one above.

    Args:
        values: what is shown; at least one, here or in `include`.
        title: with its unit.
        start: the place of the low end.
        end: the place of the high end.
        include: values that must lie on it.
        whole: ticks are at whole numbers only.
        exact: it ends at the least and the greatest value, not at round numbers.
    """
    low, high = min([*values, *include]), max([*values, *include])
    if low == high:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    step = max(_round_step((high - low) / _STEPS), 1 if whole else 0)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    numbers = [index * step for index in range(first, last + 1)]
    if exact:
        numbers = [number for number in numbers if low <= number <= high]
    else:
        low, high = numbers[0], numbers[-1]
    return Axis(
        low=low,
        high=high,
        start=start,
        end=end,
        ticks=tuple((number, _text(number, step)) for number in numbers),
        title=title,
    )


def log_axis(values: Sequence[Number], title: str, start: Number, end: Number) -> Axis:
    """A logarithmic axis with a little air around positive `values`; ticks at 1, 2 and 5 times 10ⁿ."""
    low, high = min(values) / 1.5, max(values) * 1.5
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    numbers = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    ticks = tuple((number, short(number)) for number in numbers if low <= number <= high)
    if len(ticks) > 6:
        ticks = tuple(tick for tick in ticks if tick[1].lstrip("0.").startswith("1"))
    return Axis(low=low, high=high, start=start, end=end, ticks=ticks, title=title, log=True)


def short(number: Number) -> str:
    """A number in few signs: 1.2k, 3M, 0.05."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= limit:
            return f"{number / limit:g}{letter}"
    return f"{number:g}"


def _round_step(rough: Number) -> Number:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= rough * (1 - 1e-9))


def _text(number: Number, step: Number) -> str:
    if abs(number) < step / 2:
        return "0"
    return short(round(number, 12)).replace("-", "−")
