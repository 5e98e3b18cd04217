"""Evaluations as rows: numbers for a CSV file, texts for a table on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vidcondense.evaluation.results import Summary
from vidcondense.evaluation.statistics import Interval
from vidcondense.spreadsheet import csv_text
from vidcondense.words import counted

Record = dict[str, Any]
"""One row of numbers by column name; accuracies in percent, None where there is no figure."""

MISSING = "–"


def record(
    name: str,
    summary: Summary,
    *,
    model: str,
    clips: int | None,
    labels: str = "hard",
    condensed_with: str | None = None,
    vpc: float | int | None = None,
    paper_mb: float | None = None,
    num_bytes: int | None = None,
) -> Record:
    """One row of figures.

    Args:
        name: of the method or control.
        summary: its figures.
        model: the network that was trained.
        clips: training clips, where that is known.
        labels: what was trained on: `hard` labels, `learned` ones, or those of a `teacher`.
        condensed_with: the network the set was condensed with, where one was.
        vpc: videos per class, where that says something.
        paper_mb: MiB of float32 frames, as papers count.
        num_bytes: bytes on disk.
    """
    low, high = summary.interval or (None, None)
    group_low, group_high = summary.group_interval or (None, None)
    return {
        "name": name,
        "condensed_with": condensed_with,
        "model": model,
        "labels": labels,
        "vpc": vpc,
        "clips": clips,
        "repeat": summary.unit,
        "n": summary.finite,
        "accuracy": percent(summary.accuracy),
        "std": percent(summary.std),
        "ci_low": percent(low),
        "ci_high": percent(high),
        "group_ci_low": percent(group_low),
        "group_ci_high": percent(group_high),
        "train_accuracy": percent(summary.train_accuracy),
        "best_of_points_on_test": percent(summary.best_of_points_on_test),
        "networks": summary.networks,
        "diverged": summary.diverged,
        "paper_mb": paper_mb,
        "bytes": num_bytes,
    }


def to_csv(records: Sequence[Record]) -> str:
    """The rows as CSV text with a header; an absent figure is an empty cell, and no name is a formula."""
    if not records:
        return ""
    titles = list(records[0])
    return csv_text([titles, *([row[title] for title in titles] for row in records)])


def to_table(records: Sequence[Record]) -> tuple[list[str], list[list[str]]]:
    """Column titles and rows of text; columns that would be empty throughout are left out."""
    rows = [_cells(row) for row in records]
    titles = [title for title in (rows[0] if rows else {}) if any(row[title] != MISSING for row in rows)]
    return titles, [[row[title] for title in titles] for row in rows]


def to_matrix(records: Sequence[Record]) -> tuple[list[str], list[list[str]]]:
    """Column titles and rows of the cross-architecture table: a row a set, a column a trained network."""
    models = list(dict.fromkeys(row["model"] for row in records))
    rows: dict[str, list[str]] = {}
    for row in records:
        first = [row["name"], row["condensed_with"] or MISSING]
        rows.setdefault(row["name"], first + [MISSING] * len(models))[2 + models.index(row["model"])] = (
            accuracy_text(row)
        )
    return ["accuracy %", "condensed with", *models], list(rows.values())


def accuracy_text(row: Record) -> str:
    """The accuracy of a row, with its deviation where there is one."""
    return number(row["accuracy"], ".1f") + ("" if row["std"] is None else f" ± {row['std']:.1f}")


def _cells(row: Record) -> dict[str, str]:
    return {
        "name": row["name"],
        "model": row["model"],
        "labels": row["labels"],
        "vpc": number(row["vpc"], "g"),
        "clips": number(row["clips"], "d"),
        "n": counted(row["n"], row["repeat"]),
        "accuracy %": accuracy_text(row),
        "95 % CI": spread(row["ci_low"], row["ci_high"]),
        "95 % CI (groups)": spread(row["group_ci_low"], row["group_ci_high"]),
        "train %": number(row["train_accuracy"], ".1f"),
        "best of points on test %": number(row["best_of_points_on_test"], ".1f"),
        "diverged": f"{row['diverged']} of {row['networks']}",
        "paper MB": number(row["paper_mb"], ".2f"),
        "bytes": number(row["bytes"], ",d"),
    }


def percent(value: float | None) -> float | None:
    """A share, 0 to 1, in percent; None stays None."""
    return None if value is None else 100 * value


def number(value: float | int | None, form: str) -> str:
    """A number by a format, or the sign for none."""
    return MISSING if value is None else format(value, form)


def spread(low: float | None, high: float | None) -> str:
    """An interval, or the sign for none."""
    ends: Interval | None = None if low is None or high is None else (low, high)
    return MISSING if ends is None else f"{ends[0]:.1f} to {ends[1]:.1f}"
