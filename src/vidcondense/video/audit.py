"""What a dataset on the disk is: a report for people before they spend days on it."""

from __future__ import annotations

import contextlib
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vidcondense.errors import DataError, VideoError
from vidcondense.events import Listener, ignore
from vidcondense.files import sha256_of_file
from vidcondense.media.read import Probed, try_probe
from vidcondense.media.source import Limits
from vidcondense.video.checks import check_usable
from vidcondense.video.index import DataOptions, read_listing
from vidcondense.video.leakage import Leak, content_leaks, duplicates, source_leaks
from vidcondense.video.listing import Listing, Record, Split
from vidcondense.video.pool import run_tasks
from vidcondense.video.quarantine import Quarantined
from vidcondense.video.scan import Scan

SPLITS: tuple[Split, ...] = ("train", "test")


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Least, middle and most of some numbers."""

    least: float
    median: float
    most: float


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What was found out about a dataset."""

    root: Path
    listing: Listing
    decoded: bool
    """Whether videos were decoded; without, what depends on it is empty."""
    usable: tuple[Record, ...]
    quarantined: tuple[Quarantined, ...]
    frames: Spread | None
    seconds: Spread | None
    """Durations, of the videos whose file tells a frame rate."""
    hours: float
    sizes: Counter[tuple[int, int]]
    """How many videos have a width and height."""
    frame_rates: Counter[float]
    remarks: tuple[tuple[str, str], ...]
    """Path and what is unusual about a usable video: `partial: cut short after 9 frames`, …"""
    leaks: tuple[Leak, ...]
    duplicates: tuple[tuple[str, ...], ...]
    """Videos of one split that are the same."""
    problem: str | None
    """Why the dataset cannot be used; None where it can."""

    def counts(self) -> dict[str, dict[str, int]]:
        """Usable videos by class and split."""
        found = {name: dict.fromkeys(SPLITS, 0) for name in self.listing.classes}
        for record in self.usable:
            found[self.listing.classes[record.label]][record.split] += 1
        return {name: {split: counts[split] for split in SPLITS} for name, counts in found.items()}

    @property
    def imbalance(self) -> float | None:
        """Training videos of the largest class by those of the smallest; None where one has none."""
        trained = [counts["train"] for counts in self.counts().values()]
        least = min(trained, default=0)
        return max(trained) / least if least else None

    def as_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "root": str(self.root),
            "layout": self.listing.layout,
            "fold": self.listing.fold,
            "flip": self.listing.flip,
            "notes": list(self.listing.notes),
            "decoded": self.decoded,
            "splits": {split: sum(r.split == split for r in self.usable) for split in SPLITS},
            "classes": self.counts(),
            "imbalance": self.imbalance,
            "missing": list(self.listing.missing),
            "quarantined": [asdict(item) for item in self.quarantined],
            "frames": asdict(self.frames) if self.frames else None,
            "seconds": asdict(self.seconds) if self.seconds else None,
            "hours": self.hours,
            "sizes": [[width, height, n] for (width, height), n in self.sizes.most_common()],
            "frame_rates": [[rate, n] for rate, n in self.frame_rates.most_common()],
            "remarks": [list(remark) for remark in self.remarks],
            "leaks": [asdict(leak) for leak in self.leaks],
            "duplicates": [list(paths) for paths in self.duplicates],
            "problem": self.problem,
        }


def audit(
    root: str | Path, data: DataOptions | None = None, *, quick: bool = False, listener: Listener = ignore
) -> Audit:
    """Look at every video of a dataset; nothing is written.

    Args:
        root: the dataset's folder.
        data: how it is read.
        quick: do not decode. Then only lists, names, and files of the same size in both splits are checked.
        listener: hears `{"kind": "check", "done": i, "total": n}` after each video.

    Raises:
        DataError: the folder is no dataset at all.
    """
    root, data = Path(root), data or DataOptions()
    found, listing = read_listing(root, data)
    real = root.resolve()
    if quick:
        probed: dict[str, Probed] = {}
        bad = _blocked(found, listing)
        files = _hash_suspects(real, [r for r in listing.records if r.path not in found.blocked])
    else:
        probed, bad = _probe(real, found, listing, data, listener)
        files = {path: facts.file_digest for path, facts in probed.items()}
    out = {item.path for item in bad}
    usable = tuple(record for record in listing.records if record.path not in out)
    frames = {path: facts.frames_digest for path, facts in probed.items()}
    leaks = (*content_leaks(usable, files, frames), *source_leaks(usable, listing.classes))
    times = [facts.num_frames / facts.fps for facts in probed.values() if facts.fps]
    return Audit(
        root=root,
        listing=listing,
        decoded=not quick,
        usable=usable,
        quarantined=tuple(bad),
        frames=_spread([facts.num_frames for facts in probed.values()]),
        seconds=_spread(times),
        hours=sum(times) / 3600,
        sizes=Counter((facts.width, facts.height) for facts in probed.values()),
        frame_rates=Counter(round(facts.fps, 3) for facts in probed.values() if facts.fps),
        remarks=tuple((path, note) for path, facts in probed.items() for note in facts.notes),
        leaks=leaks,
        duplicates=tuple(duplicates(usable, frames or files)),
        problem=_problem(root, listing, usable, bad, data),
    )


def _blocked(found: Scan, listing: Listing) -> list[Quarantined]:
    records = {record.path: record for record in listing.records}
    return [Quarantined.of(path, error, records.get(path)) for path, error in found.blocked.items()]


def _probe(
    root: Path, found: Scan, listing: Listing, data: DataOptions, listener: Listener
) -> tuple[dict[str, Probed], list[Quarantined]]:
    """Read every video that may be opened: what is known of the good ones, and why the others are not."""
    probed: dict[str, Probed] = {}
    bad = _blocked(found, listing)
    open_ones = [record for record in listing.records if record.path not in found.blocked]
    calls = ((root / record.path, Limits()) for record in open_ones)
    results = run_tasks(try_probe, calls, workers=data.workers, time_limit=data.time_limit)
    with contextlib.closing(results):
        for done, (record, result) in enumerate(zip(open_ones, results, strict=True), start=1):
            if isinstance(result, VideoError):
                bad.append(Quarantined.of(record.path, result, record))
            else:
                probed[record.path] = result
            listener({"kind": "check", "done": done, "total": len(open_ones)})
    return probed, sorted(bad, key=lambda item: item.path)


def _hash_suspects(root: Path, records: Sequence[Record]) -> dict[str, str]:
    """Hashes of the files whose size occurs in both splits."""
    sizes: dict[str, int] = {}
    for record in records:
        file = root / record.path
        with contextlib.suppress(OSError):
            if file.is_file():
                sizes[record.path] = file.stat().st_size
    sides: dict[int, set[str]] = {}
    for record in records:
        if record.path in sizes:
            sides.setdefault(sizes[record.path], set()).add(record.split)
    suspects = [path for path, size in sizes.items() if len(sides[size]) > 1]
    found: dict[str, str] = {}
    for path in suspects:
        with contextlib.suppress(OSError):
            found[path] = sha256_of_file(root / path)
    return found


def _spread(numbers: Sequence[int] | Sequence[float]) -> Spread | None:
    values = [float(number) for number in numbers]
    if not values:
        return None
    return Spread(least=min(values), median=statistics.median(values), most=max(values))


def _problem(
    root: Path, listing: Listing, usable: Sequence[Record], bad: Sequence[Quarantined], data: DataOptions
) -> str | None:
    records = [{"label": record.label, "split": record.split} for record in usable]
    try:
        check_usable(listing, records, bad, max_bad=data.max_bad, root=root)
    except DataError as error:
        return str(error)
    return None
