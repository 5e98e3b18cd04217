"""What `evaluate` and `compare` wrote, read back: rows of accuracies, and what networks confuse."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from jaxtyping import Int

from vidcondense.errors import FormatError

F = TypeVar("F")

EVALUATED = "results.json"
COMPARED = "compare.json"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a table; accuracies in percent, None where there is no figure."""

    name: str
    n: int
    repeat: str
    accuracy: float | None
    std: float | None
    ci_low: float | None
    ci_high: float | None
    group_ci_low: float | None
    group_ci_high: float | None
    train_accuracy: float | None
    networks: int
    diverged: int
    clips: int
    vpc: float | None = None
    paper_mb: float | None = None
    bytes: int | None = None
    model: str = ""
    codec: str | None = None


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """One network of an evaluation: what it took for what."""

    confusion: list[tuple[int, int, int]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """The networks of one set."""

    options: dict[str, Any]
    classes: list[str]
    per_class: list[float | None]
    repeats: list[Repeat]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One set or control, class by class."""

    name: str
    evaluation: Evaluated
    sha256: str | None = None

    @property
    def confusion(self) -> Int[np.ndarray, "k k"]:
        """How often a class (row) was taken for each (column), summed over networks; zeros: not recorded."""
        matrix = np.zeros((len(self.evaluation.classes),) * 2, dtype=np.int64)
        for repeat in self.evaluation.repeats:
            for row, column, count in repeat.confusion:
                matrix[row, column] += count
        return matrix


@dataclass(frozen=True, kw_only=True)
class Results:
    """One file of results.

    Attributes:
        folder: where it lies.
        rows: of its table.
        judged: sets and controls, class by class; of an evaluation only.
        chance: accuracy of guessing, 0 to 1; None where the file does not say.
        protocol: how sets were judged; empty where the file does not say.
        seed: of the evaluation; None where the file does not say.
        commands: that made it, by the name of a cell; of a comparison only.
    """

    folder: Path
    rows: Sequence[Row]
    judged: Sequence[Judged] = ()
    chance: float | None = None
    protocol: str = ""
    seed: int | None = None
    commands: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _EvaluationFile:
    table: list[Row]
    sets: list[Judged]
    controls: list[Judged]
    chance: float
    protocol: str
    seed: int | None = None


@dataclass(frozen=True, kw_only=True)
class _ComparisonFile:
    rows: list[Row]
    commands: dict[str, list[str]]


def read_results(folder: Path) -> Results:
    """Read the results in a folder that `vidcondense evaluate` or `compare` was given as --out.

    Raises:
        FormatError: there are none, or they are of another command or damaged.
    """
    if (folder / EVALUATED).is_file():
        found = _read(folder / EVALUATED, _EvaluationFile)
        judged = [*found.sets, *found.controls]
        for each in judged:
            _check_confusion(folder / EVALUATED, each)
        return Results(
            folder=folder,
            rows=found.table,
            judged=judged,
            chance=found.chance,
            protocol=found.protocol,
            seed=found.seed,
        )
    if (folder / COMPARED).is_file():
        compared = _read(folder / COMPARED, _ComparisonFile)
        return Results(folder=folder, rows=compared.rows, commands=compared.commands)
    raise FormatError(
        f"{folder} has neither {EVALUATED} nor {COMPARED}: "
        "give the folder that was --out of vidcondense evaluate or compare"
    )


def _read(path: Path, kind: type[F]) -> F:
    try:
        return msgspec.convert(json.loads(path.read_text(encoding="utf-8")), kind)
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(
            f"{path} holds no results of vidcondense evaluate or compare: {error}; run the command again"
        ) from error


def _check_confusion(path: Path, judged: Judged) -> None:
    known = range(len(judged.evaluation.classes))
    for repeat in judged.evaluation.repeats:
        if not all(row in known and column in known for row, column, _ in repeat.confusion):
            raise FormatError(f"{path}: the confusion of {judged.name!r} names classes that do not exist")
