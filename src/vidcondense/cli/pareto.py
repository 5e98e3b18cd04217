"""`vidcondense pareto`."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

import tyro

from vidcondense.cli.output import Output, size_text, table
from vidcondense.cli.parse import SharedArguments
from vidcondense.comparison.pareto import (
    Rival,
    as_json,
    crossings,
    is_real,
    leader_of,
    read_comparisons,
    read_rows,
    rivals,
    to_cells,
)
from vidcondense.comparison.tables import to_markdown
from vidcondense.errors import DataError, OutputError, UsageError
from vidcondense.evaluation.tables import Record
from vidcondense.files import write_bytes, write_json, write_text
from vidcondense.options import choose, require
from vidcondense.report.figures import png, svg
from vidcondense.report.tradeoff import accuracy_curves
from vidcondense.storage.labels import HARD, labels_suffix

_FILES = ("pareto.svg", "pareto.png", "pareto.md", "pareto.json")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Show what each size buys: accuracy against bytes, learned sets against compressed real clips.

    Examples:
      vidcondense pareto runs/compare --out runs/pareto
      vidcondense pareto runs/compare --kilobytes 5 10 40 --chosen-by runs/cross-validation --out runs/pareto

    The rows are those of `vidcondense compare`; the plan decides what stands against what, and should hold
    real clips (random, herding, best-of-random) in several numbers, sizes and codecs. OUT gets the figure
    (pareto.svg, pareto.png), the table (pareto.md) and everything (pareto.json).
    """

    comparisons: tyro.conf.Positional[tuple[Path, ...]]
    """Folders that `vidcondense compare` wrote."""

    out: Path
    """Folder for the results."""

    kilobytes: tuple[float, ...] = ()
    """Sizes of whole sets to compare at, in kB (default: wherever the best row changes)."""

    chosen_by: Path | None = None
    """A comparison of the same sets by cross-validation (`folds` in its plan): what is best at a size is
    chosen by its accuracies, and reported with those of the comparisons."""

    model: str | None = None
    """The network whose rows are shown (default: the only one there is)."""

    overwrite: bool = False
    """Replace results that are in --out."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""

    def __post_init__(self) -> None:
        if not self.comparisons:
            raise UsageError("pareto needs at least one folder of `vidcondense compare`")
        for size in self.kilobytes:
            require(size > 0, "kilobytes", size, "must be a positive number")


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Read the rows, find what leads at which size, write figure and table."""
    for name in _FILES:
        if (arguments.out / name).exists() and not arguments.overwrite:
            raise OutputError(f"{arguments.out / name} exists; use --overwrite, or another --out")
    rows = _of_one_network(read_comparisons(arguments.comparisons), arguments)
    sizes = [round(1000 * size) for size in arguments.kilobytes] or None
    judge = read_rows(arguments.chosen_by) if arguments.chosen_by else None
    found = rivals(rows, sizes, judge=judge)
    titles, cells = to_cells(found)
    turns = crossings(found)
    if not turns:
        smallest = min(row["bytes"] for row in rows)
        raise UsageError(f"--kilobytes: no set is that small; the smallest takes {size_text(smallest)}")
    output.say(table(titles, cells))
    leads = [(rival.size, _lead(rival, leader)) for rival in found if (leader := leader_of(rival))]
    changes = [next(group) for _, group in itertools.groupby(leads, key=itemgetter(1))]
    output.say("\n" + "\n".join(f"from {size_text(size)} on: {lead}" for size, lead in changes))
    if judge is None:
        output.note("the best rows were chosen by the accuracies shown: --chosen-by a cross-validation")
    result = {
        "rows": rows,
        "sizes": as_json(found),
        "turns": [{"bytes": size, "leader": leader} for size, leader in turns],
        "chosen_by_cross_validation": judge is not None,
    }
    curves = _curves(rows)
    real = [name for name, members in curves.items() if is_real(members[0])]
    figure = accuracy_curves(curves, "bytes", x_label="bytes of the whole set", dashed=real)
    for name, content in ((_FILES[0], svg(figure)), (_FILES[1], png(figure))):
        write_bytes(arguments.out / name, content)
    write_text(arguments.out / _FILES[2], to_markdown(titles, cells))
    write_json(arguments.out / _FILES[3], result)
    return result


_WHO = {"learned": "learned sets", "real": "real clips"}


def _lead(rival: Rival, leader: str) -> str:
    """Who is ahead at a size, by the mean, and whether that is shown."""
    who = _WHO[leader]
    if rival.learned is None or rival.real is None:
        (other,) = _WHO.keys() - {leader}
        return f"{who}; no {_WHO[other]} are that small"
    if rival.learned["accuracy"] == rival.real["accuracy"]:
        return f"{who}; level, and these cost nothing to learn"
    low, high = (rival.difference and rival.difference.interval) or (0.0, 0.0)
    shown = low > 0 if leader == "learned" else high < 0
    return who if shown else f"{who}; no difference is shown"


def _of_one_network(rows: Sequence[Record], arguments: Arguments) -> list[Record]:
    models = list(dict.fromkeys(row["model"] for row in rows))
    if not models:
        raise DataError("no row has an accuracy and a size; run `vidcondense compare` to its end")
    if arguments.model is None and len(models) > 1:
        raise DataError(f"the rows are of several networks ({', '.join(models)}); choose one with --model")
    if arguments.model is not None:
        choose(dict.fromkeys(models), arguments.model, "network of the rows")
    return [row for row in rows if row["model"] == (arguments.model or models[0])]


def _curves(rows: Sequence[Record]) -> dict[str, list[Record]]:
    """A curve a set, codec and kind of labels, through all its numbers of videos."""
    found: dict[str, list[Record]] = defaultdict(list)
    codecs = {row["codec"] for row in rows}
    for row in rows:
        codec = f", {row['codec']}" if len(codecs) > 1 else ""
        found[row["name"] + codec + labels_suffix(row.get("labels", HARD))].append(row)
    return dict(found)
