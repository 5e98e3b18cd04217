"""CSV lists: `path,label,split`, and `folder_name,label,split` of the field's subsets such as miniUCF."""

from __future__ import annotations

from collections.abc import Iterator

from vidcondense.errors import DataError
from vidcondense.spreadsheet import csv_text, unquoted
from vidcondense.video import texts
from vidcondense.video.assemble import Entry, assemble, check_path, sort_labels, split_of
from vidcondense.video.finder import Finder
from vidcondense.video.listing import Listing, SplitRule, Tree

MINI = "folder_name"
"""The column by which the field's subsets name a video, without its ending."""

PATHS = ("path", "file_name", "video", MINI)
"""Columns that may name a video."""


def parse_csv(tree: Tree, rule: SplitRule) -> Listing:
    """Read a CSV file with a header: a column for the path (`path`, `file_name`, `video`), `label`, `split`.

    The columns `id` (of the class) and `group` (the recording) are optional. Without `id`, classes are
    sorted, numbers by their value.

    Raises:
        DataError: there is no such file or more than one, or it makes no sense (the message gives the line).
    """
    return _parse("csv", tree, _choose(tree, rule, PATHS), rule)


def parse_miniucf(tree: Tree, rule: SplitRule) -> Listing:
    """Read a subset of UCF101 by a CSV file with the columns `folder_name`, `label`, `split`.

    The name of a video is enough: it may lie in any folder, as a file or as a folder of images.

    Raises:
        DataError: as `parse_csv`.
    """
    return _parse("miniucf", tree, _choose(tree, rule, (MINI,)), rule)


def tables(tree: Tree, columns: tuple[str, ...]) -> list[str]:
    """The CSV files whose header has one of `columns`, `label` and `split`."""
    found = []
    for name in tree.texts:
        if name.lower().endswith(".csv"):
            header = set(texts.csv_header(tree, name))
            if header & set(columns) and {"label", "split"} <= header:
                found.append(name)
    return found


def write_csv(listing: Listing) -> str:
    """A listing as a CSV file that `parse_csv` reads as the same classes, videos, splits and groups.

    Raises:
        DataError: a class name begins or ends with a blank, which no CSV list keeps.
    """
    rows: list[tuple[object, ...]] = [("path", "label", "split", "id", "group")]
    for record in listing.records:
        name = listing.classes[record.label]
        if name != name.strip():
            raise DataError(f"the class name {name!r:.200} begins or ends with a blank; rename it")
        rows.append((record.path, name, record.split, record.label, record.group))
    return csv_text(rows)


def _choose(tree: Tree, rule: SplitRule, columns: tuple[str, ...]) -> str:
    found = list(rule.list_files) or tables(tree, columns)
    if len(found) != 1:
        raise DataError(
            f"{len(found)} CSV files have the columns {' or '.join(columns)}, label, split"
            f"{''.join(f', {name}' for name in found[:5])}; name one with --list-file"
        )
    return found[0]


def _parse(layout: str, tree: Tree, name: str, rule: SplitRule) -> Listing:
    header = texts.csv_header(tree, name)
    column = next((path for path in PATHS if path in header), PATHS[0])
    ids: dict[str, int] = {}
    entries = list(_entries(tree, name, column, ids))
    present = {entry.class_name for entry in entries}
    classes = sorted(ids, key=lambda label: ids[label]) if ids else sort_labels(present)
    # A video's name alone tells enough where the list gives names alone.
    return assemble(layout, entries, classes, Finder(tree.clips, unique_names=column == MINI), again=True)


def _entries(tree: Tree, name: str, column: str, ids: dict[str, int]) -> Iterator[Entry]:
    for cells, where in texts.csv_columns(tree, name, (column, "label", "split")):
        row = {title: unquoted(cell) for title, cell in cells.items()}
        split, label = split_of(row["split"]), row["label"].strip()
        if split is None:
            raise DataError(f"{where}: unknown split {row['split']!r:.80}; known are train, val and test")
        if not label:
            raise DataError(f"{where}: the label is empty")
        if "id" in row:
            _learn_id(ids, label, row["id"].strip(), where)
        listed = check_path(tree, row[column], where)
        yield Entry(listed=listed, class_name=label, split=split, where=where, group=row.get("group", ""))


def _learn_id(ids: dict[str, int], label: str, number: str, where: str) -> None:
    if not (number.isascii() and number.isdecimal()) or len(number) > 6:
        raise DataError(f"{where}: {number!r:.80} is no class id")
    if ids.setdefault(label, int(number)) != int(number) or list(ids.values()).count(int(number)) > 1:
        raise DataError(f"{where}: class {label!r:.80} with id {number} contradicts an earlier line")
