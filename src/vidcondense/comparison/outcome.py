"""The table of a comparison, from the results of its cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from vidcondense.comparison.cells import Cell, key_of, keys
from vidcondense.comparison.plan import Entrant, Plan
from vidcondense.errors import FormatError
from vidcondense.evaluation.protocol import OLDER_JUDGE
from vidcondense.evaluation.results import Evaluation, Summary, summarise
from vidcondense.evaluation.statistics import PairedDifference, mean, paired_difference
from vidcondense.evaluation.tables import Record, percent, record
from vidcondense.options import as_json
from vidcondense.storage.labels import HARD, LEARNED

_NOTHING = Summary(
    unit="set",
    finite=0,
    networks=0,
    diverged=0,
    accuracy=None,
    std=None,
    interval=None,
    group_interval=None,
    train_accuracy=None,
    best_of_points_on_test=None,
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line: an entrant in one codec, judged by one network that learns from one kind of labels.

    Attributes:
        entrant: what was repeated.
        codec: how it is stored; None of the full data.
        model: the network it is judged by.
        labels: what that is trained on.
        entries: of each cell by condensation seed, what it says of this row.
        cells: those cells.
    """

    entrant: Entrant
    codec: str | None
    model: str
    labels: str
    entries: Mapping[int, Mapping[str, Any]]
    cells: Mapping[int, Cell]

    @property
    def accuracies(self) -> dict[int, float | None]:
        """The mean accuracy of the networks of each condensation seed; None where all diverged."""
        return {seed: accuracy_of(entry) for seed, entry in self.entries.items()}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Everything there is to say: rows that were computed, and cells that were not.

    Attributes:
        rows: in the order of the plan.
        failures: by the name of a cell, why it failed.
        waiting: cells that were not computed yet.
        baseline: what rows are compared with.
        judged: how networks are trained on the sets, in words.
        folds: of a cross-validation; None where cells are judged on the test split.
    """

    rows: tuple[Row, ...]
    failures: Mapping[str, str]
    waiting: tuple[str, ...]
    baseline: str | None
    judged: str
    folds: int | None = None

    def records(self) -> list[Record]:
        """A row of numbers for each row, without any where no cell has a result.

        Accuracies are in percent; `failed` says why cells that should be in the row are not.
        """
        return [dict(row) for row in self._records]

    @cached_property
    def _records(self) -> list[Record]:
        return [self._record(row) for row in self.rows]

    def as_json(self) -> dict[str, Any]:
        """Everything, as a JSON object."""
        return {
            "baseline": self.baseline,
            "judged": self.judged,
            "folds": self.folds,
            "rows": self.rows_as_json(),
            "failures": dict(self.failures),
            "waiting": list(self.waiting),
        }

    def rows_as_json(self) -> list[Record]:
        """The records of rows with a result, each with every seed's accuracy (0 to 1, None: all diverged)."""
        return [
            {**numbers, "accuracies": {str(seed): each for seed, each in row.accuracies.items()}}
            for row, numbers in zip(self.rows, self._records, strict=True)
            if row.entries
        ]

    def _record(self, row: Row) -> Record:
        evaluations = [_evaluation(row.entries[seed]) for seed in sorted(row.entries)]
        entries, cells = list(row.entries.values()), list(row.cells.values())
        made = [entry for entry in entries if entry["codec"] is not None]
        numbers = record(
            row.entrant.label,
            summarise(evaluations, folds=self.folds is not None) if evaluations else _NOTHING,
            model=row.model,
            labels=HARD if row.labels == HARD else LEARNED,
            clips=evaluations[0].num_train if evaluations else None,
            vpc=row.entrant.vpc,
            paper_mb=mean([entry["paper_mb"] for entry in made]),
            num_bytes=_whole(mean([entry["bytes"] for entry in made])),
        )
        frames = [count for entry in made for count in entry["key_frames"]]
        return {
            **numbers,
            "method": row.entrant.recipe.condense.method if row.entrant.condensed else None,
            "codec": row.codec,
            "wanted": row.entrant.repeats,
            "key_frames": mean(frames),
            **self._difference(row),
            "clip_evaluations": _whole(
                mean([entry["clip_evaluations"] for entry in made if entry.get("clip_evaluations")])
            ),
            "seconds_condense": mean([c["seconds_condense"] for c in cells if c["seconds_condense"]]),
            "seconds_evaluate": mean([entry["seconds_evaluate"] for entry in entries]),
            "peak_memory_mb": mean([c["peak_memory_mb"] for c in cells if c["peak_memory_mb"]]),
            "peak_gpu_mb": mean([c["peak_gpu_mb"] for c in cells if c.get("peak_gpu_mb")]),
            "precision": _precision(entries),
            "failed": self._failed(row),
        }

    def _failed(self, row: Row) -> str | None:
        """Why cells are not in a row: of each reason, how many."""
        names = [
            row.entrant.cell_name(seed) for seed in range(row.entrant.repeats) if seed not in row.entries
        ]
        counts = Counter(self.failures[name] for name in names if name in self.failures)
        return "; ".join(f"{count} failed: {reason}" for reason, count in counts.items()) or None

    def _difference(self, row: Row) -> dict[str, float | int | None]:
        """How much better a row is than the baseline of the same size and network, on the same seeds."""
        found = None
        base = self._baseline_of(row)
        if base is not None:
            ours, theirs = row.accuracies, base.accuracies
            seeds = sorted(ours.keys() & theirs.keys())
            found = paired_difference([ours[seed] for seed in seeds], [theirs[seed] for seed in seeds])
        return _numbers(found)

    def _baseline_of(self, row: Row) -> Row | None:
        if row.entrant.name == self.baseline or not row.entrant.condensed:
            return None
        alike = [
            other
            for other in self.rows
            if other.entrant.name == self.baseline
            and (other.entrant.vpc, other.model) == (row.entrant.vpc, row.model)
        ]
        return max(
            alike, key=lambda other: (other.codec == row.codec, other.labels == row.labels), default=None
        )


def collect(
    plan: Plan, cells: Mapping[str, Cell], failures: Mapping[str, str], waiting: Sequence[str]
) -> Outcome:
    """Sort the results of cells into rows.

    Args:
        plan: what is compared.
        cells: the results there are, by name.
        failures: by name, why a cell has none.
        waiting: the cells that were not tried.
    """
    rows = []
    for entrant in plan.entrants:
        known = {
            seed: cells[entrant.cell_name(seed)]
            for seed in range(entrant.repeats)
            if entrant.cell_name(seed) in cells
        }
        for codec, model, labels in keys(entrant):
            entries = {
                seed: entry
                for seed, cell in known.items()
                for entry in cell["entries"]
                if key_of(entry) == (codec, model, labels)
            }
            rows.append(
                Row(
                    entrant=entrant,
                    codec=codec,
                    model=model,
                    labels=labels,
                    entries=entries,
                    cells={seed: known[seed] for seed in entries},
                )
            )
    return Outcome(
        rows=tuple(rows),
        failures=dict(failures),
        waiting=tuple(waiting),
        baseline=plan.baseline,
        judged=plan.entrants[0].evaluation.told,
        folds=plan.folds,
    )


def accuracy_of(entry: Mapping[str, Any]) -> float | None:
    """The mean accuracy of a cell's networks for one row, 0 to 1; None where all diverged."""
    return mean(_evaluation(entry).accuracies)


def _evaluation(entry: Mapping[str, Any]) -> Evaluation:
    """Of an older entry, with the options that came to be after it; they had no other value then."""
    kept = entry["evaluation"]
    try:
        options = {**as_json(OLDER_JUDGE), **kept["options"]}
        return msgspec.convert({**kept, "options": options}, Evaluation)
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"the result of a cell holds no evaluation ({error}); use --overwrite") from error


def _numbers(found: PairedDifference | None) -> dict[str, float | int | None]:
    low, high = found.interval if found and found.interval else (None, None)
    return {
        "difference": percent(found.mean if found else None),
        "difference_low": percent(low),
        "difference_high": percent(high),
        "p_value": found.p_value if found else None,
        "pairs": found.pairs if found else None,
    }


def _precision(entries: Sequence[Mapping[str, Any]]) -> str | None:
    """In which precision networks learned from or judged a row; several where machines differed."""
    records = ("condensed_with", "judged_with")
    found = {str(entry[key]["precision"]) for entry in entries for key in records if key in entry}
    if found and any("judged_with" not in entry for entry in entries):
        found.add("unknown")
    return ", ".join(sorted(found)) or None


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
