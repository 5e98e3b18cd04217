"""The layouts of Kinetics-400, -600 and -700: annotations as CSV or JSON, clips flat or in class folders."""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vidcondense.errors import DataError
from vidcondense.video import texts
from vidcondense.video.assemble import Entry, assemble, split_of
from vidcondense.video.finder import Finder
from vidcondense.video.listing import Listing, Split, SplitRule, Tree

COLUMNS = ("youtube_id", "time_start", "time_end")
_ID = re.compile(r"[\w-]{1,32}", re.ASCII)
_DAY = 86_400


@dataclass
class _Left:
    """What the annotations say that is not used."""

    no_label: int = 0
    splits: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class _Row:
    label: str
    youtube_id: str
    start: object
    end: object
    subset: str
    where: str


def parse_kinetics(tree: Tree, rule: SplitRule, *, classes: int) -> Listing:
    """Read Kinetics: its training split, and its validation split to test on (test labels are not public).

    Clips are `{youtube id}_{start, six digits}_{end, six digits}.mp4`, in any folder. Those that the
    annotations name and that are not there, which is usual, are counted.

    Args:
        tree: the files.
        rule: not used, for there is one split.
        classes: how many classes this Kinetics has.

    Raises:
        DataError: there are no annotations, or they make no sense (the message gives file and line).
    """
    names = find_annotations(tree, rule)
    if not names:
        raise DataError(
            f"there are no annotations: a CSV file with the columns label, {', '.join(COLUMNS)}, "
            "or the JSON files train.json and validate.json"
        )
    left = _Left()
    seen: set[str] = set()
    entries = _entries(tree, names, left, seen)
    clips = _without_replaced(tree.clips)
    listing = assemble(f"kinetics{classes}", entries, None, Finder(clips, unique_names=True), again=True)
    if len(seen) > classes:
        raise DataError(f"the annotations have {len(seen)} classes, kinetics{classes} has {classes}")
    absent = len(seen) - len(listing.classes)
    notes = [f"{absent} of {len(seen)} classes have no video here"] if absent else []
    replaced = len(tree.clips) - len(clips)
    notes += [f"{replaced} clips have a replacement, which is used"] if replaced else []
    notes += [f"{count} clips of the split {name!r} are not used" for name, count in left.splits.items()]
    notes += [f"{left.no_label} clips have no label and are not used"] if left.no_label else []
    return replace(listing, notes=(*listing.notes, *notes))


def find_annotations(tree: Tree, rule: SplitRule) -> list[str]:
    """The annotation files; those with a better known twin in the other format are left out."""
    if rule.list_files:
        return list(rule.list_files)
    tables = [name for name in tree.texts if name.endswith(".csv") and set(COLUMNS) <= _header(tree, name)]
    if tables:
        return tables
    return [
        name
        for name in tree.texts
        if name.endswith(".json") and split_of(name.rpartition("/")[2].removesuffix(".json").split("_")[-1])
    ]


def guess_classes(tree: Tree, names: list[str]) -> int:
    """400, 600 or 700: as a path says, or else the smallest that the annotations' classes fit into."""
    for number in (400, 600, 700):
        if any(re.search(rf"(?i)(?:kinetics|k)[-_]?{number}", name) for name in names):
            return number
    labels = {row.label for name in names for row in _rows(tree, name)}
    return next((number for number in (400, 600, 700) if len(labels) <= number), 700)


KINETICS: Mapping[str, Callable[[Tree, SplitRule], Listing]] = {
    f"kinetics{classes}": functools.partial(parse_kinetics, classes=classes) for classes in (400, 600, 700)
}


def _without_replaced(clips: tuple[str, ...]) -> list[str]:
    """The clips without those of which a folder `replacement…` holds another: the first are broken."""
    names = {path.rpartition("/")[2] for path in clips if _is_replacement(path)}
    return [path for path in clips if _is_replacement(path) or path.rpartition("/")[2] not in names]


def _is_replacement(path: str) -> bool:
    return any(folder.startswith("replacement") for folder in path.split("/")[:-1])


def _header(tree: Tree, name: str) -> set[str]:
    return set(texts.csv_header(tree, name))


def _entries(tree: Tree, names: list[str], left: _Left, seen: set[str]) -> Iterator[Entry]:
    for name in names:
        for row in _rows(tree, name):
            split = split_of(row.subset)
            if split is None:
                raise DataError(
                    f"{row.where}: unknown split {row.subset!r:.80}; known are train, val and test"
                )
            if not row.label:
                left.no_label += 1
            elif row.subset.strip().lower() == "test":
                left.splits["test"] += 1
            else:
                seen.add(row.label)
                yield _entry(row, split)


def _entry(row: _Row, split: Split) -> Entry:
    if not _ID.fullmatch(row.youtube_id):
        raise DataError(f"{row.where}: {row.youtube_id!r:.80} is no YouTube id")
    start, end = _seconds(row.start, row.where), _seconds(row.end, row.where)
    return Entry(
        listed=f"{row.youtube_id}_{start:06d}_{end:06d}.mp4",
        class_name=row.label,
        split=split,
        where=row.where,
        group=f"{row.label}/{row.youtube_id}",
    )


def _seconds(value: object, where: str) -> int:
    """Whole seconds; `10` and `10.0` are the same."""
    try:
        seconds = float(value) if isinstance(value, (str, int, float)) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    if not 0 <= seconds <= _DAY:
        raise DataError(f"{where}: {value!r:.80} is no time in seconds")
    return int(seconds)


def _rows(tree: Tree, name: str) -> Iterator[_Row]:
    return _json_rows(tree, name) if name.endswith(".json") else _csv_rows(tree, name)


def _csv_rows(tree: Tree, name: str) -> Iterator[_Row]:
    stem = name.rpartition("/")[2].rpartition(".")[0]
    for row, where in texts.csv_columns(tree, name, COLUMNS):
        yield _Row(
            label=row.get("label", "").strip(),
            youtube_id=row["youtube_id"].strip(),
            start=row["time_start"].strip(),
            end=row["time_end"].strip(),
            subset=row.get("split", "").strip() or stem.split("_")[-1],
            where=where,
        )


def _json_rows(tree: Tree, name: str) -> Iterator[_Row]:
    held = texts.read_json(tree, name)
    if not isinstance(held, dict):
        raise DataError(f"{name}: expected an object with a YouTube id for each key")
    for youtube_id, item in held.items():
        where = f"{name}: {youtube_id!r:.40}"
        annotation = _object(item, where).get("annotations", {})
        annotation = _object(annotation, where)
        segment = annotation.get("segment")
        label, subset = annotation.get("label", ""), item.get("subset", "")
        if not (isinstance(segment, list) and len(segment) == 2):
            raise DataError(f"{where}: `segment` must be [start, end], it is {segment!r:.80}")
        if not (isinstance(label, str) and isinstance(subset, str)):
            raise DataError(f"{where}: `label` and `subset` must be text")
        yield _Row(
            label=label.strip(),
            youtube_id=youtube_id,
            start=segment[0],
            end=segment[1],
            subset=subset,
            where=where,
        )


def _object(item: object, where: str) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise DataError(f"{where}: expected an object, found {item!r:.80}")
    return item
