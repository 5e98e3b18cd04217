"""What a chart shows, in numbers: a sentence and a table of few rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from vidcondense.evaluation.tables import MISSING
from vidcondense.report.axes import Number

T = TypeVar("T")

MAX_ROWS = 12
"""Of a table of a line; of a longer line, an even choice of its values."""


@dataclass(frozen=True, kw_only=True)
class Values:
    """Numbers to draw as a line.

    Attributes:
        name: of the line.
        colour: the number of its colour.
        x: rising.
        y: as many; None leaves a gap.
        low: the lower edge of a band around it; empty: no band.
        high: the upper edge.
    """

    name: str
    colour: int
    x: Sequence[Number]
    y: Sequence[Number | None]
    low: Sequence[Number | None] = ()
    high: Sequence[Number | None] = ()


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """The numbers of a chart.

    Attributes:
        told: what matters of them, in a sentence.
        head: of each column.
        rows: a text for each column.
    """

    told: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def of_lines(series: Sequence[Values], x: str) -> Numbers:
    """A column a line; where a line has no value of its own, its last one before.

    Args:
        series: lines with at least one value each.
        x: what their `x` is.
    """
    places = evenly(sorted({place for each in series for place in each.x}))
    return Numbers(
        told="; ".join(_told(each, x) for each in series),
        head=[x, *(each.name for each in series)],
        rows=[[figure(place), *(_at(each, place) for each in series)] for place in places],
    )


def evenly(items: Sequence[T], most: int = MAX_ROWS) -> list[T]:
    """All of them, or `most`, evenly chosen, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(index * (len(items) - 1) / (most - 1))] for index in range(most)]


def figure(value: Number | None) -> str:
    """A number for a table."""
    if value is None:
        return MISSING
    text = f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return text.replace("-", "−")


def _told(values: Values, x: str) -> str:
    known = [(y, place) for place, y in zip(values.x, values.y, strict=True) if y is not None]
    least, place = min(known)
    return (
        f"{values.name}: first {figure(known[0][0])}, last {figure(known[-1][0])}, "
        f"least {figure(least)} at {x} {figure(place)}"
    )


def _at(values: Values, place: Number) -> str:
    index = bisect_right(values.x, place) - 1
    if index < 0 or place > values.x[-1]:
        return MISSING
    text = figure(values.y[index])
    if values.low and values.low[index] is not None:
        text += f" ({figure(values.low[index])} to {figure(values.high[index])})"
    return text
