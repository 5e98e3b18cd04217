"""`vidcondense data`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import tyro

from vidcondense.cli.output import Output, facts, table, visible
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.progress import progress
from vidcondense.errors import DataError, OutputError
from vidcondense.files import write_text
from vidcondense.video.audit import Audit, Spread, audit
from vidcondense.video.index import DataOptions
from vidcondense.video.leakage import Leak, LeakKind
from vidcondense.video.tables import write_csv
from vidcondense.words import counted

_LINES = 20  # of the list of classes
_SHOWN = 5  # of each kind of finding


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Tell what a folder of videos is: layout, classes, splits, bad and missing files, leakage.

    Examples:
      vidcondense data check videos
      vidcondense data check UCF101 --layout ucf101 --fold 2 --strict
      vidcondense data check UCF101 --list-file my_split.csv --json

    Every video is decoded once; nothing is written, so an interrupted check begins anew. The exit code is 3
    where the data cannot be used, and with --strict also where the test split holds what is trained on.
    """

    action: tyro.conf.Positional[Literal["check"]]
    """What to do."""

    data: tyro.conf.Positional[Path]
    """Folder of videos."""

    reading: DataOptions = field(default_factory=DataOptions)
    """How the folder is read."""

    strict: bool = False
    """Take leakage for an error."""

    quick: bool = False
    """Do not decode: check lists, names and equal files only."""

    write_list: Path | None = None
    """CSV file to write the videos, classes and splits to, which --list-file reads."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Check, and report."""
    if arguments.write_list is not None and arguments.write_list.exists():
        raise OutputError(f"{arguments.write_list} exists; choose another file for --write-list")
    try:
        with progress() as bars:
            found = audit(
                arguments.data,
                arguments.reading,
                quick=arguments.quick,
                listener=bars.follow("check", "checking videos"),
            )
    except DataError as error:
        return {"ok": False, "exit_code": error.exit_code, "error": str(error)}
    _show(found, output)
    if arguments.write_list is not None:
        write_text(arguments.write_list, write_csv(found.listing))
        flip = "" if found.listing.flip else "; read it with --no-flip"
        output.say(f"\nthe split is in {arguments.write_list}{flip}")
    refused = found.problem or (_leak_text(found.leaks) if arguments.strict and found.leaks else None)
    verdict = {"exit_code": DataError.exit_code, "error": refused} if refused else {}
    return {"ok": refused is None, **found.as_dict(), **verdict}


def _show(found: Audit, output: Output) -> None:
    listing = found.listing
    counts = found.counts()
    rows: dict[str, object] = {
        "data": found.root,
        "layout": listing.layout + (f", fold {listing.fold}" if listing.fold else ""),
        "classes": len(listing.classes),
        "clips": ", ".join(
            f"{sum(c[split] for c in counts.values())} {split}" for split in ("train", "test")
        ),
        "balance": _balance(found),
        "missing": len(listing.missing),
        "set aside": _reasons(found),
        "leakage": _leak_text(found.leaks) if found.leaks else "none found",
        "mirroring": "keeps the labels" if listing.flip else "changes labels, so no clip is mirrored",
    }
    if found.decoded:
        rows |= {
            "frames": _spread(found.frames, "{:.0f}"),
            "seconds": f"{_spread(found.seconds, '{:.1f}')}; {found.hours:.2f} h in all",
            "resolutions": _common({f"{w}×{h}": n for (w, h), n in found.sizes.items()}),
            "frame rates": _common({f"{rate:g}": n for rate, n in found.frame_rates.items()}),
        }
    output.say(facts(rows))
    for note in listing.notes:
        output.say(f"note: {visible(note)}")
    output.say("")
    shown = list(counts.items())[:_LINES]
    output.say(table(["class", "train", "test"], [[name, c["train"], c["test"]] for name, c in shown]))
    if len(counts) > _LINES:
        output.say(f"and {len(counts) - _LINES} more classes (--json names all)")
    _show_findings(found, output)


def _show_findings(found: Audit, output: Output) -> None:
    findings = [
        [f"set aside: {item.path!r}: {item.code}: {item.detail}" for item in found.quarantined],
        [f"remark: {path!r}: {note}" for path, note in found.remarks],
        [f"missing: {path!r}" for path in found.listing.missing],
        *([_leak_line(leak) for leak in found.leaks if leak.kind == kind] for kind in get_args(LeakKind)),
        [f"the same video twice: {', '.join(map(repr, paths[:_SHOWN]))}" for paths in found.duplicates],
    ]
    for lines in filter(None, findings):
        more = [f"and {len(lines) - _SHOWN} more such (--json names all)"] if len(lines) > _SHOWN else []
        output.say("\n".join(["", *lines[:_SHOWN], *more]))


def _balance(found: Audit) -> str:
    trained = [counts["train"] for counts in found.counts().values()]
    ratio = f" (1 to {found.imbalance:.2g})" if found.imbalance is not None else ""
    return f"{min(trained)} to {max(trained)} training clips a class{ratio}"


def _reasons(found: Audit) -> str:
    reasons = Counter(item.code for item in found.quarantined)
    listed = ", ".join(f"{count} {code}" for code, count in sorted(reasons.items()))
    return f"{len(found.quarantined)}{f' ({listed})' if listed else ''}"


def _spread(spread: Spread | None, form: str) -> str:
    if spread is None:
        return "unknown"
    least, median, most = (form.format(value) for value in (spread.least, spread.median, spread.most))
    return f"{least} to {most}, median {median}"


def _common(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    more = f", and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return ", ".join(f"{name} ({count})" for name, count in ordered[:_SHOWN]) + more or "unknown"


def _leak_text(leaks: tuple[Leak, ...]) -> str:
    words: dict[LeakKind, tuple[str, str]] = {
        "file": ("identical file", "identical files"),
        "frames": ("file with identical frames", "files with identical frames"),
        "source": ("recording on both sides", "recordings on both sides"),
    }
    kinds = Counter(leak.kind for leak in leaks)
    tested = {path for leak in leaks for path in leak.test}
    text = ", ".join(counted(kinds[kind], *word) for kind, word in words.items() if kinds[kind])
    return f"the test split leaks into training: {text} ({counted(len(tested), 'test clip')})"


def _leak_line(leak: Leak) -> str:
    name = f" {leak.name!r}" if leak.kind == "source" else ""
    return f"leak: same {leak.kind}{name}: train {leak.train[0]!r}, test {leak.test[0]!r}"
