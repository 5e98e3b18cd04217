"""What happens during a run, as events: a log file (JSON lines) and any number of listeners."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from vidcondense.errors import OutputError

Event = dict[str, Any]
"""A JSON object with a `kind` (`iteration`, `insertion`, `train`, …) and what belongs to it."""

Listener = Callable[[Event], None]


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
    """

    def __init__(self, path: Path, keep: int = 0) -> None:
        self.lines = keep
        try:
            self._file = path.open("r+b" if keep else "wb")
            for _ in range(keep):
                self._file.readline()
            self._file.truncate()  # and never less than that: a kill here must not cost what is kept
        except OSError as error:
            raise OutputError(f"cannot write the log {path}: {error.strerror}") from error

    def __call__(self, event: Event) -> None:
        """Append one event."""
        self._file.write(json.dumps(event, allow_nan=False).encode() + b"\n")
        self.lines += 1

    def flush(self) -> None:
        """Hand what was logged to the operating system."""
        self._file.flush()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_events(path: Path) -> list[Event]:
    """All events of a log file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
