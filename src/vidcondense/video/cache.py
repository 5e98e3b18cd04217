"""The clip cache: folders of raw uint8 clips, found by a hash of everything that decides their content."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import platformdirs

from vidcondense.errors import FormatError, OutputError
from vidcondense.files import canonical_json, locked, make_folder, read_json, size_text
from vidcondense.video.listing import Split
from vidcondense.video.quarantine import read_quarantine

FORMAT = 1
"""Version of the cache's files; part of the key."""

MANIFEST = "manifest.json"
QUARANTINE = "quarantine.jsonl"
CLIPS = "clips.u8"

_KEY = re.compile(r"[0-9a-f]{64}")
_LEFTOVER = re.compile(r"\.[0-9a-f]{64}\.((tmp|old)-\d+|partial|blocks)")
_LOCK = re.compile(r"\.[0-9a-f]{64}\.lock")


_MAX_BYTES = 2**34
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


@dataclass(frozen=True, kw_only=True)
class _Record:
    path: str
    label: _Count
    split: Split
    group: str
    num_frames: _Count


@dataclass(frozen=True, kw_only=True)
class _Manifest:
    """What is relied on."""

    root: str
    records: list[_Record]
    shape: Annotated[list[_Count], msgspec.Meta(min_length=6, max_length=6)]
    bytes: _Count
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class CacheEntry:
    """One dataset in the cache."""

    path: Path
    root: str
    """The dataset's folder when it was read."""
    clips: int
    """Videos in it."""
    bytes: int
    """Disk space."""


def cache_root(cache_dir: Path | None = None) -> Path:
    """Where caches lie: `cache_dir`, or `$VIDCONDENSE_CACHE`, or the user's cache folder."""
    if cache_dir is not None:
        return cache_dir
    named = os.environ.get("VIDCONDENSE_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("vidcondense", appauthor=False))


def cache_key(content: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    """The sha256 of the canonical JSON of everything that decides a cache's content, in hex."""
    return hashlib.sha256(canonical_json({"format": FORMAT, "content": content}).encode()).hexdigest()


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a finished cache; None where it or the quarantine is damaged, or clips are missing."""
    try:
        manifest = read_json(folder / MANIFEST, _MAX_BYTES, dict)
        held = msgspec.convert(manifest, _Manifest)
        read_quarantine(folder / QUARANTINE)
        whole = (folder / CLIPS).stat().st_size == held.bytes == math.prod(held.shape)
    except (OSError, ValueError, FormatError):
        return None
    return manifest if whole and len(held.records) == held.shape[0] else None


@contextlib.contextmanager
def temporary_folder(target: Path) -> Iterator[Path]:
    """An empty hidden neighbour of `target` to build it in; removed at the end unless it was moved away.

    Raises:
        OutputError: the folder cannot be made.
    """
    folder = target.with_name(f".{target.name}.tmp-{os.getpid()}")
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def building(target: Path, on_wait: Callable[[], object]) -> Iterator[Path]:
    """The hidden neighbour of `target` in which it is built, for one process at a time.

    What is in it stays when the context ends, for the next attempt to go on; an empty one disappears. On
    Windows nothing keeps two processes apart.

    Args:
        target: the cache folder to make.
        on_wait: called when another process has it, before waiting for that one to end.

    Raises:
        OutputError: the folder cannot be made.
    """
    make_folder(target.parent)
    partial = target.with_name(f".{target.name}.partial")
    with locked(target.with_name(f".{target.name}.lock"), on_wait):
        make_folder(partial)
        try:
            yield partial
        finally:
            with contextlib.suppress(OSError):
                for file in partial.iterdir():
                    if file.stat().st_size == 0:
                        file.unlink()
                partial.rmdir()


def list_cache(cache_dir: Path | None = None) -> list[CacheEntry]:
    """The datasets in the cache, in order of their folders' names."""
    entries = []
    for folder in _ours(cache_root(cache_dir)):
        manifest = read_manifest(folder) or {}
        entries.append(
            CacheEntry(
                path=folder,
                root=manifest.get("root", "(unfinished)"),
                clips=len(manifest.get("records", [])),
                bytes=_size(folder),
            )
        )
    return entries


def clear_cache(cache_dir: Path | None = None) -> int:
    """Delete every dataset in the cache, unfinished ones too; nothing else in its folder is touched.

    What another process is building right now is left alone.

    Returns:
        The bytes freed.

    Raises:
        OutputError: a folder cannot be deleted, or is being built (all others are deleted then).
    """
    root = cache_root(cache_dir)
    keys = {_KEY.search(folder.name)[0] for folder in _ours(root)}  # type: ignore[index]
    keys |= {lock.name[1:65] for lock in root.glob(".*.lock") if _LOCK.fullmatch(lock.name)}
    freed, busy = 0, []
    for key in sorted(keys):
        try:
            with locked(root / f".{key}.lock", _refuse):
                freed += _delete(folder for folder in _ours(root) if key in folder.name)
        except _Busy:
            busy.append(key)
    if busy:
        raise OutputError(
            f"{len(busy)} of {len(keys)} datasets in {root} are being built by another process and were left "
            f"({busy[0][:12]}); {size_text(freed)} were freed; clear again once it is done"
        )
    return freed


class _Busy(Exception):  # noqa: N818 - not a mistake
    """Another process has the lock."""


def _refuse() -> None:
    raise _Busy


def _delete(folders: Iterable[Path]) -> int:
    """Delete folders. Returns the bytes freed."""
    freed = 0
    for folder in folders:
        size = _size(folder)
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise OutputError(f"cannot delete {folder}: {error.strerror}") from error
        freed += size
    return freed


def _ours(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(
        folder
        for folder in root.iterdir()
        if (_KEY.fullmatch(folder.name) or _LEFTOVER.fullmatch(folder.name))
        and folder.is_dir()
        and not folder.is_symlink()
    )


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
