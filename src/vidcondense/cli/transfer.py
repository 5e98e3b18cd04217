"""`vidcondense transfer`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tyro

from vidcondense.cli.arguments import ComputeArguments
from vidcondense.cli.output import Output, table
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.progress import Bars, progress
from vidcondense.cli.reading import read_data
from vidcondense.cli.results import check_free, write_results
from vidcondense.cli.scores import Scores, counting
from vidcondense.cli.sets import RealArguments, check_belong, common, read_sets, seed_of
from vidcondense.compute import Compute
from vidcondense.evaluation.measures import Measured
from vidcondense.evaluation.transfer import TransferOptions, transfer
from vidcondense.interfaces import ClipSource
from vidcondense.models import check_features
from vidcondense.options import as_json
from vidcondense.video.index import RealData

UNTRAINED = "untrained network"
FULL_DATA = "full data"


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Measure what else networks trained on condensed sets can do: retrieval, a linear probe, few real clips.

    Examples:
      vidcondense transfer small --data videos
      vidcondense transfer prism control --data videos --shots 1 5 10 --out results
      vidcondense transfer seed0 seed1 seed2 --data UCF101 --model cnn-gru

    R@k: one of the k training clips nearest to a test clip, by the cosine of the network's features, has its
    class. probe: a linear classifier of the features, fitted to all training clips. k-shot: the network is
    trained on with k real clips a class. The untrained network is the control for all three.
    """

    sets: tyro.conf.Positional[tuple[Path, ...]]
    """Condensed sets: what `vidcondense condense` made."""

    real: RealArguments
    """What they are tested on."""

    transfer: TransferOptions = field(default_factory=TransferOptions)
    """What is measured."""

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


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Measure every set and the controls, print the table, write the results."""
    options, compute = arguments.transfer, arguments.compute.choose()
    if arguments.out is not None:
        check_free(arguments.out, overwrite=arguments.overwrite)
    sets = read_sets(arguments.sets, "transfer")
    recorded = common(sets, arguments.real)
    check_features(options.model, recorded.clip.num_frames, recorded.clip.size)
    with progress() as bars:
        real = read_data(arguments.real.data, recorded.data, recorded.clip, bars=bars, output=output)
        check_belong(sets, real, arguments.real)
        found = {
            name: _measure(
                name, clips, real, replace(options, seed=seed_of(clips, options.seed)), compute, bars
            )
            for name, clips in sets.items()
        }
        found[UNTRAINED] = _measure(UNTRAINED, None, real, options, compute, bars)
        if arguments.full_data:
            found[FULL_DATA] = _measure(FULL_DATA, real.train, real, options, compute, bars)
    scores = Scores(
        sets=sets, found=found, measurements=options.measurements(len(real.train)), test=real.test
    )
    told = {**scores.as_dict(), "options": as_json(options), "gallery_clips": len(real.train)}
    output.say(table(*scores.table()))
    output.say(f"\n{scores.footer()}; {len(real.train)} training clips to retrieve from and to probe with")
    scores.note_divergence(output)
    if arguments.out is not None:
        write_results(arguments.out, told, scores.records())
        output.say(f"results.json and results.csv are in {arguments.out}")
    return told


def _measure(
    name: str,
    clips: ClipSource | None,
    real: RealData,
    options: TransferOptions,
    compute: Compute,
    bars: Bars,
) -> Measured:
    steps = options.training.num_steps(len(clips)) if clips is not None else 0
    bar = bars.follow("train", f"training {options.model} on {name}", steps * options.repeats)
    return transfer(clips, real.train, real.test, options, compute=compute, listener=counting(bar, steps))
