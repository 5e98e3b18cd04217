from __future__ import annotations

import re

import numpy as np
import pytest

from vidcondense.report.charts import (
    MAX_POINTS,
    Values,
    bytes_chart,
    interval_chart,
    line_chart,
    scatter,
    thinned,
)


def line(y, **more):
    return Values(name="a", colour=0, x=list(range(len(y))), y=y, **more)


def points(path):
    return [tuple(map(float, pair.split())) for pair in re.findall(r"[ML]([^MLZ]+)", path)]


def test_a_line_goes_through_its_values():
    values = [0.5, 2.0, 1.25, 3.75]
    chart = line_chart("t", "s", [line(values)], x="x", y="y", include=[0])
    (drawn,) = chart.lines
    expected = [(chart.x.at(index), chart.y.at(value)) for index, value in enumerate(values)]
    assert points(drawn.path) == expected
    assert drawn.path.count("M") == 1
    assert drawn.band == ""
    assert chart.y.at(0) > chart.y.at(1)  # SVG counts downwards


def test_a_gap_lifts_the_pen():
    chart = line_chart("t", "s", [line([1.0, None, 2.0, 3.0])], x="x", y="y")
    assert [chart.lines[0].path.count(sign) for sign in "ML"] == [2, 1]


def test_nothing_to_draw_is_no_chart():
    assert line_chart("t", "s", [line([None, None]), line([])], x="x", y="y") is None
    assert scatter("t", "s", [], x="x", y="y") is None
    assert interval_chart("t", "s", [], None) is None
    assert bytes_chart("t", "s", [("control", 50.0, None, None, -1, None)], 10.0) is None


def test_long_lines_become_means_with_their_spread():
    stream = np.random.default_rng(0)
    values = stream.normal(size=10 * MAX_POINTS).tolist()
    found = thinned(line(values))
    pieces = np.reshape(values, (MAX_POINTS, 10))
    assert found.y == pytest.approx(pieces.mean(axis=1).tolist())
    assert found.low == pytest.approx(pieces.min(axis=1).tolist())
    assert found.high == pytest.approx(pieces.max(axis=1).tolist())
    assert found.x == list(range(9, 10 * MAX_POINTS, 10))
    assert thinned(line(values[:MAX_POINTS])).y == values[:MAX_POINTS]


def test_a_band_is_closed_and_leaves_out_what_is_unknown():
    chart = line_chart(
        "t", "s", [line([1.0, 2.0, 3.0], low=[0.0, None, 2.0], high=[2.0, None, 4.0])], x="x", y="y"
    )
    band = chart.lines[0].band
    assert band.endswith("Z")
    edges = [(0, 0.0), (2, 2.0), (2, 4.0), (0, 2.0)]
    assert points(band) == [(chart.x.at(x), chart.y.at(y)) for x, y in edges]


def test_intervals():
    rows = [("a", 50.0, 40.0, 60.0, 0, 1000), ("b", 20.0, None, None, -1, None)]
    chart = interval_chart("t", "s", rows, 10.0)
    first, second = chart.dots
    assert (first.x, first.low, first.high) == (chart.x.at(50), chart.x.at(40), chart.x.at(60))
    assert first.text == "a: 50.0 % (95 % interval 40.0 to 60.0)"
    assert (second.low, second.text) == (None, "b: 20.0 %")
    assert first.y < second.y < chart.height
    assert chart.marks == ((chart.x.at(10), "chance 10 %"),)


def test_what_has_no_bytes_is_a_level_in_the_chart_against_bytes():
    rows = [("a", 50.0, None, None, 0, 1000), ("full data", 80.0, None, None, -1, None)]
    chart = bytes_chart("t", "s", rows, 10.0)
    assert chart.marks == ((chart.y.at(10), "chance 10 %"), (chart.y.at(80), "full data: 80.0 %"))
    assert len(chart.dots) == 1


def test_along_frames_the_axis_ends_with_the_clip():
    chart = line_chart("t", "s", [line([1.0] * 32)], x="frame", y="y", x_range=[0, 31])
    assert (chart.x.low, chart.x.high) == (0, 31)
    points = scatter("t", "s", [(3, 30, 0, "a")], x="x", y="frame", x_range=[0, 9], y_range=[0, 31])
    assert (points.x.high, points.y.high) == (9, 31)
    assert points.numbers.rows == [["3", "30", "a"]]


def test_against_bytes():
    rows = [
        ("a", 50.0, 40.0, 60.0, 0, 1000),
        ("b", 70.0, None, None, 1, 100_000),
        ("c", 1.0, None, None, 2, None),
    ]
    chart = bytes_chart("t", "s", rows, None)
    assert [dot.x for dot in chart.dots] == [chart.x.at(1000), chart.x.at(100_000)]
    assert chart.dots[0].low > chart.dots[0].y > chart.dots[0].high
    assert chart.dots[0].text.endswith("1,000 bytes")
