"""A part of a dataset: some of its classes, and no more than so many training videos of each."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from vidcondense.errors import DataError
from vidcondense.options import unknown
from vidcondense.video.listing import Listing, Record
from vidcondense.words import counted, some

_NUMBERED = re.compile(r"^\d+[ \t]+(?=\S)", re.ASCII)

IMBALANCE = 3.0
"""From how many times as many training videos in the largest class as in the smallest a note is given."""


def choose_classes(listing: Listing, names: Sequence[str]) -> Listing:
    """The part of a listing with the classes `names`; they keep their order in the listing.

    Raises:
        DataError: there is no such class, or fewer than two are left.
    """
    wanted = set(names)
    for name in names:
        if name not in listing.classes:
            raise DataError(f"--classes: {unknown(name, listing.classes, 'class'):.600}")
    if len(wanted) < 2:
        raise DataError(
            f"--classes names only {', '.join(map(repr, sorted(wanted)))}; two or more are needed"
        )
    kept = tuple(name for name in listing.classes if name in wanted)
    ids = {listing.classes.index(name): label for label, name in enumerate(kept)}
    records = tuple(replace(r, label=ids[r.label]) for r in listing.records if r.label in ids)
    missing = {path: ids[label] for path, label in listing.missing.items() if label in ids}
    notes = (*listing.notes, f"{len(kept)} of {len(listing.classes)} classes are chosen")
    return replace(listing, classes=kept, records=records, missing=missing, notes=notes)


def match_lines(listing: Listing, lines: Sequence[str]) -> tuple[str, ...]:
    """The class names of lines such as `Diving`, or `25 Diving` as in UCF101's `classInd.txt`."""
    return tuple(line if line in listing.classes else _NUMBERED.sub("", line) for line in lines)


def cap_classes(listing: Listing, most: int, seed: int) -> Listing:
    """A listing with at most `most` training videos of each class; what is tested on stays.

    The videos are drawn by their names, so that one video more or less moves no other.
    """
    by_class: dict[int, list[Record]] = defaultdict(list)
    for record in listing.records:
        if record.split == "train":
            by_class[record.label].append(record)
    dropped: set[str] = set()
    for records in by_class.values():
        drawn = sorted(records, key=lambda record: _draw(seed, record.path))
        dropped.update(record.path for record in drawn[most:])
    if not dropped:
        return listing
    note = f"{len(dropped)} training videos beyond --max-per-class {most} are not used"
    kept = tuple(record for record in listing.records if record.path not in dropped)
    return replace(listing, records=kept, notes=(*listing.notes, note))


def missing_note(listing: Listing) -> list[str]:
    """A remark where videos are missing."""
    if not listing.missing:
        return []
    total = len(listing.missing) + len(listing.records)
    first = next(iter(listing.missing))
    return [f"{len(listing.missing)} of {total} listed videos are missing, first {first!r:.200}"]


def balance_note(listing: Listing) -> list[str]:
    """A remark where the classes' numbers of training videos differ much."""
    counts = Counter(record.label for record in listing.records if record.split == "train")
    if len(counts) < 2:
        return []
    (large, most), (small, least) = counts.most_common()[0], min(counts.items(), key=lambda item: item[1])
    if most < IMBALANCE * least:
        return []
    return [
        f"classes are unequal: {most} training videos of {listing.classes[large]!r}, {least} of "
        f"{listing.classes[small]!r}; --max-per-class evens them out"
    ]


def untested_note(listing: Listing) -> list[str]:
    """A remark where the test split has no video of some classes."""
    tested = {record.label for record in listing.records if record.split == "test"}
    lacking = [repr(name) for label, name in enumerate(listing.classes) if label not in tested]
    if not lacking or not tested:
        return []
    return [f"no test video of {counted(len(lacking), 'class', 'classes')}: {some(lacking)}"]


def _draw(seed: int, path: str) -> bytes:
    return hashlib.sha256(json.dumps(["cap", seed, path]).encode()).digest()
