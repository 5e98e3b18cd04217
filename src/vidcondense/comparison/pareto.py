"""Accuracy against bytes: what each size buys, and where learned sets and real clips change the lead.

The rows are those of comparisons (`compare.json`). At a size in bytes the best learned set of at most that
size stands against the best set of real clips of at most that size. Whichever rows these are is chosen by
accuracy, so on the same clips both flatter themselves: give a cross-validation to choose by.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from vidcondense.errors import DataError, FormatError
from vidcondense.evaluation.statistics import PairedDifference, paired_difference
from vidcondense.evaluation.tables import MISSING, Record, accuracy_text, number, percent, spread
from vidcondense.files import read_json
from vidcondense.methods import METHODS
from vidcondense.storage.labels import HARD, labels_suffix

COLUMNS = (
    "name",
    "method",
    "model",
    "codec",
    "vpc",
    "bytes",
    "accuracy",
    "std",
    "ci_low",
    "ci_high",
    "accuracies",
)

_MAX_BYTES = 2**28
_ADVICE = "it must be what `vidcondense compare` wrote: run it again"
_ROUNDING = 1e-6
_Percent = Annotated[float, msgspec.Meta(ge=0, le=100.01)]


@dataclass(frozen=True, kw_only=True)
class _File:
    rows: list[dict[str, Any]]
    judged: str = ""
    """How networks were trained; older files do not say."""


@dataclass(frozen=True, kw_only=True)
class _Row:
    """What this module relies on, of a row with a size and an accuracy."""

    name: str
    method: str
    model: str
    codec: str
    vpc: Annotated[float, msgspec.Meta(gt=0, le=2**53)]
    bytes: Annotated[int, msgspec.Meta(gt=0, le=2**53)]
    accuracy: _Percent
    ci_low: _Percent | None
    ci_high: _Percent | None
    accuracies: dict[
        Annotated[str, msgspec.Meta(pattern="^[0-9]{1,20}$")],
        Annotated[float, msgspec.Meta(ge=0, le=1.0001)] | None,
    ]
    std: _Percent | None

    @property
    def possible(self) -> bool:
        """Whether the accuracy lies in its interval."""
        low = self.accuracy if self.ci_low is None else self.ci_low
        high = self.accuracy if self.ci_high is None else self.ci_high
        return low - _ROUNDING <= self.accuracy <= high + _ROUNDING


@dataclass(frozen=True, kw_only=True)
class Rival:
    """What stands against what at one size.

    Attributes:
        size: bytes neither side may exceed.
        learned: the row of the learned side; None where no learned set is that small.
        real: the row of real clips; None where none is that small.
        difference: learned minus real in pairs by seed, 0 to 1; None where one side is missing.
    """

    size: int
    learned: Record | None
    real: Record | None
    difference: PairedDifference | None


def read_rows(path: Path) -> list[Record]:
    """The rows of a comparison that have a size and an accuracy.

    Args:
        path: its folder, or its compare.json.

    Raises:
        DataError: there is no such file.
        FormatError: it is none of a comparison.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[list[Record], str]:
    """Those rows, and how they were judged."""
    file = path / "compare.json" if path.is_dir() else path
    if not os.path.lexists(file):
        raise DataError(f"there is no {file}; make it with `vidcondense compare`")
    found = read_json(file, _MAX_BYTES, _File, _ADVICE)
    rows = found.rows
    if not all(key in row for row in rows for key in COLUMNS):
        raise FormatError(f"{file} was written by an older vidcondense; run the same compare again")
    kept = [row for row in rows if row["bytes"] is not None and row["accuracy"] is not None]
    try:
        checked = [msgspec.convert(row, _Row) for row in kept]
    except ValueError as error:
        raise FormatError(f"cannot read {file}: {error}; {_ADVICE}") from error
    if not all(row.possible for row in checked):
        raise FormatError(f"cannot read {file}: an accuracy lies outside of its interval; {_ADVICE}")
    if not all(row.method in METHODS for row in checked):
        raise FormatError(f"{file} has rows of methods that this vidcondense does not know; upgrade it")
    return kept, found.judged


def read_comparisons(paths: Sequence[Path]) -> list[Record]:
    """The rows of several comparisons, as `read_rows` reads them.

    Raises:
        DataError: also where two were judged in different ways, or have a row of one name, number of videos,
            codec, network and labels.
        FormatError: see `read_rows`.
    """
    rows: list[Record] = []
    known: dict[tuple[Any, ...], Path] = {}
    ways: dict[str, Path] = {}
    for path in paths:
        found, judged = _read(path)
        if judged:
            ways.setdefault(judged, path)
        if len(ways) > 1:
            (one, first), (other, second) = ways.items()
            raise DataError(
                f"{first} was judged by {one}, {second} by {other}: they do not compare; leave one out"
            )
        for row in found:
            if _key(row) in known:
                raise DataError(
                    f"{known[_key(row)]} and {path} both have {label(row)}, judged by {row['model']}; "
                    "leave one out, or name their sets apart"
                )
        known |= dict.fromkeys(map(_key, found), path)
        rows += found
    return rows


def is_real(row: Mapping[str, Any]) -> bool:
    """Whether a row is of real clips that were chosen and kept, not learned."""
    return METHODS[row["method"]].select is not None


def front(rows: Iterable[Record]) -> list[Record]:
    """The rows that no other row beats in accuracy with as few bytes or fewer, by bytes."""
    best: list[Record] = []
    for row in sorted(rows, key=lambda row: (row["bytes"], -row["accuracy"])):
        if not best or row["accuracy"] > best[-1]["accuracy"]:
            best.append(row)
    return best


def rivals(
    rows: Sequence[Record], sizes: Sequence[int] | None = None, *, judge: Sequence[Record] | None = None
) -> list[Rival]:
    """What stands against what at each size.

    Args:
        rows: what is compared and reported, all judged by the same network.
        sizes: bytes; default: every size at which one side's best row changes.
        judge: rows of another comparison, by whose accuracy the best is chosen (the same names, numbers of
            videos, codecs and networks); default: `rows` themselves.

    Raises:
        DataError: a row is missing among those of `judge`.
    """
    scores = {_key(row): row["accuracy"] for row in (rows if judge is None else judge)}
    for row in rows:
        if _key(row) not in scores:
            raise DataError(f"the rows to choose by have no {label(row)}; compare the same sets in both")
    judged = [{**row, "accuracy": scores[_key(row)]} for row in rows]
    fronts = {real: front(row for row in judged if is_real(row) == real) for real in (False, True)}
    if sizes is None:
        sizes = sorted({row["bytes"] for side in fronts.values() for row in side})
    shown = {_key(row): row for row in rows}
    return [_rival(size, fronts, shown) for size in sizes]


def crossings(found: Sequence[Rival]) -> list[tuple[int, str]]:
    """The sizes at which the lead changes, and who has it from there on: `learned` or `real`."""
    leaders = [(rival.size, leader_of(rival)) for rival in found]
    return [
        (size, leader)
        for number, (size, leader) in enumerate(leaders)
        if leader and (number == 0 or leader != leaders[number - 1][1])
    ]


def leader_of(rival: Rival) -> str | None:
    """Whose row is better; a tie is won by the real clips, which cost nothing to make."""
    if rival.learned is None or rival.real is None:
        return "learned" if rival.learned else "real" if rival.real else None
    return "learned" if rival.learned["accuracy"] > rival.real["accuracy"] else "real"


def label(row: Mapping[str, Any]) -> str:
    """A row's name for a person, with what tells it from its neighbours."""
    labels = labels_suffix(row.get("labels", HARD))
    return f"{row['name']}, {row['vpc']:g} a class, {row['codec']}{labels}"


def to_cells(found: Sequence[Rival]) -> tuple[list[str], list[list[str]]]:
    """Column titles and rows of text."""
    titles = ["at most bytes", "learned", "accuracy %", "real clips", "accuracy % ", "difference", "95 % CI"]
    return titles, [_cells(rival) for rival in found]


def as_json(found: Sequence[Rival]) -> list[dict[str, Any]]:
    """The same as JSON; differences in percent."""
    return [
        {"size": rival.size, "learned": rival.learned, "real": rival.real, **_percent(rival.difference)}
        for rival in found
    ]


def _rival(size: int, fronts: Mapping[bool, Sequence[Record]], shown: Mapping[Any, Record]) -> Rival:
    learned, real = (
        next((shown[_key(row)] for row in reversed(fronts[side]) if row["bytes"] <= size), None)
        for side in (False, True)
    )
    difference = None
    if learned and real:
        ours, theirs = learned["accuracies"], real["accuracies"]
        seeds = sorted(ours.keys() & theirs.keys(), key=int)
        difference = paired_difference([ours[seed] for seed in seeds], [theirs[seed] for seed in seeds])
    return Rival(size=size, learned=learned, real=real, difference=difference)


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["name"], row["vpc"], row["codec"], row["model"], row.get("labels", HARD)


def _cells(rival: Rival) -> list[str]:
    cells = [f"{rival.size:,d}"]
    for row in (rival.learned, rival.real):
        cells += [label(row), accuracy_text(row)] if row else [MISSING, MISSING]
    numbers = _percent(rival.difference)
    return [*cells, number(numbers["difference"], "+.1f"), spread(numbers["low"], numbers["high"])]


def _percent(found: PairedDifference | None) -> dict[str, float | None]:
    low, high = found.interval if found and found.interval else (None, None)
    return {"difference": percent(found.mean if found else None), "low": percent(low), "high": percent(high)}
