"""`vidcondense relabel`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

from vidcondense import rng
from vidcondense.cli.arguments import ComputeArguments
from vidcondense.cli.output import Output, size_text
from vidcondense.cli.parse import SharedArguments
from vidcondense.options import require
from vidcondense.storage.condensed import load_condensed
from vidcondense.storage.labels import MAX_VIEWS
from vidcondense.storage.relabel import relabel_condensed


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Give a condensed set the soft labels of a trained network: a probability of each class for every video.

    Examples:
      vidcondense relabel small --teacher network --out relabelled
      vidcondense relabel small --teacher network --out relabelled --views 8
      vidcondense evaluate relabelled --data videos --labels own

    The hard labels stay beside them, and the set is larger by 4 bytes a video (or view) and class.
    """

    set: tyro.conf.Positional[Path]
    """A condensed set: what `vidcondense condense` made."""

    teacher: Path
    """Folder of a trained network: what `vidcondense train` wrote, or save_network in Python."""

    out: Path
    """Folder to make."""

    temperature: float = 1.0
    """What the network's scores are divided by before the softmax; a higher one gives flatter labels."""

    views: int = 0
    """Augmented views of every video to label one by one; students are trained on these (0: on the video)."""

    seed: int = 0
    """Seed of the augmentations."""

    compute: ComputeArguments = field(default_factory=ComputeArguments)
    """Where the network runs."""

    trust_code: bool = False
    """Import and run the code that the teacher names, where it is a network of your own."""

    overwrite: bool = False
    """Replace a set that is at --out."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""

    def __post_init__(self) -> None:
        require(self.temperature > 0, "temperature", self.temperature, "must be a positive number")
        require(0 <= self.views <= MAX_VIEWS, "views", self.views, f"must be from 0 to {MAX_VIEWS}")
        rng.check_seed(self.seed)


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Label and store."""
    before = load_condensed(arguments.set)
    made = relabel_condensed(
        before,
        arguments.out,
        arguments.teacher,
        temperature=arguments.temperature,
        views=arguments.views,
        seed=arguments.seed,
        compute=arguments.compute.choose(),
        trust_code=arguments.trust_code,
        overwrite=arguments.overwrite,
    )
    assert made.soft_labels is not None, "just written"
    agree = float((made.soft_labels.argmax(dim=1) == made.views().labels).double().mean())
    what = f"{len(made)} videos" + (f", {arguments.views} views each" if arguments.views else "")
    output.say(
        f"{made.folder}: soft labels of {what}, the teacher is for the hard label in "
        f"{100 * agree:.1f} %, {size_text(made.bytes)} on disk (before: {size_text(before.bytes)})"
    )
    return {
        "out": str(made.folder),
        "videos": len(made),
        "labelling": made.manifest["labelling"],
        "agreement": agree,
        "paper_mb": made.paper_mb,
        "bytes": made.bytes,
        "bytes_before": before.bytes,
    }
