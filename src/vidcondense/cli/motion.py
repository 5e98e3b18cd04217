"""`vidcondense motion`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tyro

from vidcondense import rng
from vidcondense.cli.arguments import ComputeArguments
from vidcondense.cli.output import Output, table
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.progress import Bars, progress
from vidcondense.cli.reading import read_data
from vidcondense.cli.results import check_free, write_results
from vidcondense.cli.scores import Scores, counting
from vidcondense.cli.sets import RealArguments, Sets, check_belong, common, read_sets, seed_of
from vidcondense.compute import Compute
from vidcondense.errors import UsageError
from vidcondense.evaluation.measures import Measured
from vidcondense.evaluation.motion import ORDERS, Motion, key_frame_correlation, motion_of, order_accuracy
from vidcondense.evaluation.networks import NetworkOptions
from vidcondense.evaluation.tables import Record, number
from vidcondense.interfaces import ClipSource
from vidcondense.models import check_size
from vidcondense.options import as_json, require
from vidcondense.selection.random import select_random
from vidcondense.storage.condensed import CondensedDataset
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.index import RealData

REAL = "real training clips"
FULL_DATA = "full data"

_COLUMNS = {
    "videos": ("videos", "d"),
    "energy": ("frame difference", ".4f"),
    "speed": ("flow px/frame", ".2f"),
    "moving": ("moving pixels", ".2f"),
    "explained": ("explained by flow", ".2f"),
    "key_frames": ("key frames", ".2f"),
    "energy_correlation": ("ρ frame difference", ".2f"),
    "speed_correlation": ("ρ flow", ".2f"),
}
"""Of each figure: its title and its form."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Measure motion: how much condensed videos move, and whether networks trained on them look at it.

    Examples:
      vidcondense motion small --data videos
      vidcondense motion prism control --data videos --full-data --out results
      vidcondense motion small --data videos --skip-training

    The first table compares the videos themselves with real ones: energy of frame differences, optical flow,
    the share of all change that flow explains (a fade or flicker is no motion), and ρ, the rank correlation
    of a video's number of key frames with the motion of its class. The second is accuracy on test clips in
    order, with their frames shuffled, and backwards.
    """

    sets: tyro.conf.Positional[tuple[Path, ...]]
    """Condensed sets: what `vidcondense condense` made."""

    real: RealArguments
    """What they are compared with and tested on."""

    networks: NetworkOptions = field(default_factory=NetworkOptions)
    """The networks that are trained."""

    per_class: int = 20
    """Real training clips a class to measure (all, where there are fewer)."""

    skip_training: bool = False
    """Only measure the videos, train no network."""

    full_data: bool = False
    """Also train on all real training clips, as a control."""

    compute: ComputeArguments = field(default_factory=ComputeArguments)
    """Where networks run."""

    out: Path | None = None
    """Folder for results.json and results.csv."""

    overwrite: bool = False
    """Replace the results that are at --out."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""

    def __post_init__(self) -> None:
        require(self.per_class >= 1, "per_class", self.per_class, "must be at least 1")


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Measure the videos and the networks, print both tables, write the results."""
    options, compute = arguments.networks, arguments.compute.choose()
    if arguments.out is not None:
        check_free(arguments.out, overwrite=arguments.overwrite)
    sets = read_sets(arguments.sets, "motion")
    recorded = common(sets, arguments.real)
    if recorded.clip.num_frames < 2:
        raise UsageError(f"{next(iter(sets))} has videos of one frame, which do not move; give others")
    if not arguments.skip_training:
        check_size(options.model, recorded.clip.num_frames, recorded.clip.size)
    with progress() as bars:
        real = read_data(arguments.real.data, recorded.data, recorded.clip, bars=bars, output=output)
        check_belong(sets, real, arguments.real)
        videos = _measure_videos(sets, real.train, arguments)
        found = {} if arguments.skip_training else _train(sets, real, arguments, compute, bars)
    told: dict[str, Any] = {"videos": videos, "options": as_json(options), "per_class": arguments.per_class}
    output.say(table(*_table(videos)))
    records = videos
    if found:
        scores = Scores(sets=sets, found=found, measurements=ORDERS, test=real.test)
        told |= {"networks": scores.as_dict(), "chance": 1 / len(real.test.classes)}
        records = _join(videos, scores.records())
        output.say("")
        output.say(table(*scores.table()))
        output.say(f"\nchance level {100 / len(real.test.classes):.1f} %; {scores.footer()}")
        scores.note_divergence(output)
    if arguments.out is not None:
        write_results(arguments.out, told, records)
        output.say(f"results.json and results.csv are in {arguments.out}")
    return told


def _measure_videos(sets: Sets, train: ClipDataset, arguments: Arguments) -> list[Record]:
    """A row a set, and one of real clips."""
    chosen = select_random(train, arguments.per_class, rng.derive_seed(arguments.networks.seed, "motion"))
    real, labels = motion_of(train, chosen), train.labels[chosen]
    rows = []
    for name, clips in sets.items():
        key_frames = [len(positions) for positions in clips.positions]
        correlations = {
            f"{what}_correlation": key_frame_correlation(
                key_frames, clips.labels, getattr(real, what), labels
            )
            for what in ("energy", "speed")
        }
        mean_key_frames = sum(key_frames) / len(key_frames)
        rows.append({**_figures(name, motion_of(clips)), "key_frames": mean_key_frames, **correlations})
    nothing = dict.fromkeys(["key_frames", "energy_correlation", "speed_correlation"])
    return [*rows, {**_figures(REAL, real), **nothing}]


def _figures(name: str, motion: Motion) -> Record:
    return {
        "name": name,
        "videos": len(motion.energy),
        "energy": float(motion.energy.mean()),
        "speed": float(motion.speed.mean()),
        "moving": float(motion.moving.mean()),
        "explained": motion.explained,
    }


def _train(
    sets: Sets, real: RealData, arguments: Arguments, compute: Compute, bars: Bars
) -> dict[str, Measured]:
    jobs: dict[str, ClipSource] = dict(sets)
    if arguments.full_data:
        jobs[FULL_DATA] = real.train
    found = {}
    for name, clips in jobs.items():
        options = arguments.networks
        if isinstance(clips, CondensedDataset):
            options = replace(options, seed=seed_of(clips, options.seed))
        steps = options.training.num_steps(len(clips))
        bar = bars.follow("train", f"training {options.model} on {name}", steps * options.repeats)
        found[name] = order_accuracy(
            clips, real.train, real.test, options, compute=compute, listener=counting(bar, steps)
        )
    return found


def _table(videos: list[Record]) -> tuple[list[str], list[list[str]]]:
    rows = [[row["name"], *(number(row[key], form) for key, (_, form) in _COLUMNS.items())] for row in videos]
    return ["name", *(title for title, _ in _COLUMNS.values())], rows


def _join(videos: list[Record], networks: list[Record]) -> list[Record]:
    """One row a name, with the figures of both; what one of the two lacks is None."""
    names = dict.fromkeys(row["name"] for row in [*videos, *networks])
    joined: Mapping[str, Record] = {name: dict.fromkeys([*videos[0], *networks[0]]) for name in names}
    for row in [*videos, *networks]:
        joined[row["name"]].update(row)
    return list(joined.values())
