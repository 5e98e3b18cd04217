"""A disk that fails: every operation that writes is counted, and from one of them on they fail."""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_CALLS = ("fsync", "replace", "rename", "mkdir", "open")


class Disk:
    """Counts what writes below a folder; the operation of number `fail_at` fails, perhaps all later ones.

    Args:
        folder: other places are left alone.
        fail_at: number of the first failure; None for none.
        code: what the system says: ENOSPC and EDQUOT are a full disk, which stays full for all that needs
            room (removing and renaming still work); others happen once.
    """

    def __init__(self, folder: Path, fail_at: int | None, code: int) -> None:
        self.folder = os.path.realpath(folder)
        self.fail_at = fail_at
        self.code = code
        self.count = 0

    @property
    def failed(self) -> bool:
        return self.fail_at is not None and self.count > self.fail_at

    def step(self, *, needs_room: bool) -> None:
        """Count an operation, and fail if it is its turn."""
        number, self.count = self.count, self.count + 1
        if self.fail_at is None or number < self.fail_at:
            return
        full = self.code in (errno.ENOSPC, errno.EDQUOT)
        if (full and needs_room) or (not full and number == self.fail_at):
            raise OSError(self.code, os.strerror(self.code))

    def has(self, path: object) -> bool:
        """Whether a path lies in the folder."""
        if isinstance(path, int):
            path = f"/proc/self/fd/{path}"
        return os.path.realpath(os.fspath(path)).startswith(self.folder)  # type: ignore[call-overload]


class Writer:
    """A file open for writing whose writes may fail half-way."""

    def __init__(self, file: Any, disk: Disk) -> None:
        self._file, self._disk = file, disk

    def write(self, content: Any) -> int:
        try:
            self._disk.step(needs_room=True)
        except OSError:
            self._file.write(content[: len(content) // 2])
            raise
        written: int = self._file.write(content)
        return written

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._file)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@contextmanager
def failing_disk(folder: Path, fail_at: int | None, code: int) -> Iterator[Disk]:
    """Put a `Disk` under all that Python writes below a folder."""
    disk = Disk(folder, fail_at, code)
    real_open, real = io.open, {name: getattr(os, name) for name in _CALLS}

    def open_file(file: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
        writes = any(sign in mode for sign in "wax+") and disk.has(file)
        if not writes:
            return real_open(file, mode, *rest, **options)
        disk.step(needs_room=True)
        return Writer(real_open(file, mode, *rest, **options), disk)

    def call(name: str) -> Any:
        def operate(path: Any, *rest: Any, **options: Any) -> Any:
            reads = name == "open" and not rest[0] & (os.O_WRONLY | os.O_RDWR)
            if not reads and disk.has(path):
                disk.step(needs_room=name in ("mkdir", "open"))
            return real[name](path, *rest, **options)

        return operate

    io.open = builtins.open = open_file  # type: ignore[assignment]
    for name in _CALLS:
        setattr(os, name, call(name))
    try:
        yield disk
    finally:
        io.open = builtins.open = real_open
        for name in _CALLS:
            setattr(os, name, real[name])
