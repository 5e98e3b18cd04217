"""Recipes: TOML files that say how a set is condensed, in the words of the command line.

A recipe is flat: its keys are the flags of `vidcondense condense` without their dashes.

    method = "prism"
    vpc = 5
    num-frames = 8
    lr = 10.0

Where the data lies, where the set goes and what belongs to the machine (device, workers, cache) are no part
of a recipe. What a recipe does not say has its default.
"""

from __future__ import annotations

import dataclasses
import functools
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import tomli_w

from vidcondense.errors import FormatError, UsageError
from vidcondense.files import write_text
from vidcondense.options import as_json, unknown, without_former
from vidcondense.settings import CondenseOptions
from vidcondense.video.index import DataOptions
from vidcondense.video.sampling import ClipOptions

OF_THE_MACHINE = ("workers", "time_limit", "cache_dir", "follow_symlinks")
"""How videos are read in ways that change no clip; no part of a recipe."""

# A set is made from one clip of each video, so the options of several are no part of a recipe either.
_LEFT_OUT = frozenset({*OF_THE_MACHINE, "clips_per_video", "placement", "placement_seed"})

O = TypeVar("O")  # noqa: E741 - a dataclass of options


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a set is condensed, all of it but the place of the data."""

    condense: CondenseOptions = field(default_factory=CondenseOptions)
    """How the set is condensed."""

    clip: ClipOptions = field(default_factory=ClipOptions)
    """How clips are cut from the real videos."""

    reading: DataOptions = field(default_factory=DataOptions)
    """How the folder of videos is read."""


def keys_of(kind: type[Any]) -> dict[str, tuple[str, ...]]:
    """The key of every option of a dataclass, and where its field is: `real-batch`: match, real_batch."""
    found: dict[str, tuple[str, ...]] = {}
    hints = typing.get_type_hints(kind)
    for each in dataclasses.fields(kind):
        if dataclasses.is_dataclass(hints[each.name]):
            inner = keys_of(typing.cast(type[Any], hints[each.name]))
            found |= {key: (each.name, *path) for key, path in inner.items()}
        elif each.name not in _LEFT_OUT:
            found[each.name.replace("_", "-")] = (each.name,)
    return found


def from_keys(kind: type[O], values: Mapping[str, Any]) -> O:
    """Make the options `kind` from flat keys, strictly.

    Args:
        kind: a dataclass of options, nested or not.
        values: by key, as TOML gives them.

    Raises:
        UsageError: a key is unknown, or a value is of another type than its option, or out of bounds.
    """
    paths = keys_of(kind)
    nested: dict[str, Any] = {}
    for key, value in without_former(values).items():
        if key not in paths:
            raise UsageError(unknown(key, paths, "key"))
        *folders, name = paths[key]
        inner = nested
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[name] = value
    try:
        return msgspec.convert(nested, kind, dec_hook=lambda _, value: Path(value))
    except msgspec.ValidationError as error:
        raise UsageError(_in_words(str(error), values)) from error


def to_keys(options: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass of options
    """Options as flat keys; an option that is None, which TOML cannot say, is left out."""
    flat = {}
    plain = as_json(options)
    for key, path in keys_of(type(options)).items():
        value = functools.reduce(lambda inner, name: inner[name], path, plain)
        if value is not None:
            flat[key] = value
    return flat


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        FormatError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # no TOML, no UTF-8, a number of thousands of digits, no name of a file
        raise FormatError(f"{path} is no TOML file: {error}") from error
    except RecursionError as error:
        raise FormatError(f"{path} is no TOML file that we read: it is nested too deeply") from error


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe.

    Raises:
        FormatError: the file cannot be read, is no TOML, or holds an unknown key or a wrong value.
    """
    path = Path(path)
    try:
        return from_keys(Recipe, read_toml(path))
    except UsageError as error:
        raise FormatError(f"{path}: {error}") from error


def write_recipe(path: str | Path, recipe: Recipe, comment: str = "") -> None:
    """Write all options of a recipe that have a value, defaults too: they mean the same in a later version.

    Args:
        path: of the TOML file.
        recipe: what to write.
        comment: lines for its head.

    Raises:
        OutputError: the file cannot be written.
    """
    write_text(Path(path), recipe_text(recipe, comment))


def recipe_text(recipe: Recipe, comment: str = "") -> str:
    """What `write_recipe` writes."""
    head = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    return head + tomli_w.dumps(to_keys(recipe))


def _in_words(message: str, values: Mapping[str, Any]) -> str:
    """A message about `$.match.real_batch` as one about the key `real-batch`; TOML has no null."""
    what, _, where = message.replace(" | null", "").partition(" - at `$")
    name = where.strip("`").split("[")[0].rsplit(".", 1)[-1]
    key = name.replace("_", "-")
    return f"{key} = {values.get(key)!r}: {what[:1].lower()}{what[1:]}"
