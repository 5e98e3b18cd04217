"""CSV files that people open with a spreadsheet, which takes some text for formulas and runs them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

_QUOTE = "'"
# What a spreadsheet skips before the sign that begins a formula, and the signs, wide ones of East Asia too.
_NEEDS_QUOTE = re.compile(r"'|[\t\r\n]|[\s\x00-\x1f\u200b\ufeff]*[-=+@＝＋－＠]")
_END = "\t;\r\n"


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV with line feeds; text is `quoted`, numbers are not, None is an empty cell."""
    lines = []
    for row in rows:
        line = io.StringIO(newline="")
        # Whatever is in the end of a line puts a cell into quotes: what is an end or a separator elsewhere.
        writer = csv.writer(line, lineterminator=_END)
        writer.writerow([quoted(cell) if isinstance(cell, str) else cell for cell in row])
        lines.append(line.getvalue().removesuffix(_END) + "\n")
    return "".join(lines)


def quoted(text: str) -> str:
    """A text that no spreadsheet computes: an apostrophe goes before what begins like a formula."""
    return _QUOTE + text if _NEEDS_QUOTE.match(text) else text


def unquoted(text: str) -> str:
    """What `quoted` was given; text that it did not make stays as it is."""
    made = text.startswith(_QUOTE) and _NEEDS_QUOTE.match(text, 1)
    return text[1:] if made else text
