"""`vidcondense compare`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

from vidcondense.cli.arguments import ComputeArguments
from vidcondense.cli.output import Output, table
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.progress import progress
from vidcondense.comparison.cells import Place, forget_cell, run_cell
from vidcondense.comparison.outcome import Outcome
from vidcondense.comparison.plan import Plan, read_plan
from vidcondense.comparison.run import cell_command, copy_plan, read_outcome, run_cells, states
from vidcondense.comparison.tables import to_cells, to_latex, to_markdown
from vidcondense.errors import UsageError
from vidcondense.evaluation.tables import to_csv
from vidcondense.files import write_json, write_text
from vidcondense.options import require, unknown
from vidcondense.video.index import DataOptions


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Condense and judge many sets with several seeds, and put them in one table with intervals.

    Examples:
      vidcondense compare plan.toml --data videos --out runs/compare --jobs 2
      vidcondense compare plan.toml --data videos --out runs/compare --list
      vidcondense compare plan.toml --data videos --out runs/compare --only prism-vpc-5-3

    The plan is a TOML file: tables [condense] and [evaluate] for what all sets have in common, and a table
    [sets.NAME] of recipe keys for each set; see docs/compare.md. Each cell (one set, one condensation seed)
    is a process of its own and is computed once: an interrupted comparison goes on where it stopped, and a
    plan may grow. The table is in OUT as compare.json, .csv, .md and .tex.
    """

    plan: tyro.conf.Positional[Path]
    """TOML file that says what is compared."""

    data: Path
    """Folder of real videos."""

    out: Path
    """Folder for the results; the same one continues an earlier comparison."""

    only: tuple[str, ...] = ()
    """Compute only these cells, in this process (for a cluster: a cell a task); --list names them."""

    list: bool = False
    """Only tell which cells there are, and which are computed."""

    jobs: int = 1
    """Cells to compute at the same time."""

    threads: int | None = None
    """Threads of each cell's process (default: the cores, shared evenly among the jobs)."""

    compute: ComputeArguments = field(default_factory=ComputeArguments)
    """Where networks run."""

    workers: int = -1
    """Processes that decode: -1 for one per core, 0 for none."""

    time_limit: float = 120.0
    """Seconds to spend on one video at most."""

    follow_symlinks: bool = False
    """Also read what links in the dataset point to outside of it."""

    cache_dir: Path | None = None
    """Folder for decoded clips; by default $VIDCONDENSE_CACHE, or the user's cache folder."""

    overwrite: bool = False
    """Compute cells anew that were computed before, perhaps with other options."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""

    def __post_init__(self) -> None:
        require(self.jobs >= 1, "jobs", self.jobs, "must be at least 1")
        require(self.threads is None or self.threads >= 1, "threads", self.threads, "must be at least 1")


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Compute what is missing, then print and write the table."""
    plan = read_plan(arguments.plan)
    place = Place(
        data=arguments.data,
        out=arguments.out,
        reading=DataOptions(
            workers=arguments.workers,
            time_limit=arguments.time_limit,
            follow_symlinks=arguments.follow_symlinks,
            cache_dir=arguments.cache_dir,
        ),
        folds=plan.folds,
    )
    cells = plan.cells()
    for name in arguments.only:
        if name not in cells:
            raise UsageError(unknown(name, cells, "cell"))
    if arguments.only:
        return _run_here(arguments, plan, place, output)
    done = states(plan, place, overwrite=arguments.overwrite and not arguments.list)
    if arguments.list:
        output.say(table(["cell", "state"], [[name, "done" if done[name] else "to do"] for name in done]))
        return {"cells": done}
    copy_plan(arguments.plan, arguments.out)
    chosen = arguments.compute
    commands = {
        name: cell_command(arguments.plan, place, name, chosen.device, chosen.precision) for name in done
    }
    todo = [name for name, ready in done.items() if not ready]
    output.note(f"{len(done)} cells, {len(todo)} to compute")
    with progress() as bars:
        failures = run_cells(
            place,
            {name: commands[name] for name in todo},
            jobs=arguments.jobs,
            threads=arguments.threads,
            listener=bars.follow("cell", "computing cells"),
        )
    outcome = read_outcome(plan, place, failures)
    result = {**_as_dict(plan, outcome), "commands": commands}
    _write(arguments.out, outcome, result)
    _show(plan, outcome, output)
    return {**result, "ok": not failures}


def _run_here(arguments: Arguments, plan: Plan, place: Place, output: Output) -> dict[str, Any]:
    compute = arguments.compute.choose()
    cells = plan.cells()
    if arguments.overwrite:
        for name in arguments.only:
            forget_cell(place, name)
    found = {}
    with progress() as bars:
        for name in arguments.only:
            entrant, seed = cells[name]
            iterations = entrant.recipe.condense.iterations
            listener = bars.follow("iteration", f"condensing {name}", iterations)
            found[name] = run_cell(place, entrant, seed, compute=compute, listener=listener)
            output.say(f"{name}: {place.result(name)}")
    return {"cells": found}


def _write(out: Path, outcome: Outcome, result: dict[str, Any]) -> None:
    records = outcome.records()
    titles, rows = to_cells(records)
    write_json(out / "compare.json", result)
    write_text(out / "compare.csv", to_csv(records))
    write_text(out / "compare.md", to_markdown(titles, rows))
    write_text(out / "compare.tex", to_latex(titles, rows))


def _as_dict(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    return {
        "baseline": plan.baseline,
        "folds": plan.folds,
        "rows": outcome.rows_as_json(),
        "failures": dict(outcome.failures),
        "waiting": list(outcome.waiting),
    }


def _show(plan: Plan, outcome: Outcome, output: Output) -> None:
    output.say(table(*to_cells(outcome.records())))
    if plan.folds is not None:
        output.say(f"\njudged on {plan.folds} held-out folds of the training clips, never on test clips")
    for name, reason in outcome.failures.items():
        output.note(f"{name} failed: {reason}")
    if outcome.waiting:
        output.note(f"{len(outcome.waiting)} cells are not computed; the same command goes on")
