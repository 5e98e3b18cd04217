"""What a report says of results: accuracies with intervals, per class, and what is taken for what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from vidcondense.evaluation.tables import percent
from vidcondense.report.charts import Chart, Estimate, bytes_chart, interval_chart
from vidcondense.report.results import Judged, Results, Row
from vidcondense.report.runs import Run
from vidcondense.storage.labels import labels_suffix

CONTROL = -1
"""The number of the colour of what is no run of the report."""

MAX_MATRIX = 30
"""Classes of a confusion that is shown as a matrix; of more, only the most frequent ones are listed."""

MAX_PAIRS = 20


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """What the networks of one set take for what.

    Attributes:
        name: of the set.
        classes: their names.
        shares: of the clips of each class (row) taken for each (column), 0 to 1; empty of many classes.
        pairs: (class, class it is taken for, share) of the most frequent confusions.
    """

    name: str
    classes: Sequence[str]
    shares: Sequence[Sequence[float]]
    pairs: Sequence[tuple[str, str, float]]


@dataclass(frozen=True, kw_only=True)
class ClassTable:
    """Accuracy of each class, in percent.

    Attributes:
        names: of sets and controls.
        rows: a class, and a value for each name; None where no clip was tested.
    """

    names: Sequence[str]
    rows: Sequence[tuple[str, Sequence[float | None]]]


def accuracy_charts(results: Results, runs: Sequence[Run]) -> list[Chart]:
    """Accuracies with their intervals, and against bytes."""
    rows = [_estimate(row, results, runs) for row in results.rows if row.accuracy is not None]
    chance = None if results.chance is None else 100 * results.chance
    charts = [
        interval_chart(
            "Accuracy on test clips",
            "What networks trained on each set, or on a control, reach; bars are 95 % intervals.",
            rows,
            chance,
        ),
        bytes_chart("Accuracy against size", "Accuracy against bytes on disk, with intervals.", rows, chance),
    ]
    return [chart for chart in charts if chart is not None]


def standings(results: Sequence[Results], runs: Sequence[Run]) -> list[list[tuple[str, str, str]]]:
    """Of each run what networks trained on it reach: network and labels, accuracy, interval if known."""
    found: list[list[tuple[str, str, str]]] = [[] for _ in runs]
    for each in results:
        known = _runs_by_name(each, runs)
        for row in each.rows:
            if row.name in known and row.accuracy is not None:
                spread = "" if row.ci_low is None else f"{row.ci_low:.1f} to {row.ci_high:.1f}"
                judge = row.model + labels_suffix(row.labels)
                found[known[row.name][1]].append((judge, f"{row.accuracy:.1f} %", spread))
    return found


def title_of(row: Row, results: Results, runs: Sequence[Run]) -> str:
    """The name of a row, with its labels, and network and codec where there are several."""
    known = _runs_by_name(results, runs)
    parts = [known[row.name][0] if row.name in known else row.name]
    if len({each.model for each in results.rows}) > 1:
        parts.append(row.model)
    if row.codec is not None and len({each.codec for each in results.rows}) > 1:
        parts.append(row.codec)
    return ", ".join(parts) + labels_suffix(row.labels)


def class_tables(results: Results, runs: Sequence[Run]) -> ClassTable | None:
    """The accuracy of each class; None of results that do not tell."""
    if not results.judged:
        return None
    columns = [each for each in results.judged if each.evaluation.per_class]
    classes = results.judged[0].evaluation.classes
    return ClassTable(
        names=[_title(each, results, runs) for each in columns],
        rows=[
            (name, [percent(each.evaluation.per_class[label]) for each in columns])
            for label, name in enumerate(classes)
        ],
    )


def confusions(results: Results, runs: Sequence[Run]) -> list[Confusion]:
    """What is taken for what, of each set and control whose results tell."""
    return [_confusion(each, _title(each, results, runs)) for each in results.judged if each.confusion]


def _confusion(judged: Judged, name: str) -> Confusion:
    counts, totals = judged.confusion, Counter[int]()
    for (row, _), count in counts.items():
        totals[row] += count
    shares = {(row, column): count / totals[row] for (row, column), count in sorted(counts.items())}
    classes = judged.evaluation.classes
    labels = range(len(classes)) if len(classes) <= MAX_MATRIX else range(0)
    wrong = [
        (classes[row], classes[column], share) for (row, column), share in shares.items() if row != column
    ]
    return Confusion(
        name=name,
        classes=classes,
        shares=[[shares.get((row, column), 0.0) for column in labels] for row in labels],
        pairs=sorted(wrong, key=lambda pair: -pair[2])[:MAX_PAIRS],
    )


def _estimate(row: Row, results: Results, runs: Sequence[Run]) -> Estimate:
    _, colour = _runs_by_name(results, runs).get(row.name, (row.name, CONTROL))
    name = title_of(row, results, runs)
    return name, row.accuracy or 0.0, row.ci_low, row.ci_high, colour, row.bytes


def _runs_by_name(results: Results, runs: Sequence[Run]) -> dict[str, tuple[str, int]]:
    """By the name in the results: that in the report, and the colour."""
    by_hash = {run.sha256: (run.name, index) for index, run in enumerate(runs)}
    return {each.name: by_hash[each.sha256] for each in results.judged if each.sha256 in by_hash}


def _title(judged: Judged, results: Results, runs: Sequence[Run]) -> str:
    known = _runs_by_name(results, runs)
    name = known[judged.name][0] if judged.name in known else judged.name
    several = len({each.evaluation.options["model"] for each in results.judged}) > 1
    model = f", {judged.evaluation.options['model']}" if several else ""
    return name + model + labels_suffix(judged.labels)
