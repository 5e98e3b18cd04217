"""What a person sees: results on standard output, notes on standard error."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.table import Table

from vidcondense.files import size_text as size_text
from vidcondense.files import visible as visible

_WIDTH_OF_FILES = 200  # tables that go to a file or a pipe are not folded


def console(*, stderr: bool = False) -> Console:
    """A console that prints text as it is: no markup, no colouring of what looks like a number."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDTH_OF_FILES
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


@dataclass(frozen=True, kw_only=True)
class Output:
    """Where a command's words go.

    Args:
        as_json: standard output belongs to one JSON object; words meant for it are dropped.
        silent: another process of the same job speaks.
    """

    as_json: bool = False
    silent: bool = False

    def say(self, what: RenderableType) -> None:
        """Print a part of the result on standard output; of a text, each line `visible`."""
        if isinstance(what, str):
            what = "\n".join(map(visible, what.split("\n")))
        if not (self.as_json or self.silent):
            console().print(what, soft_wrap=isinstance(what, str))

    def note(self, text: str) -> None:
        """Print a remark on standard error."""
        if not self.silent:
            console(stderr=True).print(f"vidcondense: {visible(text)}", soft_wrap=True)


def facts(rows: Mapping[str, object]) -> str:
    """A line a fact: a name, padded, and what belongs to it."""
    shown = [(visible(name), visible(str(value))) for name, value in rows.items()]
    width = max((len(name) for name, _ in shown), default=0)
    return "\n".join(f"{name:{width}}  {value}" for name, value in shown)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A table whose first column is text and whose others are numbers."""
    made = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for column in made.columns[1:]:
        column.justify = "right"
    for row in rows:
        made.add_row(*(visible(str(cell)) for cell in row))
    return made


def time_text(seconds: float) -> str:
    """A duration for a person."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
