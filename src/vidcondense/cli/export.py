"""`vidcondense export`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

from vidcondense.cli.output import Output, size_text
from vidcondense.cli.parse import SharedArguments
from vidcondense.exports.export import FORMATS, check_free, export
from vidcondense.exports.options import ExportOptions
from vidcondense.options import choose
from vidcondense.storage.condensed import load_condensed


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Write the videos of a condensed set as files that other programs read.

    Examples:
      vidcondense export small --to mp4 --out videos
      vidcondense export small --to gif --fps 4 --out animations
      vidcondense export small --to webdataset --out shards
      vidcondense export small --to huggingface --licence cc-by-4.0 --out folder

    Pictures have 256 levels from 0 to 1: values beyond, which videos learned from noise have, are clamped.
    Only npy in webdataset keeps every value.
    """

    set: tyro.conf.Positional[Path]
    """A condensed set: what `vidcondense condense` made."""

    to: str
    """mp4 or png (lossless, a folder per class), preview (lossy mp4), gif, webp, sheets (contact sheets),
    webdataset, huggingface."""

    out: Path
    """Folder to make."""

    export: ExportOptions = field(default_factory=ExportOptions)
    """How the videos are written."""

    overwrite: bool = False
    """Replace an older export at --out, once the new one is complete."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""

    def __post_init__(self) -> None:
        choose(FORMATS, self.to, "format")


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Write."""
    check_free(arguments.out, overwrite=arguments.overwrite)
    made = load_condensed(arguments.set)
    done = export(made, arguments.out, arguments.to, arguments.export, overwrite=arguments.overwrite)
    output.say(
        f"{done.folder}: {FORMATS[arguments.to].summary}; {done.files} files, {size_text(done.bytes)}, "
        f"{len(made)} videos, {100 * done.clamped:.1f} % of their values lie outside 0 to 1"
    )
    return {
        "out": str(done.folder),
        "to": arguments.to,
        "videos": len(made),
        "files": done.files,
        "bytes": done.bytes,
        "clamped": done.clamped,
    }
