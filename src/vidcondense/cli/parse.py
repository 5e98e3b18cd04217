"""Arguments: what commands share, and the one call of the parser."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import tyro


@dataclass(frozen=True, kw_only=True)
class SharedArguments:
    """What every command understands."""

    json: bool = False
    """Print one JSON object on standard output, and nothing else there."""

    debug: bool = False
    """Show the traceback of an error."""


A = TypeVar("A")


def parse(kind: type[A], arguments: Sequence[str], *, command: str) -> A:
    """Make the dataclass `kind` from command-line arguments; its docstrings are the help.

    Nested dataclasses lend their fields flat: `--epsilon`, not `--condense.insert.epsilon`.

    Raises:
        UsageError: a value is refused by the options themselves.
        SystemExit: after --help (0), or after a message about a mistyped option (2).
    """
    return tyro.cli(
        kind,
        prog=f"vidcondense {command}",
        args=arguments,
        description=inspect.cleandoc(kind.__doc__ or ""),
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone),
    )
