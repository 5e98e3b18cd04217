"""`vidcondense report`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

from vidcondense.cli.arguments import ComputeArguments
from vidcondense.cli.output import Output, size_text
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.progress import progress
from vidcondense.cli.reading import read_data
from vidcondense.cli.sets import ReadingArguments, check_classes, common, read_sets
from vidcondense.report.page import ReportOptions, check_page, write_report


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Write one page about condensed sets, side by side, that opens from the disk and needs nothing else.

    Examples:
      vidcondense report small --out report.html
      vidcondense report prism control --results results --data videos --out report.html
      vidcondense report prism control --results results compare --out report.html

    It shows the videos playing, when and why each key frame came, how the condensation went, accuracies with
    intervals, what networks confuse, when videos move, and the commands that make it all again. With --data,
    each condensed video stands beside the real training clip of its class that is nearest to it; real clips
    are then part of the page, unless --no-real-clips leaves them out.
    """

    sets: tyro.conf.Positional[tuple[Path, ...]]
    """Condensed sets: what `vidcondense condense` made."""

    out: Path
    """The HTML file to make."""

    results: tuple[Path, ...] = ()
    """Folders of results: --out of `vidcondense evaluate` or `vidcondense compare`."""

    data: Path | None = None
    """Folder of the real videos the sets were made from."""

    network: Path | None = None
    """Network that tells which real clips are nearest, from `vidcondense train` (default: a random one)."""

    page: ReportOptions = field(default_factory=ReportOptions)
    """What is shown."""

    reading: ReadingArguments = field(default_factory=ReadingArguments)
    """How the real videos are read."""

    compute: ComputeArguments = field(default_factory=ComputeArguments)
    """Where the network runs."""

    overwrite: bool = False
    """Replace the file at --out."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Write the page."""
    sets = read_sets(arguments.sets, "report")
    check_page(arguments.out, overwrite=arguments.overwrite)
    with progress() as bars:
        real = None
        if arguments.data is not None:
            recorded = common(sets, arguments.reading)
            read = read_data(arguments.data, recorded.data, recorded.clip, bars=bars, output=output)
            check_classes(sets, read)
            real = read.train
        write_report(
            arguments.sets,
            arguments.out,
            arguments.page,
            results=arguments.results,
            real=real,
            network=arguments.network,
            compute=arguments.compute.choose(),
            overwrite=arguments.overwrite,
            listener=bars.follow("report", "writing the page"),
        )
    num_bytes = arguments.out.stat().st_size
    counted = "1 set" if len(sets) == 1 else f"{len(sets)} sets"
    output.say(f"{arguments.out}: {size_text(num_bytes)}, {counted}; open it in a browser")
    return {"out": str(arguments.out), "bytes": num_bytes, "sets": list(sets)}
