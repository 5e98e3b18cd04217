"""`vidcondense evaluate`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import tyro

from vidcondense import rng
from vidcondense.cli.arguments import ComputeArguments
from vidcondense.cli.output import Output, table
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.progress import Bars, progress
from vidcondense.cli.reading import read_data
from vidcondense.cli.recorded import Recorded, recorded_of
from vidcondense.cli.results import Judged, Results, check_free, write_results
from vidcondense.compute import Compute
from vidcondense.errors import DataError, UsageError
from vidcondense.evaluation.evaluate import evaluate
from vidcondense.evaluation.protocol import EvaluateOptions
from vidcondense.evaluation.tables import to_table
from vidcondense.events import Event, Listener
from vidcondense.interfaces import ClipSource
from vidcondense.models import check_size
from vidcondense.options import require
from vidcondense.storage.condensed import CondensedDataset, load_condensed
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.index import DataOptions, RealData
from vidcondense.video.layouts import Layout
from vidcondense.video.record import train_split_hash
from vidcondense.video.sampling import ClipOptions


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Measure what condensed sets are worth: train networks on each, test them on real clips.

    Examples:
      vidcondense evaluate small --data videos
      vidcondense evaluate prism control --data videos --full-data --full-data-steps 500 --out results
      vidcondense evaluate seed0 seed1 seed2 --data UCF101 --layout ucf101 --fold 1 --repeats 3

    Sets that differ in nothing but their seed get a row of their own that sums them up: they are the repeats.
    How clips are cut and the split are those recorded in the sets, unless given here.
    """

    sets: tyro.conf.Positional[tuple[Path, ...]]
    """Condensed sets: what `vidcondense condense` made."""

    data: Path
    """Folder of real videos, whose test split is used."""

    evaluation: EvaluateOptions = field(default_factory=EvaluateOptions)
    """How sets are judged."""

    other_data: bool = False
    """Test on data whose training split is not the one the sets were condensed from."""

    full_data: bool = False
    """Also train on all real training clips, as a control."""

    full_data_steps: int | None = None
    """Training steps of that control (default: as for the sets)."""

    per_class: bool = False
    """Also show the accuracy of each class."""

    layout: Layout | None = None
    """How files tell class and split (default: as recorded)."""

    fold: int | None = None
    """Official split to use (default: as recorded)."""

    list_file: tuple[Path, ...] = ()
    """Lists to use instead of the dataset's own, where the sets were made with such (no set records them)."""

    stride: int | None = None
    """Frames of the video from one frame of the clip to the next (default: as recorded)."""

    short: Literal["stride", "repeat", "loop", "reject"] | None = None
    """What to do with a video that is too short (default: as recorded)."""

    workers: int = -1
    """Processes that decode: -1 for one per core, 0 for none."""

    max_bad: float = 0.05
    """Share of unusable videos to accept (0 to 1); they are set aside and reported."""

    time_limit: float = 120.0
    """Seconds to spend on one video at most."""

    follow_symlinks: bool = False
    """Also read what links in the dataset point to outside of it."""

    cache_dir: Path | None = None
    """Folder for decoded clips; by default $VIDCONDENSE_CACHE, or the user's cache folder."""

    compute: ComputeArguments = field(default_factory=ComputeArguments)
    """Where networks run."""

    out: Path | None = None
    """Folder for results.json and results.csv."""

    overwrite: bool = False
    """Replace the results that are at --out."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""

    def __post_init__(self) -> None:
        if not self.sets:
            raise UsageError("evaluate needs at least one condensed set; see vidcondense evaluate --help")
        if self.full_data_steps is not None:
            require(self.full_data_steps >= 1, "full_data_steps", self.full_data_steps, "must be at least 1")
            if not self.full_data:
                raise UsageError(f"--full-data-steps {self.full_data_steps} says nothing without --full-data")


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Judge every set and control, print the table, write the results."""
    options, compute = arguments.evaluation, arguments.compute.choose()
    if arguments.out is not None:
        check_free(arguments.out, overwrite=arguments.overwrite)
    sets = {str(path): load_condensed(path) for path in arguments.sets}
    recorded = _common(sets, arguments)
    check_size(options.model, recorded.clip.num_frames, recorded.clip.size)
    clip = options.test_clips(recorded.clip)
    with progress() as bars:
        real = read_data(arguments.data, recorded.data, clip, bars=bars, output=output)
        _check_classes(sets, real)
        if not arguments.other_data:
            _check_training_clips(sets, real)
        judged = [
            _judge(name, clips, real.test, _with_seed_of(clips, options), compute, bars)
            for name, clips in sets.items()
        ]
        if arguments.full_data:
            train = _training_clips(real, recorded, clip, arguments.data, bars, output)
            judged.append(_judge_full_data(train, real.test, arguments, compute, bars))
    results = Results(judged=judged, protocol=options.protocol, test=real.test)
    _show(results, output, per_class=arguments.per_class)
    if arguments.out is not None:
        write_results(arguments.out, results)
        output.say(f"results.json and results.csv are in {arguments.out}")
    return results.as_dict()


def _common(sets: dict[str, CondensedDataset], arguments: Arguments) -> Recorded:
    """How to read the data for all sets: what they recorded, with what the arguments say instead."""
    given = {
        name: value
        for name in ("layout", "fold", "stride", "short")
        if (value := getattr(arguments, name)) is not None
    }
    shared = DataOptions(
        workers=arguments.workers,
        max_bad=arguments.max_bad,
        cache_dir=arguments.cache_dir,
        time_limit=arguments.time_limit,
        follow_symlinks=arguments.follow_symlinks,
        list_file=arguments.list_file,
    )
    first, *others = [(name, recorded_of(clips, given, shared)) for name, clips in sets.items()]
    for name, other in others:
        if differing := first[1].differences(other):
            raise UsageError(
                f"{first[0]} and {name} were made from clips read differently ({'; '.join(differing)}); "
                "evaluate them one at a time"
            )
    return first[1]


def _check_classes(sets: dict[str, CondensedDataset], real: RealData) -> None:
    for name, clips in sets.items():
        if clips.classes != real.test.classes:
            only_set = [each for each in clips.classes if each not in real.test.classes]
            only_data = [each for each in real.test.classes if each not in clips.classes]
            raise DataError(
                f"{name} has {len(clips.classes)} classes, --data {len(real.test.classes)} "
                f"(only in the set: {', '.join(only_set[:3]) or 'none'}; "
                f"only in the data: {', '.join(only_data[:3]) or 'none'}); give the data it was made from"
            )


def _check_training_clips(sets: dict[str, CondensedDataset], real: RealData) -> None:
    """A set that was made from other training clips may have been made from test clips, too."""
    for name, clips in sets.items():
        recorded = clips.manifest["data"].get("train_split")
        if recorded is not None and recorded != train_split_hash(real):
            raise DataError(
                f"the training videos in --data are not those {name} was made from (files came, went or were "
                "renamed, or the split is another): test videos may have been condensed from; "
                "condense again, or say --other-data"
            )


def _with_seed_of(clips: CondensedDataset, options: EvaluateOptions) -> EvaluateOptions:
    """Networks of their own for every condensation seed: a repeat is a new condensation and new networks."""
    return replace(options, seed=rng.derive_seed(options.seed, "set", clips.manifest["seed"]))


def _judge(
    name: str, clips: ClipSource, test: ClipDataset, options: EvaluateOptions, compute: Compute, bars: Bars
) -> Judged:
    steps = options.training.num_steps(len(clips))
    listener = _counting(bars.follow("train", f"training on {name}", steps * options.repeats), steps)
    evaluation = evaluate(clips, test, options, compute=compute, listener=listener)
    condensed = clips if isinstance(clips, CondensedDataset) else None
    return Judged(name=name, evaluation=evaluation, condensed=condensed)


def _counting(listener: Listener, steps: int) -> Listener:
    """Count the steps of all networks of a set as one piece of work."""

    def listen(event: Event) -> None:
        if event["kind"] == "train":
            listener({**event, "done": event["repeat"] * steps + event["step"] + 1})

    return listen


def _training_clips(
    real: RealData, recorded: Recorded, clip: ClipOptions, root: Path, bars: Bars, output: Output
) -> ClipDataset:
    """The centre clip of every training video, which is what sets are condensed from."""
    if clip == replace(recorded.clip, placement_seed=clip.placement_seed):
        return real.train
    return read_data(root, recorded.data, recorded.clip, bars=bars, output=output).train


def _judge_full_data(
    train: ClipDataset, test: ClipDataset, arguments: Arguments, compute: Compute, bars: Bars
) -> Judged:
    options, steps = arguments.evaluation, arguments.full_data_steps
    if steps is not None:
        options = replace(options, steps=steps, epochs=None)
    name = f"full data ({options.training.num_steps(len(train))} steps)"
    return _judge(name, train, test, options, compute, bars)


def _show(results: Results, output: Output, *, per_class: bool) -> None:
    output.say(table(*to_table(results.records())))
    output.say("\n" + results.footer())
    for each in results.judged:
        networks, finite = len(each.evaluation.repeats), len(each.evaluation.finite)
        if finite < networks:
            output.note(f"{each.name}: {networks - finite} of {networks} networks diverged, in no average")
    if per_class:
        output.say("")
        output.say(table(*results.per_class()))
