"""What happens during a run, as events: a log file (JSON lines) and any number of listeners."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from vidcondense.errors import FormatError
from vidcondense.files import check_regular, parse_json, writing

Event = dict[str, Any]
"""A JSON object with a `kind` (`iteration`, `insertion`, `train`, …) and what belongs to it."""

Listener = Callable[[Event], None]

_MAX_BYTES = 2**28


def ignore(event: Event) -> None:
    """The listener that does nothing."""


def broadcast(*listeners: Listener) -> Listener:
    """One listener that passes each event on to all of `listeners`, in order."""

    def listen(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return listen


class EventLog:
    """A listener that appends each event to a file as one line of JSON.

    Args:
        path: the file; its folder must exist.
        keep: how many lines of an older file to keep (a resumed run drops what came after its checkpoint).

    Raises:
        OutputError: the file cannot be written.
        FormatError: it has fewer lines than are to be kept.
    """

    def __init__(self, path: Path, keep: int = 0) -> None:
        self.path = path
        self.lines = keep
        with writing(path):
            self._file = path.open("r+b" if keep else "wb")
            for line in range(keep):
                if not self._file.readline():
                    self._file.close()
                    raise FormatError(
                        f"the log {path} has {line} lines, its checkpoint tells of {keep}; use --overwrite"
                    )
            self._file.truncate()  # and never less than that: a kill here must not cost what is kept

    def __call__(self, event: Event) -> None:
        """Append one event. Raises `OutputError`."""
        with writing(self.path):
            self._file.write(json.dumps(event, allow_nan=False).encode() + b"\n")
        self.lines += 1

    def flush(self) -> None:
        """Flush what was logged to the disk. Raises `OutputError`."""
        with writing(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An error that is under way is the one to tell.
        with writing(self.path) if error is None else contextlib.suppress(OSError):
            self._file.close()


def read_events(path: Path) -> list[Event]:
    """All events of a log file. Raises `FormatError` where it cannot be read, or a line is no JSON object."""
    check_regular(path, _MAX_BYTES)
    try:
        found = [parse_json(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise FormatError(f"cannot read the log {path}: {error}; delete it to do without") from error
    for number, event in enumerate(found, start=1):
        if not isinstance(event, dict):
            raise FormatError(f"the log {path}: line {number} is no event; delete it to do without")
    return found
