"""The report: one HTML page that needs nothing else, made from sets, their logs, results, and real clips."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import torch

from vidcondense import __version__, rng
from vidcondense.compute import Compute, choose_compute
from vidcondense.errors import DataError, OutputError, UsageError
from vidcondense.evaluation.tables import MISSING
from vidcondense.events import Listener, ignore
from vidcondense.files import size_text, write_text
from vidcondense.interfaces import Videos
from vidcondense.methods import METHODS
from vidcondense.models.saved import load_network
from vidcondense.options import as_json, require
from vidcondense.report.accuracy import accuracy_charts, class_tables, confusions, standings, title_of
from vidcondense.report.commands import condense_command, evaluate_command, report_command
from vidcondense.report.curves import arrival_charts, by_conflict, training_charts
from vidcondense.report.gallery import Neighbours, shelves, shown_videos
from vidcondense.report.movement import MAX_CLASSES, motion_charts
from vidcondense.report.neighbours import Lens, nearest, random_lens, trained_lens
from vidcondense.report.results import Results, read_results
from vidcondense.report.runs import Run, read_runs
from vidcondense.video.dataset import ClipDataset
from vidcondense.words import counted


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """What a report shows."""

    videos: int = 48
    """Videos to show of each set, at most: the first of every class, then the second, and so on."""

    real_clips: bool = True
    """Whether real clips are shown beside condensed videos, where real videos are given; the page then
    contains them."""

    neighbours: int = 1
    """Real clips beside each condensed video: the nearest of its class."""

    seed: int = 0
    """Seed of the random network that tells which are nearest."""

    def __post_init__(self) -> None:
        require(self.videos >= 1, "videos", self.videos, "must be at least 1")
        require(self.neighbours >= 1, "neighbours", self.neighbours, "must be at least 1")
        rng.check_seed(self.seed)


def write_report(
    sets: Sequence[str | Path],
    out: str | Path,
    options: ReportOptions | None = None,
    *,
    results: Sequence[str | Path] = (),
    real: ClipDataset | None = None,
    network: str | Path | None = None,
    compute: Compute | None = None,
    overwrite: bool = False,
    listener: Listener = ignore,
) -> Path:
    """Write a page about condensed sets, side by side; the same input gives the same bytes.

    Args:
        sets: folders that `condense` wrote; their logs tell how they came about.
        out: the HTML file to make.
        options: what it shows.
        results: folders that `vidcondense evaluate` or `compare` wrote.
        real: the real training clips.
        network: what `vidcondense train` wrote, to tell which real clips are nearest; default: a random one.
        compute: where the network runs; default: chosen for this machine.
        overwrite: replace `out`.
        listener: gets a `report` event for each part that is done.

    Returns:
        `out`.

    Raises:
        FormatError: a folder holds no set, no results, or no network.
        UsageError: the network does not fit the clips.
        DataError: the real clips are not of the sets' classes and shape.
        OutputError: `out` exists, or cannot be written.
    """
    out = Path(out)
    check_page(out, overwrite=overwrite)
    options = options or ReportOptions()
    runs = read_runs([Path(folder) for folder in sets])
    found = [read_results(Path(folder)) for folder in results]
    shown = [shown_videos(run, options.videos) for run in runs]
    beside: Neighbours = {}
    if real is not None:
        _check_real(runs, real)
        if options.real_clips:
            lens = _lens(network, real, options.seed, compute or choose_compute())
            beside = _neighbours(runs, shown, real, lens, options)
    listener({"kind": "report", "done": 1, "total": 3})
    again = report_command(
        runs,
        found,
        as_json(options),
        as_json(ReportOptions()),
        real=real is not None,
        network=None if network is None else Path(network),
    )
    context = _context(runs, shown, found, beside, real) | {"again": again}
    listener({"kind": "report", "done": 2, "total": 3})
    write_text(out, render(context))
    listener({"kind": "report", "done": 3, "total": 3})
    return out


def check_page(out: Path, *, overwrite: bool) -> None:
    """Raise `OutputError` where a page must not be written."""
    if out.is_dir() or (out.exists() and not overwrite):
        raise OutputError(f"{out} exists; use --overwrite to replace a file, or another --out")


def render(context: Mapping[str, Any]) -> str:
    """The page; names of any kind are shown, never interpreted."""
    script = (files("vidcondense.report") / "templates" / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(**context, version=__version__, script=script, script_hash=f"sha256-{digest}")
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("vidcondense.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "size": size_text,
        "title": title_of,
        "command": shlex.join,
        "json": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
        "shorten": lambda text, most: text if len(text) <= most else text[: most - 1] + "…",
        "figure": lambda value, form: MISSING if value is None else form % value,
        "with_flip": lambda about, flip: about | {"data": about["data"] | {"flip": flip}},
        "signed": lambda value: MISSING if value is None else f"{value:+.3f}".replace("-", "−"),
    }
    return environment


def _context(
    runs: Sequence[Run],
    shown: Sequence[Sequence[int]],
    results: Sequence[Results],
    beside: Neighbours,
    real: ClipDataset | None,
) -> dict[str, Any]:
    commands = [command for run in runs if (command := condense_command(run))]
    controls = [is_control(run) for run in runs]
    rows = shelves(runs, shown, beside)
    videos = [pair.condensed for shelf in rows for pair in shelf.pairs]
    motion = motion_charts(runs, real)
    commands += [command for each in results if (command := evaluate_command(each, runs))]
    return {
        "runs": runs,
        "controls": controls,
        "heading": heading(runs),
        "replaced": [_real_clips(run) for run in runs],
        "standings": standings(results, runs),
        "shown": shown,
        "shelves": rows,
        "alone": len(runs) == 1 and all(len(shelf.pairs) == 1 for shelf in rows),
        "sparse": any(clip.key_frames and not clip.dense for clip in videos),
        "by_conflict": any(map(by_conflict, runs)),
        "with_real": bool(beside),
        "arrivals": arrival_charts(runs),
        "training": training_charts(runs),
        "motion": motion,
        "motion_signs": any(chart.rug for chart in motion),
        "max_motion_classes": MAX_CLASSES,
        "num_classes": len(dict.fromkeys(name for run in runs for name in run.clips.classes)),
        "results": results,
        "accuracy": [accuracy_charts(each, runs) for each in results],
        "classes": [class_tables(each, runs) for each in results],
        "confusions": [matrix for each in results for matrix in confusions(each, runs)],
        "commands": commands,
        "comparisons": [each for each in results if each.commands],
    }


def is_control(run: Run) -> bool:
    """Whether a set is real clips, as they are."""
    method = METHODS.get(run.clips.manifest["method"])
    return method is not None and method.select is not None


def _real_clips(run: Run) -> int | None:
    """How many real clips a set was made from, where it says so."""
    count = run.clips.manifest["data"].get("train_clips")
    return count if isinstance(count, int) else None


def heading(runs: Sequence[Run]) -> str:
    """What the page is about."""
    if len(runs) == 1:
        return runs[0].name
    real = sum(map(is_control, runs))
    if real == len(runs):
        return f"{real} sets of real clips"
    condensed = counted(len(runs) - real, "condensed set")
    return f"{condensed} and {real} of real clips" if real else f"{condensed}, side by side"


def _lens(network: str | Path | None, real: ClipDataset, seed: int, compute: Compute) -> Lens:
    if network is None:
        return random_lens(real, seed, compute)
    trained, description = load_network(network, compute)
    if (description.num_frames, description.size) != (real.shape[0], real.shape[2]):
        raise UsageError(
            f"--network {network} takes {description.num_frames} frames of {description.size} pixels, "
            f"the clips have {real.shape[0]} of {real.shape[2]}; use a network trained on such clips"
        )
    return trained_lens(trained, description, compute)


def _neighbours(
    runs: Sequence[Run],
    shown: Sequence[Sequence[int]],
    real: ClipDataset,
    lens: Lens,
    options: ReportOptions,
) -> dict[tuple[int, int], list[tuple[str, Videos]]]:
    found = {}
    for index, (run, videos) in enumerate(zip(runs, shown, strict=True)):
        near = nearest(run.clips, videos, real, lens, count=options.neighbours, seed=options.seed)
        for video, clips in zip(videos, near, strict=True):
            found[index, video] = [
                (f"nearest real clip, cos {cosine:.2f}", real.clips8(torch.tensor([clip])).float() / 255)
                for clip, cosine in clips
            ]
    return found


def _check_real(runs: Sequence[Run], real: ClipDataset) -> None:
    for run in runs:
        if run.clips.classes != real.classes or run.clips.shape != real.shape:
            raise DataError(
                f"the real clips ({len(real.classes)} classes, {real.shape} T, C, H, W) are not those of "
                f"{run.clips.folder} ({len(run.clips.classes)} classes, {run.clips.shape}); "
                "give the data it was made from"
            )
