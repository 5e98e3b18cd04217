"""`vidcondense train`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

from vidcondense import rng
from vidcondense.cli.arguments import ComputeArguments
from vidcondense.cli.output import Output, size_text
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.progress import progress
from vidcondense.cli.reading import read_data
from vidcondense.cli.sets import ReadingArguments, check_belong, common, read_sets
from vidcondense.errors import UsageError
from vidcondense.interfaces import ClipSource
from vidcondense.models.saved import WEIGHTS, check_free, save_network
from vidcondense.storage.condensed import load_condensed
from vidcondense.training import TrainOptions
from vidcondense.training.new import train_new


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train a network on a condensed set, or on the real clips it stands for, and keep its weights.

    Examples:
      vidcondense train small --out network
      vidcondense train small --out network --steps 1000 --seed 1
      vidcondense train small --data videos --out teacher

    The folder --out holds weights.safetensors and network.json, which names the model, the classes, the shape
    of the clips and their normalisation; in Python, `vidcondense.load_network` reads them.
    """

    set: tyro.conf.Positional[Path]
    """A condensed set: what `vidcondense condense` made."""

    out: Path
    """Folder to make."""

    data: Path | None = None
    """Folder of real videos: train on its training clips, read as the set recorded, instead of on the set."""

    reading: ReadingArguments = field(default_factory=ReadingArguments)
    """How they are read."""

    model: str = "convnet3d"
    """The network to train: convnet3d, cnn-gru, cnn-lstm, …, or package.module:factory of your own."""

    seed: int = 0
    """Seed of the weights, the order of the clips, dropout and augmentation."""

    training: TrainOptions = field(default_factory=TrainOptions)
    """How the network is trained; the defaults are those of the strict evaluation protocol."""

    compute: ComputeArguments = field(default_factory=ComputeArguments)
    """Where the network runs."""

    overwrite: bool = False
    """Replace a network that is at --out."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""

    def __post_init__(self) -> None:
        rng.check_seed(self.seed)
        if self.data is None and self.reading != ReadingArguments():
            raise UsageError("train: how real clips are read says nothing without --data")


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Train and save."""
    check_free(arguments.out, overwrite=arguments.overwrite)
    compute = arguments.compute.choose()
    made = load_condensed(arguments.set)
    clips: ClipSource = made if arguments.data is None else _real_clips(arguments.data, arguments, output)
    total = arguments.training.num_steps(len(clips))
    with progress() as bars:
        network, description, result = train_new(
            arguments.model,
            clips,
            arguments.training,
            shape=made.shape,
            seed=arguments.seed,
            compute=compute,
            origin={
                "condensed_sha256": made.manifest["sha256"],
                "trained_on": "set" if arguments.data is None else "real clips",
            },
            mirror=made.flip,
            listener=bars.follow("train", "training", total),
        )
    accuracy = description.origin["train_accuracy"]
    save_network(arguments.out, network, description, overwrite=arguments.overwrite)
    num_bytes = (arguments.out / WEIGHTS).stat().st_size
    output.say(
        f"{arguments.out}: {arguments.model} for {len(clips.classes)} classes, {total} steps, "
        f"last loss {result.losses[-1]:.4g}, {100 * accuracy:.1f} % of the training clips right, "
        f"{size_text(num_bytes)}"
    )
    return {
        "out": str(arguments.out),
        "model": arguments.model,
        "classes": list(clips.classes),
        "clips": len(clips),
        "steps": total,
        "loss": result.losses[-1],
        "train_accuracy": accuracy,
        "bytes": num_bytes,
    }


def _real_clips(root: Path, arguments: Arguments, output: Output) -> ClipSource:
    """The training clips that the set was condensed from, or may be compared with."""
    sets = read_sets((arguments.set,), "train")
    recorded = common(sets, arguments.reading)
    with progress() as bars:
        real = read_data(root, recorded.data, recorded.clip, bars=bars, output=output)
    check_belong(sets, real, arguments.reading)
    return real.train
