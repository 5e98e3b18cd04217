"""`vidcondense merge`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import tyro

from vidcondense.cli.output import Output, size_text
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.sets import read_sets
from vidcondense.errors import UsageError
from vidcondense.options import choose
from vidcondense.storage.codecs import CODECS
from vidcondense.storage.derived import change_text, largest_change
from vidcondense.storage.merge import merge
from vidcondense.storage.workspace import check_output


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Store the videos of several condensed sets as one set; their key frames stay as they are.

    Examples:
      vidcondense merge small more --out both
      vidcondense merge sports dances --codec float32 --out all

    Classes are put together by their names. The sets must agree in frames, size, the size of key frames and
    their upsampling, and in how their real clips were read.
    """

    sets: tyro.conf.Positional[tuple[Path, ...]]
    """Condensed sets of key frames, two or more."""

    out: Path
    """Folder to make."""

    codec: str | None = None
    """How to store the frames (default: as the sets do, where they agree and nothing is lost twice)."""

    drop_soft_labels: bool = False
    """Keep hard labels only, where the soft labels of the sets do not belong together."""

    overwrite: bool = False
    """Replace a condensed set at --out, once the new one is complete."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""

    def __post_init__(self) -> None:
        if self.codec is not None:
            choose(CODECS, self.codec, "codec")


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Merge, and tell whether a value changed."""
    check_output(arguments.out, resume=False, overwrite=arguments.overwrite)
    named = [path.resolve() for path in arguments.sets]
    if twice := [str(path) for path in arguments.sets if named.count(path.resolve()) > 1]:
        raise UsageError(f"merge: {twice[-1]} is named twice; name each set once")
    sets = list(read_sets(arguments.sets, "merge").values())
    sources = [(made, torch.arange(len(made))) for made in sets]
    merged = merge(
        sets,
        arguments.out,
        codec=arguments.codec,
        drop_soft_labels=arguments.drop_soft_labels,
        overwrite=arguments.overwrite,
    )
    change = largest_change(merged, sources)
    output.say(
        f"{merged.folder}: {len(merged)} videos of {len(merged.classes)} classes from {len(sets)} sets, "
        f"{size_text(merged.bytes)} as {merged.manifest['codec']}, {change_text(change)}"
    )
    return {
        "out": str(merged.folder),
        "sets": [str(path) for path in arguments.sets],
        "classes": list(merged.classes),
        "videos": len(merged),
        "codec": merged.manifest["codec"],
        "largest_change": change,
        "paper_mb": merged.paper_mb,
        "bytes": merged.bytes,
    }
