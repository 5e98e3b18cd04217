"""Progress on standard error: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vidcondense.cli.live import Figures
from vidcondense.cli.output import Output, console, time_text
from vidcondense.events import Event, Listener, ignore

QUIET_SECONDS = 15.0
"""How long a plain log stays silent between two lines."""

LONG_SECONDS = 3600.0
"""From how much work ahead a person is told how to make it less."""

Clock = Callable[[], float]


@dataclass(kw_only=True)
class Bars:
    """Turns events into progress.

    Args:
        show: called with a title, how much is done, of how much, and a remark.
        figures: a listener that shows what a condensation is doing, where there is room for it.
    """

    show: Callable[[str, int, int, str], None]
    figures: Listener = ignore

    def follow(self, kind: str, title: str, total: int | None = None) -> Listener:
        """A listener that shows the events of one kind.

        Args:
            kind: of the events, which count by `done`, or by `iteration` or `step` from 0.
            title: what is being done.
            total: how much there is to do, where the events do not say it.
        """

        def listen(event: Event) -> None:
            if event["kind"] == kind:
                self.show(title, _done(event), int(event.get("total") or total or 0), _remark(event))

        return listen


def _done(event: Event) -> int:
    if "done" in event:
        return int(event["done"])
    return int(event["iteration"] if "iteration" in event else event["step"]) + 1


def _remark(event: Event) -> str:
    parts = []
    if "loss" in event:
        parts.append(f"loss {event['loss']:.4g}")
    if "key_frames" in event:
        parts.append(f"{event['key_frames']:.2f} key frames a video")
    if event.get("cosine_median") is not None:
        parts.append(f"cosine {event['cosine_median']:.3f}")
    if "paper_mb" in event:
        parts.append(f"{event['paper_mb']:.3f} paper MB")
    return ", ".join(parts)


@contextlib.contextmanager
def progress(*, silent: bool = False) -> Iterator[Bars]:
    """Show progress while the context lasts, unless another process of the same job does."""
    if silent:
        yield Bars(show=lambda title, done, total, remark: None)
        return
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield Bars(show=PlainLines(Output()).show)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bars, figures = Progress(*columns, console=screen), Figures()
    with Live(Group(bars, figures), console=screen, transient=True):
        yield Bars(show=_Tasks(bars).show, figures=figures)


class _Tasks:
    """Bars of a terminal, one a title; what else is to be said stands below them."""

    def __init__(self, rich_progress: Progress) -> None:
        self._progress = rich_progress
        self._tasks: dict[str, Any] = {}

    def show(self, title: str, done: int, total: int, remark: str) -> None:
        if title not in self._tasks:
            self._tasks[title] = self._progress.add_task(title, total=total or None)
        self._progress.update(self._tasks[title], completed=done, total=total or None)


@dataclass
class PlainLines:
    """Lines for a log file: none for what is quick, then one every `QUIET_SECONDS`."""

    output: Output
    clock: Clock = time.monotonic
    _began: dict[str, tuple[float, int, int]] = field(default_factory=dict)
    _spoke: float | None = None

    def show(self, title: str, done: int, total: int, remark: str) -> None:
        """Print a line if it is time for one."""
        now = self.clock()
        began, before, last = self._began.get(title, (now, done, done))
        if done < last:  # another round of the same
            began, before = now, done
        self._began[title] = began, before, done
        if self._spoke is None:
            self._spoke = now
        if now - self._spoke < QUIET_SECONDS:
            return
        self._spoke = now
        fresh = done - before  # a resumed run begins in the middle
        each = (now - began) / fresh if fresh else 0.0
        left = f", {each:.2g} s each, {time_text(each * (total - done))} left" if fresh and total else ""
        of = f" of {total}" if total else ""
        self.output.note(f"{title}: {done}{of}{left}{', ' if remark else ''}{remark}")


def hint_when_long(total: int, output: Output, advice: str, clock: Clock = time.monotonic) -> Listener:
    """A listener that says once, early on, that more than an hour is ahead, and how to make it less.

    The first iteration of a run warms up, so the time is taken from the second to the fourth.
    """
    times: list[float] = []

    def listen(event: Event) -> None:
        if event["kind"] != "iteration" or len(times) >= 4:
            return
        times.append(clock())
        if len(times) == 4:
            left = (times[3] - times[0]) / 3 * (total - event["iteration"] - 1)
            if left > LONG_SECONDS:
                output.note(f"about {time_text(left)} ahead; {advice}")

    return listen
