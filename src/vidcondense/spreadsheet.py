"""CSV files that people open with a spreadsheet, which takes some text for formulas and runs them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_QUOTE = "'"


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV with line feeds; text is `quoted`, numbers are not, None is an empty cell."""
    lines = []
    for row in rows:
        line = io.StringIO(newline="")
        # With this end, a carriage return in a name is put into quotes; the file has line feeds nevertheless.
        writer = csv.writer(line, lineterminator="\r\n")
        writer.writerow([quoted(cell) if isinstance(cell, str) else cell for cell in row])
        lines.append(line.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines)


def quoted(text: str) -> str:
    """A text that no spreadsheet computes: an apostrophe goes before what begins like a formula."""
    needs = text.startswith((*_BEGINS_A_FORMULA, _QUOTE))
    return _QUOTE + text if needs else text


def unquoted(text: str) -> str:
    """What `quoted` was given; text that it did not make stays as it is."""
    made = text.startswith(tuple(_QUOTE + sign for sign in (*_BEGINS_A_FORMULA, _QUOTE)))
    return text[1:] if made else text
