"""Options: frozen keyword-only dataclasses next to what they steer; here is what they have in common."""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from vidcondense.errors import UsageError

V = TypeVar("V")

_MOST_BYTES = 2**63
_MANY = 12

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def flag(name: str) -> str:
    """The command-line spelling of a field: `num_frames` → `--num-frames`."""
    return "--" + name.replace("_", "-")


def require(condition: bool, name: str, value: object, rule: str) -> None:
    """Raise `UsageError` unless `condition` holds, naming the option, its value and the rule.

    A float that is not finite never passes.
    """
    if not condition or (isinstance(value, float) and not math.isfinite(value)):
        raise UsageError(f"{flag(name)} {value}: {rule}")


def choose(table: Mapping[str, V], name: str, what: str) -> V:
    """Look `name` up in a table; an unknown one is a `UsageError` with the known ones and the closest."""
    if name in table:
        return table[name]
    raise UsageError(unknown(name, table, what))


def check_choices(options: object) -> None:
    """Raise `UsageError`, as `choose` does, for a field of a `Literal` type that has none of its values."""
    kind: Any = type(options)  # mypy takes no type for hashable
    for name, known in _choices(kind).items():
        value = getattr(options, name)
        if value not in known:
            raise UsageError(unknown(str(value), filter(None, known), name.replace("_", " ")))


@cache
def _choices(kind: type[object]) -> dict[str, tuple[Any, ...]]:
    """The values of each field of a dataclass that has a `Literal` type; None too where it may be that."""
    found = {}
    for name, hint in get_type_hints(kind).items():
        parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        known = [value for part in parts if get_origin(part) is Literal for value in get_args(part)]
        if known:
            found[name] = (*known, None) if type(None) in parts else tuple(known)
    return found


def parse_bytes(text: str, name: str) -> int:
    """The number of bytes that `4GB`, `500 MB` or `1.5 kB` stand for; 1 kB = 1 000 B.

    Args:
        text: a number, with or without a unit.
        name: of the option that it is the value of.

    Raises:
        UsageError: it is no such text, less than a byte, or more than any file can have.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kMGT]?)B?", text, re.ASCII)
    number = int(Decimal(found[1]) * _UNITS[found[2]]) if found else 0
    if not 0 < number < _MOST_BYTES:
        raise UsageError(f"{flag(name)} {text:.40}: must be a number with a unit, such as 40kB or 4GB")
    return number


def unknown(name: str, known: Iterable[str], what: str) -> str:
    """The message for a name that is not among `known`: the closest one, and all, but where they are many."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    listed = "" if close and len(known) > _MANY else f" (known: {', '.join(known)})"
    return f"unknown {what} {name!r}{hint}{listed}"


def as_json(options: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    """A dataclass as a JSON object: nested ones inside, paths as text, tuples as lists."""

    def plain(value: object) -> object:
        if isinstance(value, Path):
            return str(value)
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(item) for item in value]
        return value

    return {key: plain(value) for key, value in dataclasses.asdict(options).items()}


FORMER: Mapping[str, object] = {"interpolation": "linear"}
"""Options that are no more, with the one value that means what is always done now."""


def without_former(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of any version, as JSON or by key, without those that are no more and had that value."""
    return {key: value for key, value in options.items() if key not in FORMER or value != FORMER[key]}


def changed_fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """How two JSON objects of options differ: `insert.patience: 1 → 2`, in order of their names."""
    before, after = flattened(old), flattened(new)
    return [
        f"{key}: {before.get(key)} → {after.get(key)}"
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]


def flattened(options: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A JSON object of options without nesting: `{"insert": {"patience": 1}}` → `{"insert.patience": 1}`."""
    flat: dict[str, Any] = {}
    for key, value in options.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
