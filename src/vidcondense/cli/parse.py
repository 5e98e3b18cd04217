"""Arguments: what commands share, and the one call of the parser."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field, make_dataclass
from functools import partial
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


def _same(value: object) -> object:
    return value


def value_of(name: str, arguments: Sequence[str]) -> str | None:
    """The last value of a flag, before the arguments are parsed; None where it is not given."""
    found = None
    for index, argument in enumerate(arguments):
        if argument == name and index + 1 < len(arguments):
            found = arguments[index + 1]
        elif argument.startswith(f"{name}="):
            found = argument.partition("=")[2]
    return found


def with_defaults(kind: type[A], **values: object) -> type[A]:
    """The same dataclass of arguments with other defaults of some fields."""
    fields = [
        (name, kind.__annotations__[name], field(default_factory=partial(_same, value)))
        for name, value in values.items()
    ]
    made = make_dataclass(
        kind.__name__, fields, bases=(kind,), frozen=True, kw_only=True, namespace={"__doc__": kind.__doc__}
    )
    made.__module__ = kind.__module__
    return made


def parse(kind: type[A], arguments: Sequence[str], *, command: str) -> A:
    """Make the dataclass `kind` from command-line arguments; its docstrings are the help.

    Nested dataclasses lend their fields flat: `--epsilon`, not `--condense.insert.epsilon`.

    Args:
        kind: what to make.
        arguments: of the command line, without the command.
        command: its name.

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
