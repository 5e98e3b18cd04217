"""Draw the figures of the docs from the result files.

python benchmarks/figures.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from vidcondense.files import write_bytes
from vidcondense.report.figures import svg
from vidcondense.report.tradeoff import accuracy_curves

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
FIGURES = ROOT / "docs" / "figures"

CURVES = {
    "cluster targets, two key frames 16×16": "uint8",
    "random": "uint8",
    "herding": "uint8",
    "PRISM": "uint8",
    "DM, noise": "uint8",
}
"""The sets that are drawn, with the codec they are drawn in; the plan has more."""


def figures() -> dict[str, Figure]:
    """Each figure by its name."""
    result = json.loads((RESULTS / "ucf101_5.json").read_text())
    curves, dashed = _curves(result), ("random", "herding")
    full = next((row for row in result["rows"] if row["name"] == "full data"), None)
    line = (f"full data ({full['accuracy']:.0f} %)", full["accuracy"]) if full else None
    return {
        "accuracy-videos": accuracy_curves(curves, "vpc", x_label="videos a class", dashed=dashed, line=line),
        "accuracy-bytes": accuracy_curves(
            curves, "bytes", x_label="bytes of the whole set (five classes)", dashed=dashed, line=line
        ),
    }


def _curves(result: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found = {
        name: [row for row in result["rows"] if (row["name"], row["codec"]) == (name, codec)]
        for name, codec in CURVES.items()
    }
    return {name: rows for name, rows in found.items() if rows}


if __name__ == "__main__":
    for name, figure in figures().items():
        write_bytes(FIGURES / f"{name}.svg", svg(figure))
