"""`vidcondense toy`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

from vidcondense.cli.output import Output
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.progress import progress
from vidcondense.video.toy import ToyOptions, make_toy


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Generate a small dataset: moving shapes as H.264 mp4 files, a folder per class, in train/ and test/.

    Examples:
      vidcondense toy toy
      vidcondense toy toy --mode kinds --train-per-class 20 --test-per-class 20

    In the mode `reversal` the classes come in pairs, each the time reversal of the other: no still frame
    tells them apart. In the easier mode `kinds` the classes are kinds of motion; in the easiest, `scenes`,
    these also tend to a light of their own, as real actions do.
    """

    out: tyro.conf.Positional[Path]
    """Folder to make."""

    toy: ToyOptions = field(default_factory=ToyOptions)
    """What the videos show, and how many there are."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Generate."""
    with progress() as bars:
        make_toy(arguments.out, arguments.toy, listener=bars.follow("toy", "generating videos"))
    counts = {split: len(list((arguments.out / split).glob("*/*.mp4"))) for split in ("train", "test")}
    classes = sorted(folder.name for folder in (arguments.out / "train").iterdir())
    output.say(
        f"{arguments.out}: {counts['train']} training and {counts['test']} test videos, "
        f"{len(classes)} classes ({', '.join(classes)})"
    )
    return {"out": str(arguments.out), "classes": classes, **counts}
