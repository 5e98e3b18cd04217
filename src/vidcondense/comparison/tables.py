"""The rows of a comparison as text: for the terminal, Markdown and LaTeX."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from vidcondense.evaluation.tables import MISSING, Record, accuracy_text, number, spread
from vidcondense.markdown import markdown
from vidcondense.storage.labels import HARD
from vidcondense.words import counted

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
}
# Cells of numbers alone: there is nothing in them to escape.
_NUMBERS = re.compile(r"(?:[\d.,±+\-−– ()]|of|to|pairs?)*")
# Neighbours that TeX would make one sign of: `--` a dash, '' and << quotes, ?` a question mark turned round.
_LIGATURE = re.compile(r"([-`'<>,?!])(?=[-`'<>,])")


def to_cells(records: Sequence[Record]) -> tuple[list[str], list[list[str]]]:
    """Column titles and rows of text; columns that would say nothing are left out."""
    rows = [_cells(row) for row in records]
    if not rows:
        return ["set"], []
    kept = [title for title in rows[0] if _says_something(title, [row[title] for row in rows])]
    return kept, [[row[title] for title in kept] for row in rows]


def to_markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of GitHub's Markdown; what names contain is shown, never interpreted."""
    lines = [
        titles,
        ["---", *["---:"] * (len(titles) - 1)],
        *([_to_markdown(_one_line(cell)) for cell in row] for row in rows),
    ]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def to_commands(commands: Mapping[str, Sequence[str]], failures: Mapping[str, str]) -> str:
    """Which command computes each cell, and why some failed: Markdown, a block of code."""
    lines = []
    for name, words in commands.items():
        lines.append(f"# {name}" + (f" failed: {failures[name]}" if name in failures else ""))
        lines.append(shlex.join(words))
    return "\nEach cell by itself:\n\n" + "".join(f"    {_one_line(line)}\n" for line in lines)


def to_latex(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A LaTeX tabular (package booktabs)."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join(_to_tex(_one_line(cell)) for cell in cells) + r" \\" + "\n"

    columns = "l" + "r" * (len(titles) - 1)
    body = "".join(map(line, rows)).replace("±", r"$\pm$").replace("−", "$-$").replace(MISSING, "--")
    return (
        f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{line(titles)}\\midrule\n{body}"
        "\\bottomrule\n\\end{tabular}\n"
    )


def _cells(row: Record) -> dict[str, str]:
    return {
        "set": row["name"],
        "vpc": number(row["vpc"], "g"),
        "codec": row["codec"] or MISSING,
        "network": row["model"],
        "labels": row.get("labels", HARD),
        "n": _seeds(row),
        "accuracy %": accuracy_text(row) if row["n"] or not row.get("failed") else "failed",
        "95 % CI": spread(row["ci_low"], row["ci_high"]),
        "95 % CI (groups)": spread(row["group_ci_low"], row["group_ci_high"]),
        "to baseline": number(row["difference"], "+.1f"),
        "95 % CI (paired)": spread(row["difference_low"], row["difference_high"])
        + pairs_text(row["difference"], row["pairs"], _seeds_of(row)),
        "diverged": f"{row['diverged']} of {row['networks']}" if row["diverged"] else MISSING,
        "key frames": number(row["key_frames"], ".2f"),
        "paper MB": number(row["paper_mb"], ".3f"),
        "bytes": number(row["bytes"], ",d"),
        "clips seen": number(row["clip_evaluations"], ",d"),
        "condense s": number(row["seconds_condense"], ".0f"),
        "evaluate s": number(row["seconds_evaluate"], ".0f"),
        "peak MiB": number(row["peak_memory_mb"], ".0f"),
        "peak GPU MiB": number(row.get("peak_gpu_mb"), ".0f"),
        "precision": row.get("precision") or MISSING,
    }


def _seeds(row: Record) -> str:
    """How many condensation seeds of those wanted; the figures of one are over its networks."""
    seeds = _seeds_of(row)
    text = f"{seeds}" if seeds == row["wanted"] else f"{seeds} of {row['wanted']}"
    return f"{text}, {row['n']} networks" if seeds < row["n"] else text


def _seeds_of(row: Record) -> int:
    return min(int(row["n"]), 1) if row["repeat"] == "network" else int(row["n"])


def pairs_text(difference: float | None, pairs: int | None, results: int) -> str:
    """How many pairs a difference is of, where that is not the number of results."""
    if difference is None or pairs is None or pairs == results:
        return ""
    return f" ({counted(pairs, 'pair')})"


def _says_something(title: str, cells: Sequence[str]) -> bool:
    if title in ("codec", "network", "precision"):
        return len(set(cells) - {MISSING}) > 1 or (
            title == "precision" and any(", " in cell for cell in cells)
        )
    if title == "labels":
        return set(cells) != {HARD}
    return any(cell != MISSING for cell in cells)


def _to_markdown(text: str) -> str:
    return text if _NUMBERS.fullmatch(text) else markdown(text)


def _to_tex(text: str) -> str:
    return _LIGATURE.sub(r"\1{}", "".join(_LATEX.get(sign, sign) for sign in text))


def _one_line(text: Any) -> str:  # noqa: ANN401
    """Without line ends, and with escapes for control characters and what is no character at all."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
        for sign in " ".join(str(text).split())
    )
