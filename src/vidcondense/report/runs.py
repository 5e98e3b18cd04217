"""A condensation as the report sees it: the set, its log, and why each key frame is there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import msgspec

from vidcondense.convergence import fall_at_end
from vidcondense.errors import FormatError
from vidcondense.events import Event, read_events
from vidcondense.storage.condensed import CondensedDataset, load_condensed
from vidcondense.storage.workspace import LOG

_Index = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Figure = Annotated[float, msgspec.Meta(ge=-1e39, le=1e39)]
"""A little more than float32 holds, and little enough to be drawn."""


@dataclass(frozen=True, kw_only=True)
class _Iteration:
    iteration: _Index
    loss: _Figure
    cosine_low: _Figure | None = None
    cosine_median: _Figure | None = None
    cosine_high: _Figure | None = None
    key_frames: _Figure | None = None
    paper_mb: _Figure | None = None


@dataclass(frozen=True, kw_only=True)
class _Insertion:
    iteration: _Index
    video: _Index
    frame: _Index
    cosine_before: _Figure
    cosine_after: _Figure


@dataclass(frozen=True, kw_only=True)
class KeyFrame:
    """One key frame of a video, and why it is one.

    Attributes:
        frame: its position, from 0.
        iteration: at which it was inserted; None where it was there from the start, or no log tells.
        cosine_before: of its gradient with that of the key frame before it, at that iteration.
        cosine_after: likewise, of the one after it.
        before: the position of the key frame before it at that iteration.
        after: likewise, of the one after it.
    """

    frame: int
    iteration: int | None = None
    cosine_before: float | None = None
    cosine_after: float | None = None
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True)
class Run:
    """A condensed set and its log.

    Attributes:
        name: for a person.
        clips: the set.
        events: the log of its condensation; empty where it has none.
    """

    name: str
    clips: CondensedDataset
    events: tuple[Event, ...]

    @property
    def sha256(self) -> str:
        """Of the manifest: by this, results know which set they are of."""
        return str(self.clips.manifest["sha256"])

    @cached_property
    def iterations(self) -> list[Event]:
        """The events of the iterations, in order."""
        return [event for event in self.events if event["kind"] == "iteration"]

    @cached_property
    def insertions(self) -> list[Event]:
        """The events of the insertions, in order."""
        return [event for event in self.events if event["kind"] == "insertion"]

    @cached_property
    def fall_at_end(self) -> float | None:
        """By what share the loss still fell at the end; None where it did not."""
        return fall_at_end(self.events)

    @cached_property
    def key_frames(self) -> list[list[KeyFrame]]:
        """The key frames of every video, by position."""
        stories: list[dict[int, KeyFrame]] = [{} for _ in self.clips.positions]
        present = [set(row) for row in self.clips.positions]
        for event in self.insertions:
            present[event["video"]].discard(event["frame"])
        for group in _by_iteration(self.insertions):
            for event in group:
                video, frame = event["video"], event["frame"]
                stories[video][frame] = KeyFrame(
                    frame=frame,
                    iteration=event["iteration"],
                    cosine_before=float(event["cosine_before"]),
                    cosine_after=float(event["cosine_after"]),
                    before=max((each for each in present[video] if each < frame), default=None),
                    after=min((each for each in present[video] if each > frame), default=None),
                )
            for event in group:
                present[event["video"]].add(event["frame"])
        return [
            [story.get(frame, KeyFrame(frame=frame)) for frame in row]
            for story, row in zip(stories, self.clips.positions, strict=True)
        ]


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read condensed sets with the logs that lie beside them, each by the shortest name that is its own.

    Raises:
        FormatError: a folder is no condensed set, or its log is damaged or that of another set.
    """
    names = _names(folders)
    runs = [
        Run(name=name, clips=load_condensed(folder), events=_events(folder / LOG))
        for name, folder in zip(names, folders, strict=True)
    ]
    for run in runs:
        _check_log(run)
    return runs


def _events(path: Path) -> tuple[Event, ...]:
    return tuple(read_events(path)) if os.path.lexists(path) else ()


def _check_log(run: Run) -> None:
    """A log must tell of the key frames that the set has, and its events be as we write them."""
    try:
        msgspec.convert(run.iterations, list[_Iteration])
        inserted = msgspec.convert(run.insertions, list[_Insertion])
        fits = all(each.frame in run.clips.positions[each.video] for each in inserted)
    except (KeyError, IndexError, ValueError):  # msgspec's too, and a key that is no text
        fits = False
    if not fits:
        raise FormatError(
            f"the log {run.clips.folder / LOG} is not that of the set beside it; delete it to do without"
        )


def _by_iteration(insertions: Sequence[Event]) -> list[list[Event]]:
    groups: dict[int, list[Event]] = {}
    for event in insertions:
        groups.setdefault(event["iteration"], []).append(event)
    return [groups[iteration] for iteration in sorted(groups)]


def _names(folders: Sequence[Path]) -> list[str]:
    """Of each folder as many of its last parts as tell all apart."""
    for length in range(1, max((len(folder.parts) for folder in folders), default=1) + 1):
        names = ["/".join(folder.parts[-length:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]
