"""`vidcondense experts`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tyro

from vidcondense.cli.arguments import ClipArguments, ComputeArguments, flags
from vidcondense.cli.output import Output, size_text
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.progress import progress
from vidcondense.cli.reading import read_data
from vidcondense.events import Event, Listener, broadcast
from vidcondense.models import check_size
from vidcondense.options import require
from vidcondense.side_by_side import SideBySide
from vidcondense.training.experts import ExpertOptions, train_experts
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.folds import fold_name, training_folds
from vidcondense.video.index import DataOptions
from vidcondense.video.record import recorded_data


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train networks on real clips and keep their weights after every epoch, for --match mtt.

    Examples:
      vidcondense experts videos --out experts
      vidcondense condense videos --out small --method mtt --experts experts
      vidcondense experts videos --out experts --jobs 4   # --engine ray: on a Ray cluster
      vidcondense experts videos --out experts --folds 4   # for vidcondense tune

    Experts that are in the folder --out already are kept: the same command goes on after an interruption, and
    several at once share the work. Each takes 4 bytes a parameter and epoch, 450 MB at the defaults.
    """

    data: tyro.conf.Positional[Path]
    """Folder of videos: one folder per class, train/ and test/ with these, or a known dataset."""

    out: Path
    """Folder of experts, to make or to go on with."""

    folds: int | None = None
    """For `tune`, or `compare` with `folds`: for each of this many folds (the same number as there), experts
    trained without it, in OUT/fold-N-of-FOLDS (default: experts of all training clips, in OUT)."""

    jobs: SideBySide = field(default_factory=SideBySide)
    """How processes share the experts; by default this one trains them all, one after the other."""

    training: ExpertOptions = field(default_factory=ExpertOptions)
    """How experts are trained."""

    clip: ClipArguments = field(default_factory=ClipArguments)
    """How clips are cut from the real videos; as for the set that will be condensed."""

    reading: DataOptions = field(default_factory=DataOptions)
    """How the folder of videos is read; as for the set that will be condensed."""

    compute: ComputeArguments = field(default_factory=ComputeArguments)
    """Where networks run."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""

    def __post_init__(self) -> None:
        require(self.folds is None or self.folds >= 2, "folds", self.folds, "must be at least 2")


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Train what is missing."""
    options, clip = arguments.training, arguments.clip.options()
    check_size(options.model, clip.num_frames, clip.size)
    compute = arguments.compute.choose()
    with progress() as bars:
        real = read_data(arguments.data, arguments.reading, clip, bars=bars, output=output)
        try:
            if arguments.jobs != SideBySide():
                _train_together(arguments, output)
            record = recorded_data(real, arguments.reading, clip)
            listener = broadcast(bars.follow("epoch", "training experts"), _tell_of_waiting(output))
            made = [
                train_experts(clips, folder, options, data=facts, compute=compute, listener=listener)
                for folder, clips, facts in _parts(arguments, real.train, record)
            ]
        except KeyboardInterrupt:
            output.note("the experts trained so far are kept; the same command goes on from there")
            raise
    num_bytes = sum(path.stat().st_size for experts in made for path in experts.paths)
    count = sum(map(len, made))
    losses = [record.losses[-1] for experts in made for record in experts.records]
    output.say(
        f"{arguments.out}: {count} experts, {options.model}, {options.epochs} epochs each, "
        f"mean loss of the last epoch {sum(losses) / len(losses):.4g}, {size_text(num_bytes)}"
    )
    return {
        "out": str(arguments.out),
        "experts": count,
        "model": options.model,
        "epochs": options.epochs,
        "losses": losses,
        "sha256": [experts.sha256 for experts in made] if arguments.folds else made[0].sha256,
        "bytes": num_bytes,
    }


def _parts(
    arguments: Arguments, train: ClipDataset, record: dict[str, Any]
) -> list[tuple[Path, ClipDataset, dict[str, Any]]]:
    """Where experts are to be, the clips they are trained on, and what is recorded of these."""
    if arguments.folds is None:
        return [(arguments.out, train, record)]
    return [
        (
            arguments.out / fold_name(fold.number, fold.folds),
            train.subset(fold.kept),
            {**record, **fold.record},
        )
        for fold in training_folds(train, arguments.folds)
    ]


def _train_together(arguments: Arguments, output: Output) -> None:
    """Run the same command in several processes, which share the work; what they leave is for this one."""
    jobs = replace(arguments.jobs, jobs=min(arguments.jobs.jobs, arguments.training.experts))
    alone = replace(arguments, jobs=SideBySide(), shared=SharedArguments())
    words = ["experts", str(arguments.data), *flags(alone, leave_out=("data",))]
    commands = ((str(number), words) for number in range(jobs.jobs))
    gpu = arguments.compute.device != "cpu"
    for ended in jobs.run(commands, logs=arguments.out / "logs", gpu=gpu):
        if ended.reason:
            output.note(f"process {ended.name} of {jobs.jobs} ended early: {ended.reason}")


def _tell_of_waiting(output: Output) -> Listener:
    def listen(event: Event) -> None:
        if event["kind"] == "wait":
            output.note(f"another process trains expert {event['expert']}; waiting for it")

    return listen
