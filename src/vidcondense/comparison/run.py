"""A whole comparison: its cells, each a process of its own, and the files of the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vidcondense.comparison.cells import Place, forget_cell, missing, read_cell
from vidcondense.comparison.outcome import Outcome, collect
from vidcondense.comparison.plan import Plan
from vidcondense.events import Listener, ignore
from vidcondense.files import write_text
from vidcondense.jobs import run_commands


def states(plan: Plan, place: Place, *, overwrite: bool = False) -> dict[str, bool]:
    """Whether each cell of a plan is computed, by its name.

    Args:
        plan: what is compared.
        place: where it is computed.
        overwrite: first forget all cells, results and condensed sets.

    Raises:
        OutputError: a result was computed with other options.
        FormatError: a result is damaged.
    """
    found = {}
    for name, (entrant, seed) in plan.cells().items():
        if overwrite:
            forget_cell(place, name)
        found[name] = not missing(entrant, read_cell(place, entrant, seed))
    return found


def cell_command(plan: Path, place: Place, cell: str, device: str, precision: str) -> list[str]:
    """The arguments of the command that computes one cell of a plan."""
    words = ["compare", str(plan), "--data", str(place.data), "--out", str(place.out), "--only", cell]
    words += ["--workers", str(place.reading.workers), "--device", device, "--precision", precision]
    words += ["--time-limit", str(place.reading.time_limit)]
    if place.reading.follow_symlinks:
        words.append("--follow-symlinks")
    if place.reading.cache_dir is not None:
        words += ["--cache-dir", str(place.reading.cache_dir)]
    return words


def run_cells(
    place: Place,
    commands: Mapping[str, Sequence[str]],
    *,
    jobs: int,
    threads: int | None,
    listener: Listener = ignore,
) -> dict[str, str]:
    """Compute cells, each by a command of its own.

    Args:
        place: where they are computed; what a command writes on standard error is in `logs/` there.
        commands: of each cell by its name, the command that computes it (see `cell_command`).
        jobs: how many at a time.
        threads: of each process; default: the cores, shared evenly.
        listener: gets a `cell` event (cell, reason, done, total) as each one ends.

    Returns:
        Why a cell failed, by its name; nothing of those that did not.

    Raises:
        Interrupted: a signal came; each interrupted condensation left a checkpoint.
    """
    failures: dict[str, str] = {}
    outcomes = run_commands(commands, logs=place.out / "logs", jobs=jobs, threads=threads)
    for done, outcome in enumerate(outcomes, start=1):
        if outcome.reason:
            failures[outcome.name] = outcome.reason
        listener(
            {
                "kind": "cell",
                "cell": outcome.name,
                "reason": outcome.reason,
                "done": done,
                "total": len(commands),
            }
        )
    return failures


def read_outcome(plan: Plan, place: Place, failures: Mapping[str, str]) -> Outcome:
    """What is known by now of a whole comparison."""
    cells, waiting = {}, []
    for name, (entrant, seed) in plan.cells().items():
        cell = read_cell(place, entrant, seed)
        if cell is not None:
            cells[name] = cell
        if missing(entrant, cell) and name not in failures:
            waiting.append(name)
    return collect(plan, cells, failures, waiting)


def copy_plan(path: Path, out: Path) -> None:
    """Lay the file of a comparison beside its results."""
    write_text(out / "compare.toml", path.read_text(encoding="utf-8-sig"))
