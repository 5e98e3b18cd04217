"""Arguments: what commands share, and the one call of the parser."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, is_dataclass, make_dataclass, replace
from functools import partial
from typing import Annotated, Any, TypeVar

import tyro
from tyro.constructors import (
    MISSING_NONPROP,
    ConstructorRegistry,
    StructConstructorSpec,
    StructFieldSpec,
    StructTypeInfo,
)


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


def _in_one_line(words: str | Callable[[], str | None] | None) -> str | None:
    words = words() if callable(words) else words
    return None if words is None else " ".join(words.split())


class _Hints:
    """Words for the help of options: their docstrings without line breaks, and hints of their defaults.

    Of switches that are on the hint is "yes"; of what is off or not set there is none: what holds when such
    an option is left out its own help says, where it is not plain. (tyro leaves the breaks of docstrings that
    are indented, as those of attributes are.)
    """

    def __init__(self) -> None:
        self.registry = ConstructorRegistry()
        self.registry.struct_rule(self._hinted)
        self._asks = False

    def _hinted(self, info: StructTypeInfo) -> StructConstructorSpec | None:
        if self._asks or not is_dataclass(info.type):
            return None
        self._asks = True  # for what tyro itself makes of the dataclass
        try:
            found = ConstructorRegistry.get_struct_spec(info)
        finally:
            self._asks = False
        if not isinstance(found, StructConstructorSpec):
            return None
        return replace(found, fields=tuple(map(self._of_field, found.fields)))

    def _of_field(self, each: StructFieldSpec) -> StructFieldSpec:
        each = replace(each, helptext=partial(_in_one_line, each.helptext))
        if each.default is None or each.default is False or each.default == ():
            hint = ""
        elif each.default is True:
            hint = "(default: yes)"
        elif each.default is MISSING_NONPROP:
            hint = "(required)"
        else:
            return each
        kind: Any = Annotated[each.type, tyro.conf.arg(help_behavior_hint=hint)]
        return replace(each, type=kind)


_HINTS = _Hints()


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
    with _HINTS.registry:
        return tyro.cli(
            kind,
            prog=f"vidcondense {command}",
            args=arguments,
            description=inspect.cleandoc(kind.__doc__ or ""),
            config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone),
        )
