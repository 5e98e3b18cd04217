from __future__ import annotations

import figures
import pytest

from vidcondense.report.figures import svg

ROWS = [
    {"name": "a", "codec": "uint8", "accuracy": 30.0, "ci_low": 20.0, "ci_high": 40.0, "repeat": "set"},
    {"name": "b", "codec": "uint8", "accuracy": 50.0, "ci_low": 40.0, "ci_high": 60.0, "repeat": "network"},
    {"name": "b", "codec": "float32", "accuracy": 60.0, "ci_low": 55.0, "ci_high": 65.0, "repeat": "set"},
]


def test_the_committed_figures_are_what_the_result_files_say():
    made = {f"{name}.svg": svg(figure) for name, figure in figures.figures()}
    assert {path.name for path in figures.FIGURES.iterdir()} == made.keys()
    for name, drawn in made.items():
        assert drawn == (figures.FIGURES / name).read_bytes(), "run python benchmarks/figures.py"


def test_a_row_has_its_number_and_over_seeds_its_interval():
    figure = figures.intervals(ROWS, "accuracy", ("ci_low", "ci_high"), "accuracy %", line=("all", 80.0))
    (axes,) = figure.axes
    drawn = [list(line.get_xdata()) for line in axes.lines]
    assert drawn == [[20, 40], [30], [50], [55, 65], [60], [80, 80]]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["a", "b, uint8", "b, float32"]


def test_every_network_has_a_panel_with_its_sets():
    rows = [{**row, "model": model} for model in ("one", "other") for row in ROWS[:2]]
    del rows[2]  # set a, judged by the other
    first, second = figures.by_network(rows).axes
    assert [axes.get_title() for axes in (first, second)] == ["one", "other"]
    assert [list(line.get_xdata()) for line in first.lines] == [[20, 40], [30], [50]]
    assert [(*line.get_xdata(), *line.get_ydata()) for line in second.lines] == [(50, 1)]
    assert [label.get_text() for label in first.get_yticklabels()] == ["a", "b"]


def test_growth_has_every_point_and_its_line():
    points = [
        {"classes": classes, "vpc": 1, "seconds_an_iteration": 1.0 + classes, "mib": 5.0 * classes}
        for classes in (1, 3)
    ]
    line = {"start": 1.0, "slope": 1.0, "exponent": 0.5}
    figure = figures.growth({"classes": {"points": points, "time": line, "memory": line}})
    time, memory = figure.axes
    assert list(time.lines[0].get_ydata()) == [2, 4]
    assert list(time.lines[1].get_ydata()) == pytest.approx([1, 4])
    assert list(memory.lines[0].get_ydata()) == [5, 15]


def test_progress_has_every_loop_and_the_goal():
    slow = [{"condensed": 1.0, "accuracy": 0.2}, {"condensed": 10.0, "accuracy": 0.5}]
    quick = [{"condensed": 0.1, "accuracy": 0.5}]
    (axes,) = figures.progress({"slow": slow, "quick": quick}, 0.5).axes
    assert [list(line.get_ydata()) for line in axes.lines] == [[20, 50], [50], [50, 50]]
    assert [list(line.get_xdata()) for line in axes.lines[:2]] == [[1, 10], [0.1]]
