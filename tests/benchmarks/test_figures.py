from __future__ import annotations

import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_figure_has_every_row_of_its_curves():
    spec = importlib.util.spec_from_file_location("figures", ROOT / "benchmarks" / "figures.py")
    figures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(figures)
    rows = json.loads((ROOT / "benchmarks" / "results" / "ucf101_5.json").read_text())["rows"]
    wanted = sum((row["name"], row["codec"]) in figures.CURVES.items() for row in rows)
    for figure in figures.figures().values():
        (axes,) = figure.axes
        assert sum(len(container.lines[0].get_xdata()) for container in axes.containers) == wanted > 0
