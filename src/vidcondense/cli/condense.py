"""`vidcondense condense`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import tyro

from vidcondense.assembly import total_iterations
from vidcondense.cli.arguments import ClipArguments, ComputeArguments, RankArguments
from vidcondense.cli.output import Output, facts, size_text, time_text
from vidcondense.cli.parse import SharedArguments, value_of, with_defaults
from vidcondense.cli.progress import hint_when_long, progress
from vidcondense.cli.reading import read_data
from vidcondense.cli.recorded import note_lowered
from vidcondense.compute import Compute
from vidcondense.condensation import CheckpointOptions, check_budget, condense
from vidcondense.convergence import fall_at_end
from vidcondense.distributed import Ranks, join_ranks
from vidcondense.errors import UsageError
from vidcondense.estimation import Estimate, estimate
from vidcondense.events import broadcast, read_events
from vidcondense.interfaces import RealClips
from vidcondense.launch import num_ranks
from vidcondense.memory import plan_memory
from vidcondense.methods import METHODS
from vidcondense.models import check_features
from vidcondense.options import as_json, parse_bytes
from vidcondense.recipe import Recipe, read_recipe, recipe_text
from vidcondense.settings import CondenseOptions
from vidcondense.storage.codecs import CODECS, Coding
from vidcondense.storage.condensed import CondensedDataset
from vidcondense.storage.workspace import LOG, check_output
from vidcondense.trackers import TrackerName, tracking
from vidcondense.video.index import DataOptions, RealData
from vidcondense.video.record import recorded_data

A = TypeVar("A")

ADVICE = (
    "fewer --iterations, a smaller --real-batch, --size or --num-frames take less; Ctrl-C keeps a checkpoint"
)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Make a condensed set: a few synthetic videos per class that stand for a folder of real ones.

    Examples:
      vidcondense condense videos --out small --vpc 1
      vidcondense condense UCF101 --layout ucf101 --fold 1 --out small --size 64 --vpc 5
      vidcondense condense videos --out control --method random
      vidcondense condense videos --out small --dry-run
      torchrun --nproc-per-node 2 -m vidcondense condense videos --out small

    The folder --out appears when the set is complete; until then the work is in OUT.partial. Ctrl-C leaves a
    checkpoint there, from which the same command with --resume goes on.
    """

    data: tyro.conf.Positional[Path]
    """Folder of videos: one folder per class, train/ and test/ with these, or a known dataset."""

    out: Path
    """Folder to make."""

    recipe: Path | None = None
    """TOML file whose keys are the flags below; flags given on the command line override it."""

    condense: CondenseOptions = field(default_factory=CondenseOptions)
    """How the set is condensed."""

    clip: ClipArguments = field(default_factory=ClipArguments)
    """How clips are cut from the real videos; synthetic videos have the same shape."""

    reading: DataOptions = field(default_factory=DataOptions)
    """How the folder of videos is read."""

    compute: ComputeArguments = field(default_factory=ComputeArguments)
    """Where networks run."""

    memory: str | None = None
    """Most memory to take, such as 4GB (of the GPU, where networks run on one); --chunk is chosen by it
    (default: no limit)."""

    log: tuple[TrackerName, ...] = ()
    """Also log to tensorboard or wandb (extras); the log events.jsonl in the set is always written."""

    log_dir: Path | None = None
    """Folder for the files of --log (default: OUT.log)."""

    ranks: RankArguments = field(default_factory=RankArguments)
    """How processes that torchrun started work together."""

    checkpoints: CheckpointOptions = field(default_factory=CheckpointOptions)
    """When checkpoints are kept."""

    resume: bool = False
    """Go on from the checkpoint of an interrupted run."""

    overwrite: bool = False
    """Replace what is at --out, once the new set is complete."""

    dry_run: bool = False
    """Only tell what it would cost: clips, bytes, time, memory. Fills the clip cache, writes nothing else."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""


def arguments_for(given: Sequence[str]) -> type[Arguments]:
    """The arguments, with a recipe's values for defaults where `given` names one."""
    return from_recipe(Arguments, given)


def from_recipe(kind: type[A], given: Sequence[str]) -> type[A]:
    """Arguments that hold `condense`, `clip` and `reading`, with the values of the recipe in `given`."""
    path = value_of("--recipe", given)
    if path is None:
        return kind
    recipe = read_recipe(path)
    clip = ClipArguments.of(recipe.clip)
    return with_defaults(kind, condense=recipe.condense, clip=clip, reading=recipe.reading)


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Condense, or tell what it would cost."""
    if arguments.dry_run and num_ranks() > 1:
        raise UsageError("--dry-run measures one process; start it without torchrun")
    with join_ranks(arguments.ranks.rank_timeout) as ranks:
        return _run(arguments, ranks, output)


def _run(arguments: Arguments, ranks: Ranks, output: Output) -> dict[str, Any]:
    options, clip = arguments.condense, arguments.clip.options()
    limit = None if arguments.memory is None else parse_bytes(arguments.memory, "memory")
    check_features(options.match.model, clip.num_frames, clip.size)
    compute = arguments.compute.choose(ranks)
    if ranks.first and not arguments.dry_run:
        check_output(arguments.out, resume=arguments.resume, overwrite=arguments.overwrite)
    trackers = arguments.log if ranks.first and not arguments.dry_run else ()
    silent = output.silent
    with (
        progress(silent=silent) as bars,
        tracking(trackers, _log_folder(arguments), as_json(options)) as tracker,
    ):
        real = read_data(arguments.data, arguments.reading, clip, bars=bars, output=output)
        if limit is not None:
            options = _within(limit, real.train, options, compute, output)
        if arguments.dry_run:
            record = recorded_data(real, arguments.reading, clip)
            coding = check_budget(real.train, options, record, compute)
            return _tell(estimate(real.train, options, compute), real, options, coding, output)
        start = time.monotonic()
        made = condense(
            real.train,
            arguments.out,
            options,
            data=recorded_data(real, arguments.reading, clip),
            recipe=recipe_text(Recipe(condense=options, clip=clip, reading=arguments.reading)),
            resume=arguments.resume,
            overwrite=arguments.overwrite,
            compute=compute,
            ranks=ranks,
            checkpoints=arguments.checkpoints,
            listener=broadcast(
                tracker,
                bars.figures,
                bars.follow("iteration", "condensing", total_iterations(options)),
                bars.follow("draw", "trying draws"),
                hint_when_long(total_iterations(options), output, ADVICE),
            ),
        )
    return _report(made, time.monotonic() - start, output)


def _within(
    limit: int, real: RealClips, options: CondenseOptions, compute: Compute, output: Output
) -> CondenseOptions:
    """The options with as many clips at once as a limit of memory allows."""
    plan = plan_memory(real, options, compute, limit)
    usual = options.match.chunk_of(real.shape)
    output.note(
        f"memory: about {size_text(plan.bytes)} with up to {plan.chunk or usual} clips at once"
        f"{'' if plan.chunk else ', as without a limit'}"
    )
    return replace(options, match=replace(options.match, chunk=plan.chunk))


def _log_folder(arguments: Arguments) -> Path:
    return arguments.log_dir or arguments.out.with_name(arguments.out.name + ".log")


def _report(made: CondensedDataset, seconds: float, output: Output) -> dict[str, Any]:
    note_lowered(made, output)
    counts = [len(positions) for positions in made.positions]
    fall = _note_end(made, counts, output)
    frames = (
        f"{sum(counts)} key frames ({min(counts)} to {max(counts)} a video, "
        f"mean {sum(counts) / len(counts):.2f})"
        if any(counts)
        else made.representation
    )
    output.say(
        f"{made.folder}: {len(made)} videos of {len(made.classes)} classes, {frames}, "
        f"{made.paper_mb:.2f} paper MB, {size_text(made.bytes)} on disk, in {time_text(seconds)}"
    )
    return {
        "out": str(made.folder),
        "method": made.manifest["method"],
        "classes": list(made.classes),
        "videos": len(made),
        "key_frames": counts,
        "paper_mb": made.paper_mb,
        "bytes": made.bytes,
        "seconds": round(seconds, 3),
        "loss_fall_at_end": None if fall is None else round(fall, 4),
    }


def _note_end(made: CondensedDataset, counts: Sequence[int], output: Output) -> float | None:
    """Say what in the end of a run asks for other options; returns how the loss still fell."""
    log = made.folder / LOG
    events = read_events(log) if log.exists() else []
    fall = fall_at_end(events)
    if fall is not None:
        output.note(
            f"the loss was still falling, by {fall:.0%} from the third quarter of the iterations to the "
            "last; more --iterations should bring it further down"
        )
    inserted = any(event["kind"] == "insertion" for event in events)
    if inserted and min(counts) == made.shape[0]:
        output.note(
            "every frame became a key frame, as in --method dm; --max-key-frames, --patience or --budget "
            "keep videos sparse"
        )
    return fall


def _tell(
    cost: Estimate, real: RealData, options: CondenseOptions, coding: Coding, output: Output
) -> dict[str, Any]:
    memory = "unknown here" if cost.peak_memory_mb is None else f"{cost.peak_memory_mb:.0f} MiB"
    output.say(
        facts(
            {
                "real clips": f"{cost.train_clips} to condense, {len(real.test)} to test on",
                "synthetic videos": f"{cost.videos}, {_key_frames(cost)}",
                "payload": _payload(cost, options.codec),
                **({"budget": _budget(options, coding)} if options.budget else {}),
                "paper MB": _range(*(round(mib, 2) for mib in cost.paper_mb)),
                "time": time_text(cost.seconds),
                "memory": memory,
            }
        )
    )
    return {**asdict(cost), "test_clips": len(real.test)}


def _payload(cost: Estimate, codec: str) -> str:
    low, high = map(size_text, cost.payload_bytes)
    packed = f", before compression by {codec}" if CODECS[codec].packed else ""
    return f"{low if low == high else f'{low} to {high}'}{packed}; the manifest comes on top"


def _budget(options: CondenseOptions, coding: Coding) -> str:
    """How the set will be kept to its budget, as far as that is known beforehand."""
    stages = METHODS[options.method].stages
    ways = []
    if stages and stages[-1].insertion and options.insert.insertion != "none":
        ways.append("insertion stops at it")
    if coding.bits < options.bits:
        ways.append(f"--bits {coding.bits}, not {options.bits}")
    if CODECS[options.codec].packed:
        lowered = "--bits" if CODECS[options.codec].exact_levels else "--quality"
        ways.append(f"if the compressed set takes more, {lowered} is lowered in the end")
    return "; ".join([f"{options.budget} for payload and manifest", *ways])


def _key_frames(cost: Estimate) -> str:
    return f"{_range(*cost.key_frames)} key frames in total" if any(cost.key_frames) else "no key frames"


def _range(low: int | float, high: int | float) -> str:
    return f"{low} to {high}" if low != high else str(low)
