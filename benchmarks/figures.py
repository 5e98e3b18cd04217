"""Draw the figures of docs/findings.md and docs/speed.md from the result files.

python benchmarks/figures.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from vidcondense.files import write_bytes
from vidcondense.report.figures import svg
from vidcondense.report.tradeoff import accuracy_curves

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
FIGURES = ROOT / "docs" / "figures"

Row = Mapping[str, Any]

CURVES = {
    "cluster targets by DSA, two key frames 16×16": "uint8",
    "cluster targets, two key frames 16×16": "uint8",
    "two key frames 16×16": "uint8",
    "random": "uint8",
    "random, two frames 16×16": "uint8",
    "herding": "uint8",
    "PRISM": "uint8",
    "DM, noise": "uint8",
}
"""The sets that are drawn, with the codec they are drawn in; the plans have more."""

COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#333333")

FULL = "full data"


def figures() -> Iterator[tuple[str, Figure]]:
    """Each figure that there are results for, with its name."""
    for name in ("one_video", "toy_scenes", "toy_reversal", "toy_five"):
        if rows := rows_of(name):
            bounds = ("ci_low", "ci_high")
            shown = [row for row in rows if row["name"] != FULL]
            yield name.replace("_", "-"), intervals(shown, "accuracy", bounds, "accuracy %", line=_full(rows))
    if rows := rows_of("toy_scenes"):
        differences = [row for row in rows if row["difference"] is not None]
        bounds = ("difference_low", "difference_high")
        label = "points of accuracy more than PRISM, in pairs by seed"
        yield (
            "toy-scenes-differences",
            intervals(differences, "difference", bounds, label, line=("PRISM", 0.0)),
        )
    if rows := rows_of("architectures"):
        yield "architectures", by_network(rows)
    if many := rows_of("many_videos"):
        line, dashed = _full(many), ("random", "random, two frames 16×16", "herding")
        curves = {name: _by_size(name, codec, many) for name, codec in CURVES.items()}
        for name, x, label in (
            ("accuracy-videos", "vpc", "videos a class"),
            ("accuracy-bytes", "bytes", "bytes of the whole set (five classes)"),
        ):
            yield name, accuracy_curves(curves, x, x_label=label, dashed=dashed, line=line)
    if (RESULTS / "scaling.json").exists():
        yield "scaling", growth(json.loads((RESULTS / "scaling.json").read_text())["rows"])
    if (RESULTS / "published_loop.json").exists():
        rows = json.loads((RESULTS / "published_loop.json").read_text())["rows"]
        yield "time-to-accuracy", progress(rows["curves"], rows["goal"])


def _full(rows: Sequence[Row]) -> tuple[str, float] | None:
    """The line of the full data; None where that was not measured."""
    full = next((row for row in rows if row["name"] == FULL), None)
    return None if full is None else (f"full data ({full['accuracy']:.0f} %)", full["accuracy"])


def _by_size(name: str, codec: str, rows: Sequence[Row]) -> list[Row]:
    """The rows of a set in a codec, one for each number of videos per class."""
    found = {row["vpc"]: row for row in rows if (row["name"], row["codec"]) == (name, codec)}
    return list(found.values())


def rows_of(benchmark: str) -> list[Row]:
    """The rows of a comparison that were computed; none where it was not published."""
    path = RESULTS / f"{benchmark}.json"
    if not path.exists():
        return []
    return [row for row in json.loads(path.read_text())["rows"] if row["accuracy"] is not None]


def intervals(
    rows: Sequence[Row], value: str, bounds: tuple[str, str], label: str, *, line: tuple[str, float] | None
) -> Figure:
    """A row a set: a number, and its 95 % interval over repeats."""
    figure = Figure(figsize=(7, 0.6 + 0.3 * len(rows)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _draw_intervals(axes, [_name(row, rows) for row in rows], rows, value, bounds)
    axes.invert_yaxis()
    if line is not None:
        axes.axvline(line[1], color="#666666", linewidth=1, linestyle=":", label=line[0])
        figure.legend(fontsize=8, frameon=False, loc="outside upper right")
    axes.set_xlabel(label, fontsize=9)
    return figure


def by_network(rows: Sequence[Row]) -> Figure:
    """A panel a network that sets were judged by: the accuracy of each set, and its 95 % interval."""
    models, names = (list(dict.fromkeys(row[key] for row in rows)) for key in ("model", "name"))
    figure = Figure(figsize=(9, 0.9 + 0.3 * len(names)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(models), sharex=True, sharey=True, squeeze=False)[0]
    for axes, model in zip(panels, models, strict=True):
        own = {row["name"]: row for row in rows if row["model"] == model}
        _draw_intervals(axes, names, [own.get(name) for name in names], "accuracy", ("ci_low", "ci_high"))
        axes.set_title(model, fontsize=9)
    panels[0].invert_yaxis()
    figure.supxlabel("accuracy %", fontsize=9)
    return figure


def _draw_intervals(
    axes: Axes, names: Sequence[str], rows: Sequence[Row | None], value: str, bounds: tuple[str, str]
) -> None:
    """A row a set, from below: a number, and its interval; nothing where there is none."""
    for at, row in enumerate(rows):
        if row is None:
            continue
        seeds = row["repeat"] != "network" and None not in (row[bound] for bound in bounds)
        if seeds:
            axes.plot([row[bound] for bound in bounds], [at, at], color="#0072b2", linewidth=2)
        # One seed has no interval over seeds: a ring.
        axes.plot(row[value], at, "o", color="#0072b2", fillstyle="full" if seeds else "none", markersize=5)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def growth(sweeps: Mapping[str, Any]) -> Figure:
    """Time and memory against the size of the work, with the straight line through the points."""
    figure = Figure(figsize=(7, 5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, len(sweeps), squeeze=False)
    measures = {"time": ("seconds_an_iteration", "seconds an iteration"), "memory": ("mib", "MiB")}
    for column, (name, sweep) in enumerate(sweeps.items()):
        for row, (measure, (key, label)) in enumerate(measures.items()):
            axes, line = panels[row][column], sweep[measure]
            x = [point["classes" if name == "classes" else "vpc"] for point in sweep["points"]]
            axes.plot(x, [point[key] for point in sweep["points"]], "o", color="#0072b2")
            ends = [0, max(x)]
            axes.plot(
                ends, [line["start"] + line["slope"] * end for end in ends], color="#666666", linewidth=1
            )
            axes.set_title(f"exponent {line['exponent']:.2f}", fontsize=8)
            axes.set_xlabel(name, fontsize=9)
            axes.set_ylabel(label, fontsize=9)
            axes.set_ylim(bottom=0)
            axes.spines[["top", "right"]].set_visible(False)
    return figure


def progress(curves: Mapping[str, Sequence[Row]], goal: float) -> Figure:
    """Accuracy (a share) against the seconds it took, a curve a loop, and the accuracy to be reached."""
    figure = Figure(figsize=(7, 3), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for (name, points), color in zip(curves.items(), COLOURS[: len(curves)], strict=True):
        seconds, accuracies = ([point[key] for point in points] for key in ("condensed", "accuracy"))
        accuracies = [100 * each for each in accuracies]
        axes.plot(seconds, accuracies, "o-", color=color, markersize=3, linewidth=1, label=name)
    axes.axhline(100 * goal, color="#666666", linewidth=1, linestyle=":")
    axes.set_xscale("log")
    axes.set_xlabel("seconds of condensation", fontsize=9)
    axes.set_ylabel("accuracy %", fontsize=9)
    axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _name(row: Row, rows: Sequence[Row]) -> str:
    """The name of a row, with its codec where the set is there in several."""
    name = str(row["name"])
    several = len({other["codec"] for other in rows if other["name"] == name}) > 1
    return f"{name}, {row['codec']}" if several else name


if __name__ == "__main__":
    for name, figure in figures():
        write_bytes(FIGURES / f"{name}.svg", svg(figure))
