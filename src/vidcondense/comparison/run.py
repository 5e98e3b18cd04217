"""A whole comparison: its cells, each a process of its own, and the files of the result."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from vidcondense.comparison.cells import Place, check_experts, forget_cell, missing, read_cell
from vidcondense.comparison.outcome import Outcome, collect
from vidcondense.comparison.plan import Plan, read_plan
from vidcondense.comparison.tables import to_cells, to_commands, to_latex, to_markdown
from vidcondense.compute import Precision
from vidcondense.errors import DataError
from vidcondense.evaluation.tables import to_csv
from vidcondense.events import Listener, ignore
from vidcondense.files import write_json, write_text
from vidcondense.jobs import Outcome as Ended
from vidcondense.side_by_side import SideBySide
from vidcondense.video.index import DataOptions


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
    if overwrite:
        shutil.rmtree(place.means, ignore_errors=True)
    for name, (entrant, seed) in plan.cells().items():
        if overwrite:
            forget_cell(place, name)
        found[name] = not missing(entrant, read_cell(place, entrant, seed))
    return found


@dataclass(frozen=True, kw_only=True)
class Jobs(SideBySide):
    """How cells are computed: each is a process of its own."""

    device: str = "auto"
    """Where networks run: auto (a GPU when there is one), cpu, cuda, or cuda:1."""

    precision: Precision = "auto"
    """Of the forward passes: float32, bfloat16, or auto (bfloat16 where the processor has it)."""

    share_means: bool = True
    """Whether mean features of real clips are kept in OUT/means until all is computed, so that cells of a
    seed that match the same ones compute them once. Same sets either way; four bytes a feature, target and
    iteration on the disk."""


def compare(
    path: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    jobs: Jobs | None = None,
    reading: DataOptions | None = None,
    overwrite: bool = False,
    listener: Listener = ignore,
) -> Outcome:
    """Condense and judge everything in a plan, and write the table; what is computed already is kept.

    Args:
        path: of the plan, a TOML file.
        data: the folder of real videos.
        out: the folder for results: compare.json, .csv, .md, .tex, and every cell, set and log.
        jobs: how many cells at a time, and where.
        reading: what belongs to the machine in how videos are read: workers, cache, limits.
        overwrite: compute cells anew that were computed before.
        listener: gets a `cells` event (total, todo), and a `cell` event as each one ends.

    Returns:
        The rows; cells that failed are in its `failures`.

    Raises:
        FormatError: the plan, or a result in `out`, makes no sense.
        OutputError: a result in `out` was computed with other options.
        DataError: there is no folder of data, or the experts of a fold are missing.
        Interrupted: a signal came; the same call goes on from there.
    """
    path, jobs = Path(path), jobs or Jobs()
    plan = read_plan(path)
    place = Place(
        data=Path(data),
        out=Path(out),
        reading=reading or DataOptions(),
        folds=plan.folds,
        share_means=jobs.share_means,
    )
    there = place.data.is_dir()
    done = states(plan, place, overwrite=overwrite and there)
    todo = [name for name, ready in done.items() if not ready]
    cells = plan.cells()
    if not there and (todo or overwrite):
        raise DataError(f"{place.data} is no folder; give the folder that holds the dataset")
    for name in todo:
        check_experts(place, *cells[name])
    listener({"kind": "cells", "total": len(done), "todo": len(todo)})
    write_text(place.out / "compare.toml", path.read_text(encoding="utf-8-sig"))
    with closing(run_cells(path, place, todo, jobs=jobs, listener=listener)) as every:
        failures = {ended.name: ended.reason for ended in every if ended.reason}
    outcome = read_outcome(plan, place, failures)
    if not (failures or outcome.waiting):
        shutil.rmtree(place.means, ignore_errors=True)
    commands = {name: ["vidcondense", *cell_command(path, place, name, jobs)] for name in done}
    write_json(place.out / "compare.json", {**outcome.as_json(), "commands": commands})
    records = outcome.records()
    titles, rows = to_cells(records)
    told = f"{to_markdown(titles, rows)}\nJudged by {outcome.judged}.\n"
    write_text(place.out / "compare.csv", to_csv(records))
    write_text(place.out / "compare.md", told + to_commands(commands, failures))
    write_text(place.out / "compare.tex", to_latex(titles, rows))
    return outcome


def cell_command(plan: Path, place: Place, cell: str, jobs: Jobs) -> list[str]:
    """The arguments of the command that computes one cell of a plan."""
    words = ["compare", str(plan), "--data", str(place.data), "--out", str(place.out), "--only", cell]
    words += ["--device", jobs.device, "--precision", jobs.precision]
    words += ["--workers", str(place.reading.workers), "--time-limit", str(place.reading.time_limit)]
    if not place.share_means:
        words.append("--no-share-means")
    if place.reading.follow_symlinks:
        words.append("--follow-symlinks")
    if place.reading.cache_dir is not None:
        words += ["--cache-dir", str(place.reading.cache_dir)]
    return words


def run_cells(
    plan: Path,
    place: Place,
    cells: Sequence[str],
    *,
    jobs: Jobs,
    go_on: Callable[[], bool] = lambda: True,
    listener: Listener = ignore,
) -> Generator[Ended]:
    """Compute cells, each by a command of its own, and yield how each ended, as they end.

    Args:
        plan: the file they are of.
        place: where they are computed; what a command writes on standard error is in `logs/` there.
        cells: their names.
        jobs: how many at a time, and where.
        go_on: asked before each cell; once it says no, none is begun.
        listener: gets a `cell` event (cell, reason, done, total) as each one ends.

    Raises:
        Interrupted: a signal came; each interrupted condensation left a checkpoint.
    """
    begun = itertools.takewhile(lambda _: go_on(), cells)
    commands = ((name, cell_command(plan, place, name, jobs)) for name in begun)
    with closing(jobs.run(commands, logs=place.out / "logs", gpu=jobs.device != "cpu")) as every:
        for done, ended in enumerate(every, start=1):
            event = {"kind": "cell", "cell": ended.name, "reason": ended.reason}
            listener({**event, "done": done, "total": len(cells)})
            yield ended


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
