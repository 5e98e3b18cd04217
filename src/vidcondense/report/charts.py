"""Charts as geometry: what the SVG templates draw. Nothing here knows what the numbers mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vidcondense.evaluation.tables import MISSING
from vidcondense.report.axes import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    Number,
    linear_axis,
    log_axis,
)
from vidcondense.report.numbers import Numbers, Values, evenly, figure, of_lines

MAX_POINTS = 240
"""Of a line; longer ones are averaged in pieces, with the spread of each piece as a band."""

SMALL_WIDTH = 330
"""Of one of many charts."""

ROW = 12
"""Height of a row of signs below a chart."""

_ACROSS = (LEFT, WIDTH - RIGHT)
_UP = (HEIGHT - BOTTOM, TOP)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line as SVG paths; `band` is empty where there is none."""

    name: str
    colour: int
    path: str
    band: str


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A point, or a bar with ends where it has an interval.

    Attributes:
        x: place.
        y: place.
        colour: the number of its colour.
        text: what it is, in words.
        low: the place of the lower end of its interval along the axis of its value; None: no interval.
        high: of the upper end.
        label: written beside it.
    """

    x: Number
    y: Number
    colour: int
    text: str
    low: Number | None = None
    high: Number | None = None
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart.

    Attributes:
        title: what it shows.
        summary: the same in a sentence, for who cannot see it.
        x: axis.
        y: axis.
        lines: to draw.
        dots: to draw above them.
        numbers: the same as a table.
        marks: (place on the y axis, text) of horizontal lines.
        strip: height of the strip below, for `rug`.
        rug: (x, y, colour, share, text) of signs in it, the stronger the larger their share.
        bars: whether the intervals of dots lie across instead of upright.
        legend: (name, colour) of what it shows; empty where names stand in the picture.
        height: of the picture.
        left: the margin at the left.
    """

    title: str
    summary: str
    x: Axis
    y: Axis
    numbers: Numbers
    lines: tuple[Line, ...] = ()
    dots: tuple[Dot, ...] = ()
    marks: tuple[tuple[Number, str], ...] = ()
    strip: int = 0
    rug: tuple[tuple[Number, Number, int, Number, str], ...] = ()
    bars: bool = False
    legend: tuple[tuple[str, int], ...] = ()
    height: int = HEIGHT
    left: int = LEFT
    width: int = WIDTH
    right: int = RIGHT
    bottom: int = BOTTOM
    top: int = TOP


Point = tuple[Number, Number, int, str]
"""A place, the number of a colour, and a text."""


def line_chart(
    title: str,
    summary: str,
    series: Sequence[Values],
    *,
    x: str,
    y: str,
    x_range: Sequence[Number] = (),
    include: Sequence[Number] = (),
    marks: Sequence[tuple[Number, str]] = (),
    points: Sequence[Point] = (),
    width: int = WIDTH,
    strip: int = 0,
) -> Chart | None:
    """Lines over a common x axis; None where there is nothing to draw.

    Args:
        title: what it shows.
        summary: in a sentence.
        series: the lines.
        x: title of the axis.
        y: likewise.
        x_range: values that the x axis must show.
        include: values that the y axis must show.
        marks: (value, text) of horizontal lines.
        points: to draw above the lines.
        width: of the picture.
        strip: height of a strip below, for signs.
    """
    given = [each for each in series if any(value is not None for value in each.y)]
    if not given:
        return None
    series = [thinned(each) for each in given]
    along = linear_axis(
        [value for each in given for value in each.x],
        x,
        LEFT,
        width - RIGHT,
        include=[*x_range, *(point[0] for point in points)],
        whole=True,
        exact=True,
    )
    shown = [value for each in series for value in (*each.y, *each.low, *each.high) if value is not None]
    others = [*(value for value, _ in marks), *(point[1] for point in points)]
    up = linear_axis(shown, y, *_UP, include=[*include, *others])
    return Chart(
        title=title,
        summary=summary,
        x=along,
        y=up,
        numbers=of_lines(given, x),
        lines=tuple(_line(each, along, up) for each in series),
        dots=_dots(points, along, up),
        legend=tuple((each.name, each.colour) for each in series),
        marks=tuple((up.at(value), text) for value, text in marks),
        strip=strip,
        height=HEIGHT + strip,
        bottom=BOTTOM + strip,
        width=width,
    )


def scatter(
    title: str,
    summary: str,
    points: Sequence[Point],
    *,
    x: str,
    y: str,
    x_range: Sequence[Number] = (),
    y_range: Sequence[Number] = (),
) -> Chart | None:
    """Points; None where there is none. The ranges must be on the axes."""
    if not points:
        return None
    across, upright = [point[0] for point in points], [point[1] for point in points]
    along = linear_axis(across, x, *_ACROSS, include=x_range, whole=True, exact=True)
    up = linear_axis(upright, y, *_UP, include=y_range, whole=True, exact=True)
    spread = "; ".join(
        f"{title} {figure(min(values))} to {figure(max(values))}"
        for title, values in ((x, across), (y, upright))
    )
    numbers = Numbers(
        told=f"{len(points)} in all: {spread}",
        head=[x, y, "what"],
        rows=[[figure(a), figure(b), text] for a, b, _, text in evenly(points)],
    )
    return Chart(title=title, summary=summary, x=along, y=up, numbers=numbers, dots=_dots(points, along, up))


Estimate = tuple[str, Number, Number | None, Number | None, int, Number | None]
"""A name, an accuracy in percent, its interval, the number of a colour, and bytes."""


def interval_chart(title: str, summary: str, rows: Sequence[Estimate], chance: Number | None) -> Chart | None:
    """A row an estimate, with its interval across; `chance` in percent is marked."""
    if not rows:
        return None
    left, row_height = 14, 44
    height = TOP + BOTTOM + row_height * len(rows)
    ends = [end for row in rows for end in row[1:4] if end is not None]
    along = linear_axis(ends, "accuracy, %", left, WIDTH - RIGHT, include=[0, *([chance] if chance else [])])
    up = Axis(low=0, high=len(rows), start=TOP, end=height - BOTTOM, ticks=(), title="")
    dots = tuple(
        Dot(
            x=along.at(value),
            y=up.at(index + 0.75),
            colour=colour,
            text=estimate_text(name, value, low, high),
            low=None if low is None else along.at(low),
            high=None if high is None else along.at(high),
            label=name,
        )
        for index, (name, value, low, high, colour, _) in enumerate(rows)
    )
    marks = () if chance is None else ((along.at(chance), f"chance {chance:.3g} %"),)
    return Chart(
        title=title,
        summary=summary,
        x=along,
        y=up,
        numbers=_of_estimates(rows),
        dots=dots,
        marks=marks,
        bars=True,
        height=height,
        left=left,
    )


def bytes_chart(title: str, summary: str, rows: Sequence[Estimate], chance: Number | None) -> Chart | None:
    """Accuracy against bytes on a logarithmic axis; rows without bytes, as all real data, are marks."""
    known = [row for row in rows if row[5]]
    if not known:
        return None
    along = log_axis([float(row[5] or 0) for row in known], "bytes on disk", *_ACROSS)
    others = [(row[1], f"{row[0]}: {row[1]:.1f} %") for row in rows if not row[5]]
    levels = [*([] if chance is None else [(chance, f"chance {chance:.3g} %")]), *others]
    ends = [end for row in known for end in row[1:4] if end is not None]
    up = linear_axis(ends, "accuracy, %", *_UP, include=[0, *(level for level, _ in levels)])
    dots = tuple(
        Dot(
            x=along.at(float(size or 0)),
            y=up.at(value),
            colour=colour,
            text=f"{estimate_text(name, value, low, high)}, {size:,.0f} bytes",
            low=None if low is None else up.at(low),
            high=None if high is None else up.at(high),
        )
        for name, value, low, high, colour, size in known
    )
    return Chart(
        title=title,
        summary=summary,
        x=along,
        y=up,
        numbers=_of_estimates(rows),
        dots=dots,
        marks=tuple((up.at(level), text) for level, text in levels),
        legend=tuple(dict.fromkeys((row[0], row[4]) for row in known)),
    )


def estimate_text(name: str, value: Number, low: Number | None, high: Number | None) -> str:
    """An accuracy in words."""
    spread = "" if low is None or high is None else f" (95 % interval {low:.1f} to {high:.1f})"
    return f"{name}: {value:.1f} %{spread}"


def _of_estimates(rows: Sequence[Estimate]) -> Numbers:
    return Numbers(
        told="; ".join(estimate_text(*row[:4]) for row in rows),
        head=["set", "accuracy, %", "95 % interval", "bytes"],
        rows=[
            [name, f"{value:.1f}", _interval(low, high), MISSING if size is None else f"{size:,.0f}"]
            for name, value, low, high, _, size in rows
        ],
    )


def _interval(low: Number | None, high: Number | None) -> str:
    return MISSING if low is None or high is None else f"{low:.1f} to {high:.1f}"


def thinned(values: Values) -> Values:
    """A line of at most `MAX_POINTS`: means of pieces, in a band from their least to their greatest value."""
    size = math.ceil(len(values.x) / MAX_POINTS)
    if size == 1:
        return values
    pieces = [slice(start, start + size) for start in range(0, len(values.x), size)]
    low, high = values.low or values.y, values.high or values.y
    return Values(
        name=values.name,
        colour=values.colour,
        x=[values.x[piece][-1] for piece in pieces],
        y=[_of(values.y[piece], lambda known: math.fsum(known) / len(known)) for piece in pieces],
        low=[_of(low[piece], min) for piece in pieces],
        high=[_of(high[piece], max) for piece in pieces],
    )


def _of(values: Sequence[Number | None], what: Callable[[list[Number]], Number]) -> Number | None:
    known = [value for value in values if value is not None]
    return what(known) if known else None


def _dots(points: Sequence[Point], x: Axis, y: Axis) -> tuple[Dot, ...]:
    return tuple(Dot(x=x.at(a), y=y.at(b), colour=colour, text=text) for a, b, colour, text in points)


def _line(values: Values, x: Axis, y: Axis) -> Line:
    points = [(x.at(a), None if b is None else y.at(b)) for a, b in zip(values.x, values.y, strict=True)]
    return Line(
        name=values.name,
        colour=values.colour,
        path=_path(points),
        band=_band(values, x, y),
    )


def _path(points: Sequence[tuple[Number, Number | None]]) -> str:
    """Straight pieces from point to point; a point that is None lifts the pen."""
    words, drawing = [], False
    for x, y in points:
        if y is not None:
            words.append(f"{'L' if drawing else 'M'}{x:g} {y:g}")
        drawing = y is not None
    return "".join(words)


def _band(values: Values, x: Axis, y: Axis) -> str:
    edges = [
        (x.at(a), y.at(low), y.at(high))
        for a, low, high in zip(values.x, values.low, values.high, strict=False)
        if low is not None and high is not None
    ]
    if len(edges) < 2:
        return ""
    there = [(place, low) for place, low, _ in edges]
    back = [(place, high) for place, _, high in reversed(edges)]
    return _path([*there, *back]) + "Z"
