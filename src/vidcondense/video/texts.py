"""Reading lists and annotations: lines, CSV rows and JSON, each with the place to name in an error."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from vidcondense.errors import DataError
from vidcondense.files import parse_json
from vidcondense.video.listing import Tree


def lines(tree: Tree, name: str) -> Iterator[tuple[str, str]]:
    """The lines of a list that are not blank, without blanks around them, each with its `file:line`.

    Only line feeds end a line (with a carriage return before them, or not): file names may hold the other
    characters that Unicode counts as line ends.
    """
    for number, line in enumerate(tree.read(name).removeprefix("\ufeff").split("\n"), start=1):
        if text := line.strip(" \t\r"):
            yield text, f"{name}:{number}"


def csv_rows(tree: Tree, name: str) -> Iterator[tuple[list[str], str]]:
    """The rows of a CSV file that are not empty, each with its `file:line`.

    Raises:
        DataError: quotes do not match, or a field is larger than 131 072 characters.
    """
    reader = csv.reader(io.StringIO(tree.read(name).removeprefix("\ufeff"), newline=""), strict=True)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise DataError(f"{name}:{reader.line_num}: no CSV: {error}") from error
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield row, f"{name}:{reader.line_num}"


def csv_columns(tree: Tree, name: str, columns: tuple[str, ...]) -> Iterator[tuple[dict[str, str], str]]:
    """The rows of a CSV file with a header, as `column: cell`, each with its `file:line`.

    Args:
        tree: the files.
        name: the CSV file.
        columns: names that the header must have.

    Raises:
        DataError: the header lacks a column or has one twice, or a row has another number of cells.
    """
    header: list[str] | None = None
    for row, where in csv_rows(tree, name):
        if header is None:
            header = [cell.strip().lower() for cell in row]
            lacking = [column for column in columns if column not in header]
            if lacking or len(set(header)) < len(header):
                raise DataError(
                    f"{where}: the header must have the columns {', '.join(columns)} once each; "
                    f"it is {','.join(header)!r:.200}"
                )
        elif len(row) != len(header):
            raise DataError(f"{where}: {len(row)} cells where the header has {len(header)}: {row!r:.200}")
        else:
            yield dict(zip(header, row, strict=True)), where


def csv_header(tree: Tree, name: str) -> tuple[str, ...]:
    """The first row in small letters; nothing where it is no CSV."""
    try:
        row, _ = next(csv_rows(tree, name), ([], ""))
    except DataError:
        return ()
    return tuple(cell.strip().lower() for cell in row)


def read_json(tree: Tree, name: str) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """A JSON file; a key that is there twice, or a number that is none, is an error.

    Raises:
        DataError: it is no such JSON.
    """
    try:
        return parse_json(tree.read(name).removeprefix("\ufeff"))
    except ValueError as error:
        raise DataError(f"{name} is no JSON we accept: {error!s:.200}") from error
