"""Writing files atomically, so that a final path never holds half a file; reading them warily; locks."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import math
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from vidcondense.errors import FormatError, OutputError

T = TypeVar("T")

_MAX_DIGITS = 40
"""Of a whole number in JSON: no count, size or seed of ours has more, and a float holds any such number."""


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Make `path` by letting `write` fill a temporary neighbour, which then takes its place.

    The file is flushed to disk before it is renamed, and the folder after, so that a crash leaves
    either the old file or the new one.

    Raises:
        OutputError: the folder cannot be made or written, or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a binary file atomically, making folders as needed.

    Raises:
        OutputError: it cannot be written.
    """
    write_file(path, lambda temporary: temporary.write_bytes(content))


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically; bytes of file names that are none come out as they were.

    Raises:
        OutputError: see `write_file`.
    """
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Write `value` as indented JSON, atomically. Raises `OutputError`; NaN is a `ValueError`."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def canonical_json(value: Any) -> str:  # noqa: ANN401
    """The one JSON text of `value` that hashes are taken of: sorted keys, no spaces, ASCII, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def read_json(path: Path, most: int, kind: type[T], advice: str = "") -> T:
    """A file of JSON that others made; see `parse_json`.

    Args:
        path: the file.
        most: bytes it may have.
        kind: what it must hold: a dataclass with the types and ranges of its fields, or `dict`: any object.
        advice: what to do with a file that is refused.

    Raises:
        FormatError: it is missing, no regular file, larger, no such JSON, or holds something else.
    """
    check_regular(path, most)
    try:
        value = parse_json(path.read_text(encoding="utf-8"))
        # Names of files may hold bytes that are no UTF-8; no other half of a surrogate pair can be written.
        json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape")
        return msgspec.convert(value, kind)
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(f"cannot read {path}: {error}{advice and f'; {advice}'}") from error


def parse_json(text: str) -> Any:  # noqa: ANN401
    """JSON of others: keys that stand twice, and numbers that are not finite or very long, are refused.

    Raises:
        ValueError: it is no such JSON, or is nested too deeply.
    """
    try:
        return json.loads(
            text,
            object_pairs_hook=_no_twins,
            parse_constant=_no_number,
            parse_float=_finite_float,
            parse_int=_short_int,
        )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r:.80} is there twice")
        found[key] = value
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text:.80} is too large a number")
    return value


def _short_int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"{text:.80} is too large a number")
    return int(text)


def check_regular(path: Path, most: int) -> int:
    """Refuse a file that may lead elsewhere, never end, or not fit, before it is opened.

    Args:
        path: a file of a folder that others made.
        most: bytes it may have.

    Returns:
        Its size in bytes.

    Raises:
        FormatError: it is missing, a link, no regular file (a pipe, a device, a folder), or larger.
    """
    try:
        found = path.lstat()
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise FormatError(f"cannot read {path}: it is a link or no regular file; put the file itself there")
    if found.st_size > most:
        raise FormatError(f"{path} has {found.st_size} bytes, the limit is {most}: no file of ours")
    return found.st_size


def sync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of_file(path: Path) -> str:
    """The sha256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_folder(path: Path) -> None:
    """Make a folder and its parents. Raises `OutputError`."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def check_writable(path: Path) -> None:
    """Raise `OutputError` where this user could not make `path` or write in it; before hours of work."""
    place = path.absolute()
    # `Path.exists` raises where a folder above may not be searched.
    there = next(each for each in (place, *place.parents) if os.path.exists(each))  # noqa: PTH110
    if not there.is_dir():
        raise OutputError(f"cannot write {path}: {there} is a file; choose another place")
    if not os.access(there, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {path}: this user may not write in {there}; choose another place")


def replace_folder(source: Path, target: Path) -> None:
    """Put the finished folder `source` at `target`; an older `target` disappears only once that has worked.

    Raises:
        OutputError: the folder cannot be moved; `source` and the old `target` are then still there.
    """
    old = target.with_name(f".{target.name}.old-{os.getpid()}")
    restore_folder(target)
    try:
        if target.exists():
            target.rename(old)
        try:
            source.rename(target)
            sync(target.parent)
        except OSError:
            if target.exists() and not source.exists():
                target.rename(source)
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise cannot_write(target, error) from error
    shutil.rmtree(old, ignore_errors=True)


def restore_folder(target: Path) -> None:
    """Put back the folder that a killed `replace_folder` had moved aside; delete one that is not needed.

    Only for who owns `target`, for the folders moved aside look like those of a replacement under way.

    Raises:
        OutputError: it cannot be moved.
    """
    with writing(target):
        aside = sorted(target.parent.glob(f".{glob.escape(target.name)}.old-*"))
        if aside and not target.exists():
            aside.pop().rename(target)
    for folder in aside:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def locked(path: Path, on_wait: Callable[[], object]) -> Iterator[None]:
    """Hold a lock file, which ends with this process however it ends; child processes do not inherit it.

    On Windows nothing keeps two processes apart.

    Args:
        path: the lock file; it disappears with the lock.
        on_wait: called when another process has the lock, before waiting for that one to end; may raise.

    Raises:
        OutputError: the file cannot be made.
    """
    if sys.platform == "win32":
        yield
        return
    handle = _take_lock(path, on_wait)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(handle)


def _take_lock(path: Path, on_wait: Callable[[], object]) -> int:
    import fcntl  # not on Windows

    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise cannot_write(path, error) from error
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            try:
                on_wait()
                fcntl.lockf(handle, fcntl.LOCK_EX)
            except BaseException:
                os.close(handle)
                raise
        # Who had the lock deletes its file last: a lock on a file that is not there any more is none.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), os.fstat(handle)):
                return handle
        os.close(handle)


def size_text(num_bytes: int) -> str:
    """Bytes for a person: 1 kB = 1 000 B."""
    if num_bytes < 1000:
        return f"{num_bytes} B"
    amount = num_bytes / 1000
    for unit in ("kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def visible(text: str) -> str:
    """Text of a line, with escapes for line ends, control characters, and bytes that are no UTF-8."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The `OutputError` that tells a person why `path` could not be written."""
    return OutputError(f"cannot write {path}: {error.strerror or error}; choose another place")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's refusals to write `path` into `OutputError`."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error
