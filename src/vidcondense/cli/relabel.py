"""`vidcondense relabel`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

from vidcondense.cli.arguments import ComputeArguments
from vidcondense.cli.output import Output, size_text
from vidcondense.cli.parse import SharedArguments
from vidcondense.options import require
from vidcondense.storage.condensed import load_condensed
from vidcondense.storage.relabel import relabel_condensed


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Give a condensed set the soft labels of a trained network: a probability of each class for every video.

    Examples:
      vidcondense relabel small --teacher network --out relabelled
      vidcondense evaluate relabelled --data videos --labels own

    The hard labels stay beside them, and the set is larger by 4 bytes a video and class.
    """

    set: tyro.conf.Positional[Path]
    """A condensed set: what `vidcondense condense` made."""

    teacher: Path
    """Folder of a trained network: what `vidcondense train` wrote, or save_network in Python."""

    out: Path
    """Folder to make."""

    temperature: float = 1.0
    """What the network's scores are divided by before the softmax; a higher one gives flatter labels."""

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


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Label and store."""
    before = load_condensed(arguments.set)
    made = relabel_condensed(
        before,
        arguments.out,
        arguments.teacher,
        temperature=arguments.temperature,
        compute=arguments.compute.choose(),
        trust_code=arguments.trust_code,
        overwrite=arguments.overwrite,
    )
    assert made.soft_labels is not None, "just written"
    agree = float((made.soft_labels.argmax(dim=1) == made.labels).double().mean())
    output.say(
        f"{made.folder}: soft labels of {len(made)} videos, the teacher is for the hard label in "
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
