"""`vidcondense compare`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

from vidcondense.assembly import total_iterations
from vidcondense.cli.output import Output, table
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.progress import progress
from vidcondense.comparison.cells import Place, forget_cell, run_cell
from vidcondense.comparison.outcome import Outcome
from vidcondense.comparison.plan import Plan, read_plan
from vidcondense.comparison.run import Jobs, compare, states
from vidcondense.comparison.tables import to_cells
from vidcondense.compute import choose_compute
from vidcondense.errors import UsageError
from vidcondense.events import Event, Listener, broadcast
from vidcondense.files import read_json
from vidcondense.options import unknown
from vidcondense.video.index import DataOptions

_MAX_RESULT = 2**30


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

    jobs: Jobs = field(default_factory=Jobs)
    """How cells are computed."""

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


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Compute what is missing, then print and write the table."""
    plan = read_plan(arguments.plan)
    reading = DataOptions(
        workers=arguments.workers,
        time_limit=arguments.time_limit,
        follow_symlinks=arguments.follow_symlinks,
        cache_dir=arguments.cache_dir,
    )
    place = Place(
        data=arguments.data,
        out=arguments.out,
        reading=reading,
        folds=plan.folds,
        share_means=arguments.jobs.share_means,
    )
    cells = plan.cells()
    for name in arguments.only:
        if name not in cells:
            raise UsageError(unknown(name, cells, "cell"))
    if arguments.only:
        return _run_here(arguments, plan, place, output)
    if arguments.list:
        done = states(plan, place)
        output.say(table(["cell", "state"], [[name, "done" if done[name] else "to do"] for name in done]))
        return {"cells": done}
    with progress() as bars:
        outcome = compare(
            arguments.plan,
            arguments.data,
            arguments.out,
            jobs=arguments.jobs,
            reading=reading,
            overwrite=arguments.overwrite,
            listener=broadcast(_tell_how_many(output), bars.follow("cell", "computing cells")),
        )
    result = read_json(arguments.out / "compare.json", _MAX_RESULT, dict)
    _show(outcome, result["commands"], output)
    return {**result, "ok": not outcome.failures}


def _tell_how_many(output: Output) -> Listener:
    def listen(event: Event) -> None:
        if event["kind"] == "cells":
            output.note(f"{event['total']} cells, {event['todo']} to compute")

    return listen


def _run_here(arguments: Arguments, plan: Plan, place: Place, output: Output) -> dict[str, Any]:
    compute = choose_compute(arguments.jobs.device, arguments.jobs.precision)
    cells = plan.cells()
    if arguments.overwrite:
        for name in arguments.only:
            forget_cell(place, name)
    found = {}
    with progress() as bars:
        for name in arguments.only:
            entrant, seed = cells[name]
            iterations = total_iterations(entrant.recipe.condense)
            listener = bars.follow("iteration", f"condensing {name}", iterations)
            found[name] = run_cell(place, entrant, seed, compute=compute, listener=listener)
            output.say(f"{name}: {place.result(name)}")
    return {"cells": found}


def _show(outcome: Outcome, commands: Mapping[str, Sequence[str]], output: Output) -> None:
    output.say(table(*to_cells(outcome.records())))
    output.say(f"\njudged by {outcome.judged}")
    if outcome.folds is not None:
        output.say(f"on {outcome.folds} held-out folds of the training clips, never on test clips")
    for name, reason in outcome.failures.items():
        output.note(f"{name} failed: {reason}; by itself: {shlex.join(commands[name])}")
    if outcome.waiting:
        output.note(f"{len(outcome.waiting)} cells are not computed; the same command goes on")
