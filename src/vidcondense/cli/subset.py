"""`vidcondense subset`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

from vidcondense.cli.output import Output, size_text
from vidcondense.cli.parse import SharedArguments
from vidcondense.options import choose, require
from vidcondense.storage.codecs import CODECS
from vidcondense.storage.condensed import load_condensed
from vidcondense.storage.derived import change_text, largest_change
from vidcondense.storage.subset import chosen_videos, subset
from vidcondense.storage.workspace import check_output


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Store some classes and videos of a condensed set as a set of its own.

    Examples:
      vidcondense subset small --vpc 1 --out smaller
      vidcondense subset small --classes Diving Fencing --out two

    Of each class the first videos are kept. Soft labels of fewer classes are divided by their sum.
    """

    set: tyro.conf.Positional[Path]
    """A condensed set: what `vidcondense condense` made."""

    out: Path
    """Folder to make."""

    classes: tuple[str, ...] = ()
    """Names of the classes to keep; all when none is given."""

    vpc: int | None = None
    """Videos of each class to keep; all by default."""

    codec: str | None = None
    """How to store the frames (default: as the set does, where nothing is lost twice)."""

    drop_soft_labels: bool = False
    """Keep hard labels only: soft labels of augmented views cannot be taken apart."""

    overwrite: bool = False
    """Replace a condensed set at --out, once the new one is complete."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""

    def __post_init__(self) -> None:
        require(self.vpc is None or self.vpc >= 1, "vpc", self.vpc, "must be at least 1")
        if self.codec is not None:
            choose(CODECS, self.codec, "codec")


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Store the part, and tell whether a value changed."""
    check_output(arguments.out, resume=False, overwrite=arguments.overwrite)
    before = load_condensed(arguments.set)
    bytes_before = before.bytes  # --out may be the set itself
    made = subset(
        before,
        arguments.out,
        classes=arguments.classes,
        vpc=arguments.vpc,
        codec=arguments.codec,
        drop_soft_labels=arguments.drop_soft_labels,
        overwrite=arguments.overwrite,
    )
    indices = chosen_videos(before, arguments.classes, arguments.vpc)
    change = largest_change(made, [(before, indices)])
    output.say(
        f"{made.folder}: {len(made)} of {len(before)} videos, {len(made.classes)} of {len(before.classes)} "
        f"classes, {size_text(made.bytes)} (before: {size_text(bytes_before)}), {change_text(change)}"
    )
    return {
        "out": str(made.folder),
        "classes": list(made.classes),
        "videos": len(made),
        "codec": made.manifest["codec"],
        "largest_change": change,
        "paper_mb": made.paper_mb,
        "bytes": made.bytes,
        "bytes_before": bytes_before,
    }
