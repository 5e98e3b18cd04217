"""Accuracy against a number (bytes, videos per class), a curve a method, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, NullFormatter

from vidcondense.evaluation.tables import Record
from vidcondense.report.figures import plain

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c564b")
_MARKERS = "os^Dv<>P"


def accuracy_curves(
    curves: Mapping[str, Sequence[Record]],
    x: str,
    *,
    x_label: str,
    dashed: Sequence[str] = (),
    line: tuple[str, float] | None = None,
) -> Figure:
    """Accuracy in percent against the column `x`, on a logarithmic axis.

    Args:
        curves: the rows of each method, in any order.
        x: the column of the horizontal axis; positive.
        x_label: its name for a person.
        dashed: the methods drawn with a dashed line, such as real clips.
        line: a name and an accuracy in percent for a horizontal line, such as the full data.
    """
    figure = Figure(figsize=(7, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, (name, rows) in enumerate(curves.items()):
        rows = sorted(rows, key=lambda row: float(row[x]))
        axes.errorbar(
            [row[x] for row in rows],
            [row["accuracy"] for row in rows],
            yerr=_reach(rows),
            color=_COLOURS[number % len(_COLOURS)],
            marker=_MARKERS[number % len(_MARKERS)],
            linestyle="--" if name in dashed else "-",
            capsize=2,
            markersize=5,
            linewidth=1.5,
            label=plain(name),
        )
    if line is not None:
        axes.axhline(line[1], color="#666666", linewidth=1, linestyle=":", label=plain(line[0]))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(x_label)
    axes.set_ylabel("accuracy %")
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=2)
    return figure


def _reach(rows: Sequence[Mapping[str, Any]]) -> list[list[float]]:
    """How far the interval of each row goes below and above; nowhere where there is none."""
    return [
        [0.0 if row["ci_low"] is None else max(row["accuracy"] - row["ci_low"], 0.0) for row in rows],
        [0.0 if row["ci_high"] is None else max(row["ci_high"] - row["accuracy"], 0.0) for row in rows],
    ]
