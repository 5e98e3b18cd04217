"""`vidcondense cache`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tyro

from vidcondense.cli.output import Output, size_text, table
from vidcondense.cli.parse import SharedArguments
from vidcondense.errors import UsageError
from vidcondense.video.cache import CacheEntry, cache_root, clear_cache, list_cache


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """List or clear the cache of decoded clips; a dataset that is needed again is decoded again.

    Examples:
      vidcondense cache list
      vidcondense cache clear --yes
    """

    action: tyro.conf.Positional[Literal["list", "clear"]]
    """What to do."""

    cache_dir: Path | None = None
    """Folder of the cache; by default $VIDCONDENSE_CACHE, or the user's cache folder."""

    yes: bool = False
    """Clear without asking."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """List, or clear."""
    root = cache_root(arguments.cache_dir)
    entries = list_cache(arguments.cache_dir)
    if arguments.action == "clear":
        return _clear(arguments, root, entries, output)
    if entries:
        rows = [[entry.root, entry.clips, size_text(entry.bytes), entry.path.name[:12]] for entry in entries]
        output.say(table(["dataset", "clips", "size", "key"], rows))
    output.say(f"{root}: {_text(entries)}")
    listed = [
        {"path": str(entry.path), "root": entry.root, "clips": entry.clips, "bytes": entry.bytes}
        for entry in entries
    ]
    return {"cache": str(root), "entries": listed}


def _clear(arguments: Arguments, root: Path, entries: list[CacheEntry], output: Output) -> dict[str, Any]:
    if entries and not arguments.yes and not _confirmed(root, entries):
        output.say("nothing was deleted")
        return {"cache": str(root), "freed": 0}
    freed = clear_cache(arguments.cache_dir)
    output.say(f"{root}: {size_text(freed)} freed")
    return {"cache": str(root), "freed": freed}


def _confirmed(root: Path, entries: list[CacheEntry]) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(f"cache clear would delete {_text(entries)} in {root}; add --yes to do it")
    print(f"Delete {_text(entries)} in {root}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _text(entries: list[CacheEntry]) -> str:
    return f"{len(entries)} datasets, {size_text(sum(entry.bytes for entry in entries))}"
