"""`vidcondense datasets`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import tyro

from vidcondense.cli.output import Output
from vidcondense.cli.parse import SharedArguments
from vidcondense.options import choose
from vidcondense.video.catalogue import CATALOGUE, draw_tree, page


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """List the dataset layouts: what their files look like and where the data is obtained.

    Examples:
      vidcondense datasets
      vidcondense datasets ucf101
    """

    layout: tyro.conf.Positional[str] = "all"
    """A layout to show the page of, or all."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Print the list, or one page."""
    if arguments.layout != "all":
        about = choose(CATALOGUE, arguments.layout, "layout")
        output.say(page(about).rstrip())
        return {"datasets": [asdict(about)]}
    for about in CATALOGUE.values():
        output.say(f"{about.layout}: {about.summary}")
        output.say(f"  obtained: {about.source}")
        tree = draw_tree(path for path, _ in about.files)
        output.say("".join(f"  {line}\n" for line in tree.splitlines()))
    output.say("`vidcondense datasets LAYOUT` shows the page of one; `--layout auto` finds the layout out.")
    return {"datasets": [asdict(about) for about in CATALOGUE.values()]}
