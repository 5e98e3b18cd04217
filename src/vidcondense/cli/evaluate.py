"""`vidcondense evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tyro

from vidcondense.cli.arguments import ComputeArguments, RankArguments
from vidcondense.cli.output import Output, size_text, table, time_text
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.progress import Bars, progress
from vidcondense.cli.reading import read_data
from vidcondense.cli.recorded import Recorded
from vidcondense.cli.results import Judged, Results, check_free, write_results
from vidcondense.cli.scores import counting
from vidcondense.cli.sets import RealArguments, Sets, check_belong, common, read_sets, seed_of
from vidcondense.compute import Compute
from vidcondense.distributed import Ranks, join_ranks
from vidcondense.errors import UsageError
from vidcondense.evaluation.cost import memory_of, seconds_of
from vidcondense.evaluation.evaluate import evaluate
from vidcondense.evaluation.protocol import EvaluateOptions, ProtocolOptions
from vidcondense.evaluation.results import Evaluation
from vidcondense.evaluation.tables import to_matrix, to_table
from vidcondense.interfaces import ClipSource
from vidcondense.models import check_size
from vidcondense.models.footprint import Footprint
from vidcondense.options import require
from vidcondense.storage.condensed import CondensedDataset
from vidcondense.storage.labels import HARD, LabelName
from vidcondense.training.units import contrast
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.index import RealData
from vidcondense.video.sampling import ClipOptions
from vidcondense.words import counted

_MUCH_CONTRAST = 2.0  # times that of real clips


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Measure what condensed sets are worth: train networks on each, test them on real clips.

    Examples:
      vidcondense evaluate small --data videos
      vidcondense evaluate prism control --data videos --full-data --full-data-steps 500 --out results
      vidcondense evaluate seed0 seed1 seed2 --data UCF101 --layout ucf101 --fold 1 --repeats 3
      vidcondense evaluate prism control --data videos --model convnet3d cnn-gru cnn-lstm
      vidcondense evaluate relabelled --data videos --labels own

    Sets that differ in nothing but their seed get a row of their own that sums them up: they are the repeats.
    Several networks make a table of sets by networks; what they take is said before the first is trained.
    How clips are cut and the split are those recorded in the sets, unless given here.
    """

    sets: tyro.conf.Positional[tuple[Path, ...]]
    """Condensed sets: what `vidcondense condense` made."""

    real: RealArguments
    """What they are tested on."""

    model: tuple[str, ...] = ("convnet3d",)
    """Networks to judge by: convnet3d, cnn-gru, cnn-lstm, …, or package.module:factory of your own."""

    evaluation: ProtocolOptions = field(default_factory=ProtocolOptions)
    """How sets are judged."""

    labels: LabelName = "hard"
    """Train on the class of each video (hard), or on the soft labels that the set stores (own): learned with
    the videos (frepo), or a teacher's (vidcondense relabel)."""

    full_data: bool = False
    """Also train on all real training clips, as a control."""

    full_data_steps: int | None = None
    """Training steps of that control (default: as for the sets)."""

    per_class: bool = False
    """Also show the accuracy of each class."""

    compute: ComputeArguments = field(default_factory=ComputeArguments)
    """Where networks run."""

    ranks: RankArguments = field(default_factory=RankArguments)
    """How processes that torchrun started work together: they take the networks in turn."""

    out: Path | None = None
    """Folder for results.json and results.csv."""

    overwrite: bool = False
    """Replace the results that are at --out."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""

    def __post_init__(self) -> None:
        names = ", ".join(self.model)
        require(bool(self.model), "model", names, "name at least one network")
        require(len(set(self.model)) == len(self.model), "model", names, "each network once")
        if self.full_data_steps is not None:
            require(self.full_data_steps >= 1, "full_data_steps", self.full_data_steps, "must be at least 1")
            if not self.full_data:
                raise UsageError(f"--full-data-steps {self.full_data_steps} says nothing without --full-data")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One row to come: networks to train on a set or a control, and to test."""

    name: str
    clips: ClipSource
    options: EvaluateOptions
    condensed: CondensedDataset | None = None
    labels: str = HARD


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Judge every set and control by every network, print the tables, write the results."""
    with join_ranks(arguments.ranks.rank_timeout) as ranks:
        return _run(arguments, ranks, output)


def _run(arguments: Arguments, ranks: Ranks, output: Output) -> dict[str, Any]:
    options, compute = arguments.evaluation, arguments.compute.choose(ranks)
    if arguments.out is not None:
        check_free(arguments.out, overwrite=arguments.overwrite)
    sets = read_sets(arguments.sets, "evaluate")
    recorded = common(sets, arguments.real)
    for model in arguments.model:
        check_size(model, recorded.clip.num_frames, recorded.clip.size)
    clip = options.test_clips(recorded.clip)
    with progress(silent=output.silent) as bars:
        real = read_data(arguments.real.data, recorded.data, clip, bars=bars, output=output)
        check_belong(sets, real, arguments.real)
        if options.protocol == "strict" and ranks.first:
            _tell_contrasts(sets, output)
        jobs = _jobs_of_sets(sets, arguments)
        if arguments.full_data:
            train = _training_clips(real, recorded, clip, arguments.real.data, bars, output)
            jobs += _jobs_of_full_data(train, arguments)
        footprints = tell_cost(jobs, len(real.test), compute, ranks, output)
        judged = _judge(jobs, real.test, compute, ranks, bars)
    results = Results(
        judged=judged,
        options=options,
        test=real.test,
        footprints=footprints,
    )
    _show(results, output, per_class=arguments.per_class)
    if arguments.out is not None and ranks.first:
        write_results(arguments.out, results.as_dict(), results.records())
        output.say(f"results.json and results.csv are in {arguments.out}")
    return results.as_dict()


def _tell_contrasts(sets: Sets, output: Output) -> None:
    """Say which sets would teach a network as a higher learning rate does (`paper` standardises batches)."""
    for name, clips in sets.items():
        if (found := contrast(clips)) > _MUCH_CONTRAST:
            output.note(
                f"{name}: pixels deviate {found:.1f} times as much as those of real clips, which acts "
                "as a higher --lr where networks have no normalisation (docs/protocols.md)"
            )


def _jobs_of_sets(sets: Sets, arguments: Arguments) -> list[Job]:
    return [
        Job(
            name=name,
            clips=clips if arguments.labels == "hard" else clips.own_labelled(),
            condensed=clips,
            labels=HARD if arguments.labels == "hard" else clips.label_kind,
            options=_with_model(
                replace(arguments.evaluation, seed=seed_of(clips, arguments.evaluation.seed)), model
            ),
        )
        for name, clips in sets.items()
        for model in arguments.model
    ]


def _jobs_of_full_data(train: ClipDataset, arguments: Arguments) -> list[Job]:
    options, steps = arguments.evaluation, arguments.full_data_steps
    if steps is not None:
        options = replace(options, steps=steps, epochs=None)
    name = f"full data ({options.training.num_steps(len(train))} steps)"
    return [Job(name=name, clips=train, options=_with_model(options, model)) for model in arguments.model]


def _with_model(options: ProtocolOptions, model: str) -> EvaluateOptions:
    return EvaluateOptions(**vars(options), model=model)


def tell_cost(
    jobs: Sequence[Job], num_test: int, compute: Compute, ranks: Ranks, output: Output
) -> dict[str, Footprint]:
    """Say what memory each network takes, then, from two steps a job, about how long all will take."""
    footprints: dict[str, Footprint] = {}
    for job in jobs:
        found = memory_of(job.clips, job.options, compute)
        known = footprints.get(job.options.model)
        if known is None or found.training_bytes > known.training_bytes:
            footprints[job.options.model] = found
    for model, found in footprints.items():
        output.note(f"{model}: {_memory_text(found)}")
    seconds = sum(seconds_of(job.clips, num_test, job.options, compute) for job in jobs)
    networks = sum(job.options.repeats for job in jobs)
    workers = min(ranks.size, networks)
    where = f"{workers} × {compute.device.type}" if workers > 1 else str(compute.device)
    output.note(
        f"{counted(networks, 'network')} to train and test, about {time_text(seconds / workers)} on {where}"
    )
    return footprints


def _memory_text(found: Footprint) -> str:
    unknown = "" if found.activation_bytes is not None else " and what its activations take"
    return (
        f"{found.parameters / 1e6:.1f} million parameters, "
        f"{size_text(found.training_bytes)}{unknown} to train, beside what torch takes itself"
    )


def _judge(
    jobs: Sequence[Job], test: ClipDataset, compute: Compute, ranks: Ranks, bars: Bars
) -> list[Judged]:
    """Judge every job; ranks take its networks in turn, and tell each other what they found."""
    parts, first = [], 0
    for job in jobs:
        numbers = [n for n in range(job.options.repeats) if (first + n) % ranks.size == ranks.rank]
        parts.append(_evaluate(job, test, compute, numbers, bars))
        first += job.options.repeats
    together = ranks.exchange(parts)
    judged, first = [], 0
    for number, job in enumerate(jobs):
        own = [iter(parts[number].repeats) for parts in together]
        repeats = tuple(next(own[(first + n) % ranks.size]) for n in range(job.options.repeats))
        evaluation = replace(parts[number], repeats=repeats)
        judged.append(
            Judged(name=job.name, evaluation=evaluation, labels=job.labels, condensed=job.condensed)
        )
        first += job.options.repeats
    return judged


def _evaluate(
    job: Job, test: ClipDataset, compute: Compute, numbers: Sequence[int], bars: Bars
) -> Evaluation:
    steps, repeats = job.options.training.num_steps(len(job.clips)), job.options.repeats
    title = f"training {job.options.model} on {job.name}"
    listener = counting(bars.follow("train", title, steps * repeats), steps)
    return evaluate(job.clips, test, job.options, compute=compute, numbers=numbers, listener=listener)


def _training_clips(
    real: RealData, recorded: Recorded, clip: ClipOptions, root: Path, bars: Bars, output: Output
) -> ClipDataset:
    """The centre clip of every training video, which is what sets are condensed from."""
    if clip == recorded.clip:
        return real.train
    return read_data(root, recorded.data, recorded.clip, bars=bars, output=output).train


def _show(results: Results, output: Output, *, per_class: bool) -> None:
    output.say(table(*to_table(results.records())))
    if len(results.models) > 1:
        output.say("")
        output.say(table(*to_matrix(results.records())))
    output.say("\n" + results.footer())
    for each in results.judged:
        networks, finite = len(each.evaluation.repeats), len(each.evaluation.finite)
        if finite < networks:
            output.note(
                f"{results.title(each)}: {networks - finite} of {networks} networks diverged, in no average"
            )
    if per_class:
        output.say("")
        output.say(table(*results.per_class()))
