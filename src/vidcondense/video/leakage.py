"""Does a test split hold what was trained on? Same files, same pictures, same recordings on both sides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vidcondense.video.listing import Record
from vidcondense.video.names import source_of, without_ending

LeakKind = Literal["file", "frames", "source"]


@dataclass(frozen=True, kw_only=True)
class Leak:
    """Videos of both splits that are the same, or come from one recording."""

    kind: LeakKind
    """file: the same bytes; frames: the same decoded frames in other bytes; source: the same recording."""
    name: str
    """The recording, or the sha256."""
    train: tuple[str, ...]
    test: tuple[str, ...]


def source_leaks(records: Sequence[Record], classes: Sequence[str]) -> list[Leak]:
    """Recordings with videos of one class in both splits.

    The recording is what a file's name tells (UCF's group, HMDB's film, Kinetics' YouTube id), or else the
    group that the layout gives.

    Args:
        records: the videos.
        classes: the names of their classes.
    """
    keys = {record.path: _source(record, classes[record.label]) for record in records}
    return _both_sides("source", records, keys)


def content_leaks(
    records: Iterable[Record], files: Mapping[str, str], frames: Mapping[str, str]
) -> list[Leak]:
    """Videos whose bytes, or else whose frames, are in both splits.

    Args:
        records: the videos.
        files: path → hash of its bytes.
        frames: path → hash of its decoded frames.
    """
    records = list(records)
    same_files = _both_sides("file", records, files)
    known = {path for leak in same_files for path in (*leak.train, *leak.test)}
    same_frames = [
        leak for leak in _both_sides("frames", records, frames) if not {*leak.train, *leak.test} <= known
    ]
    return same_files + same_frames


def duplicates(records: Iterable[Record], hashes: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Videos of one split with the same hash, each group of them in order."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for record in records:
        if record.path in hashes:
            groups[record.split, hashes[record.path]].append(record.path)
    return [tuple(paths) for paths in groups.values() if len(paths) > 1]


def _source(record: Record, class_name: str) -> str:
    stem = without_ending(record.path.rpartition("/")[2])
    told = source_of(stem, class_name)
    return f"{class_name}/{told}" if told else record.group


def _both_sides(kind: LeakKind, records: Iterable[Record], keys: Mapping[str, str]) -> list[Leak]:
    sides: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for record in records:
        if record.path in keys:
            sides[keys[record.path]][record.split == "test"].append(record.path)
    return [
        Leak(kind=kind, name=key, train=tuple(train), test=tuple(test))
        for key, (train, test) in sides.items()
        if train and test
    ]
