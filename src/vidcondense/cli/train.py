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
from vidcondense.errors import LimitError
from vidcondense.models import build_network, check_size
from vidcondense.models.saved import WEIGHTS, NetworkDescription, check_free, save_network
from vidcondense.options import as_json
from vidcondense.storage.condensed import load_condensed
from vidcondense.training import TrainOptions, predict, train


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train a network on a condensed set and keep its weights.

    Examples:
      vidcondense train small --out network
      vidcondense train small --out network --steps 1000 --seed 1

    The folder --out holds weights.safetensors and network.json, which names the model, the classes, the shape
    of the clips and their normalisation; in Python, `vidcondense.load_network` reads them.
    """

    set: tyro.conf.Positional[Path]
    """A condensed set: what `vidcondense condense` made."""

    out: Path
    """Folder to make."""

    model: str = "convnet3d"
    """The network to train: convnet3d, cnn-gru, cnn-lstm, …, or package.module:factory of your own."""

    seed: int = 0
    """Seed of the weights, the order of the clips, and dropout."""

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


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Train and save."""
    check_free(arguments.out, overwrite=arguments.overwrite)
    compute = arguments.compute.choose()
    clips = load_condensed(arguments.set)
    num_frames, _, size, _ = clips.shape
    check_size(arguments.model, num_frames, size)
    network = build_network(
        arguments.model,
        num_classes=len(clips.classes),
        num_frames=num_frames,
        size=size,
        seed=rng.derive_seed(arguments.seed, "network"),
        compute=compute,
    )
    total = arguments.training.num_steps(len(clips))
    with progress() as bars:
        listener = bars.follow("train", "training", total)
        result = train(
            network, clips, arguments.training, seed=arguments.seed, compute=compute, listener=listener
        )
    if result.diverged:
        raise LimitError(
            f"the training diverged after {result.steps_done} of {total} steps "
            f"(--lr {arguments.training.lr}); use a smaller --lr"
        )
    right = predict(network, clips, compute=compute).argmax(dim=1) == clips.labels
    accuracy = float(right.double().mean())
    description = NetworkDescription(
        model=arguments.model,
        classes=clips.classes,
        num_frames=num_frames,
        size=size,
        mean=tuple(clips.mean.tolist()),
        std=tuple(clips.std.tolist()),
        origin={
            "condensed_sha256": clips.manifest["sha256"],
            "training": as_json(arguments.training),
            "seed": arguments.seed,
            "train_accuracy": accuracy,
        },
    )
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
        "steps": total,
        "loss": result.losses[-1],
        "train_accuracy": accuracy,
        "bytes": num_bytes,
    }
