"""Writing files atomically, so that a final path never holds half a file; and locks."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vidcondense.errors import OutputError


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
    """Write `text` as UTF-8, atomically. Raises `OutputError`."""
    write_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Write `value` as indented JSON, atomically. Raises `OutputError`; NaN is a `ValueError`."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def canonical_json(value: Any) -> str:  # noqa: ANN401
    """The one JSON text of `value` that hashes are taken of: sorted keys, no spaces, ASCII, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


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


def replace_folder(source: Path, target: Path) -> None:
    """Put the finished folder `source` at `target`; an older `target` disappears only once that has worked.

    Raises:
        OutputError: the folder cannot be moved; `source` and the old `target` are then still there.
    """
    old = target.with_name(f".{target.name}.old-{os.getpid()}")
    try:
        if target.exists():
            target.rename(old)
        try:
            source.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
        sync(target.parent)
    except OSError as error:
        raise cannot_write(target, error) from error
    shutil.rmtree(old, ignore_errors=True)


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
        if path.exists() and os.path.samestat(path.stat(), os.fstat(handle)):
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
