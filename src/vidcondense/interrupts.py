"""Ctrl-C and SIGTERM: noted, so that the work can stop at a good place."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Interrupts:
    """Which signal came, if any."""

    received: int | None = None


@contextlib.contextmanager
def catch_interrupts(*, patient: bool = False) -> Iterator[Interrupts]:
    """Note the first SIGINT or SIGTERM instead of dying of it; a second one acts as it always does.

    Outside the main thread, where Python delivers no signals, this does nothing.

    Args:
        patient: let no further one act either: torchrun passes signals on that reached a process already, and
            kills by other means what does not end.
    """
    noted = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: FrameType | None) -> None:
        noted.received = noted.received or number
        if patient:
            return
        for each, handler in previous.items():
            signal.signal(each, handler)

    for number in previous:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
