"""What `evaluate` and `compare` wrote, read back: rows of accuracies, and what networks confuse."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec

from vidcondense.errors import FormatError
from vidcondense.files import read_json
from vidcondense.storage.labels import HARD

EVALUATED = "results.json"
COMPARED = "compare.json"

_MAX_BYTES = 2**30
_ADVICE = "it must be a result of vidcondense evaluate or compare: run the command again"

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Percent = Annotated[float, msgspec.Meta(ge=0, le=100.01)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1.0001)]
_Size = Annotated[float, msgspec.Meta(ge=0, le=2**53)]
_Seed = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Classes = Annotated[list[str], msgspec.Meta(min_length=1, max_length=2**16)]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a table; accuracies in percent, None where there is no figure."""

    name: str
    n: _Count
    repeat: str
    accuracy: _Percent | None
    std: _Percent | None
    ci_low: _Percent | None
    ci_high: _Percent | None
    group_ci_low: _Percent | None
    group_ci_high: _Percent | None
    train_accuracy: _Percent | None
    networks: _Count
    diverged: _Count
    clips: _Count
    vpc: _Size | None = None
    paper_mb: _Size | None = None
    bytes: _Count | None = None
    model: str = ""
    codec: str | None = None
    labels: str = HARD


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """One network of an evaluation: what it took for what."""

    confusion: list[tuple[_Count, _Count, _Count]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """The networks of one set."""

    options: dict[str, Any]
    classes: _Classes
    per_class: list[_Share | None]
    repeats: list[Repeat]
    training: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One set or control, class by class."""

    name: str
    evaluation: Evaluated
    sha256: str | None = None
    labels: str = HARD

    @property
    def confusion(self) -> Counter[tuple[int, int]]:
        """How often a class was taken for another, or itself, of all networks; empty: not recorded."""
        counts: Counter[tuple[int, int]] = Counter()
        for repeat in self.evaluation.repeats:
            for row, column, count in repeat.confusion:
                counts[row, column] += count
        return +counts


@dataclass(frozen=True, kw_only=True)
class Results:
    """One file of results.

    Attributes:
        folder: where it lies.
        rows: of its table.
        judged: sets and controls, class by class; of an evaluation only.
        chance: accuracy of guessing, 0 to 1; None where the file does not say.
        how: sets were judged, in words; empty where the file does not say.
        seed: of the evaluation; None where the file does not say.
        commands: that made it, by the name of a cell; of a comparison only.
    """

    folder: Path
    rows: Sequence[Row]
    judged: Sequence[Judged] = ()
    chance: float | None = None
    how: str = ""
    seed: int | None = None
    commands: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _EvaluationFile:
    table: list[Row]
    sets: list[Judged]
    controls: list[Judged]
    chance: _Share
    protocol: str
    judged: str = ""
    seed: _Seed | None = None


@dataclass(frozen=True, kw_only=True)
class _ComparisonFile:
    rows: list[Row]
    commands: dict[str, list[str]]
    judged: str = ""


def read_results(folder: Path) -> Results:
    """Read the results in a folder that `vidcondense evaluate` or `compare` was given as --out.

    Raises:
        FormatError: there are none, or they are of another command or damaged.
    """
    if os.path.lexists(folder / EVALUATED):
        found = read_json(folder / EVALUATED, _MAX_BYTES, _EvaluationFile, _ADVICE)
        judged = [*found.sets, *found.controls]
        for each in judged:
            _check(folder / EVALUATED, each, judged[0].evaluation.classes)
        return Results(
            folder=folder,
            rows=found.table,
            judged=judged,
            chance=found.chance,
            how=found.judged or f"protocol {found.protocol}",
            seed=found.seed,
        )
    if os.path.lexists(folder / COMPARED):
        compared = read_json(folder / COMPARED, _MAX_BYTES, _ComparisonFile, _ADVICE)
        return Results(folder=folder, rows=compared.rows, how=compared.judged, commands=compared.commands)
    raise FormatError(
        f"{folder} has neither {EVALUATED} nor {COMPARED}: "
        "give the folder that was --out of vidcondense evaluate or compare"
    )


def _check(path: Path, judged: Judged, classes: Sequence[str]) -> None:
    """What a page is made of must fit together."""
    found = judged.evaluation
    known, options = range(len(classes)), found.options
    rules = {
        "its options name no network": isinstance(options.get("model"), str),
        "its steps are no number": options.get("steps") is None or type(options["steps"]) is int,
        "its classes are not those of the others": found.classes == classes,
        "it has not an accuracy for every class": len(found.per_class) in (0, len(classes)),
        "its confusion names classes that do not exist": all(
            row in known and column in known
            for repeat in found.repeats
            for row, column, _ in repeat.confusion
        ),
    }
    for what, holds in rules.items():
        if not holds:
            raise FormatError(f"{path}: {judged.name!r:.80} cannot be: {what}; {_ADVICE}")
