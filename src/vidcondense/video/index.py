"""One pass over a dataset: every video is decoded once, bad ones are set aside, clips go to the cache."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vidcondense.errors import DataError, OutputError, UsageError, VideoError
from vidcondense.events import Listener, ignore
from vidcondense.files import canonical_json, replace_folder
from vidcondense.launch import num_ranks
from vidcondense.media.decode import Decoded, Pick
from vidcondense.media.frames import RULE
from vidcondense.media.read import Decoder, check_decoder, try_read_clips
from vidcondense.media.source import Limits
from vidcondense.options import as_json, require
from vidcondense.rng import derive_seed
from vidcondense.video.build import Task, build_folder, clip_shape, stamp
from vidcondense.video.cache import (
    CLIPS,
    MANIFEST,
    QUARANTINE,
    building,
    cache_key,
    cache_root,
    read_manifest,
)
from vidcondense.video.checks import check_usable
from vidcondense.video.dataset import ClipDataset, ClipFacts, ClipFile
from vidcondense.video.helpers import Blocks
from vidcondense.video.layouts import Layout, parse
from vidcondense.video.listing import Listing, Split, SplitRule
from vidcondense.video.pool import run_tasks
from vidcondense.video.quarantine import Quarantined, read_quarantine
from vidcondense.video.sampling import ClipOptions, clip_indices, short_note
from vidcondense.video.scan import Scan, read_class_names, scan, with_lists
from vidcondense.video.subset import (
    balance_note,
    cap_classes,
    choose_classes,
    match_lines,
    missing_note,
    untested_note,
)

_MAY_PASS = frozenset({"timeout", "crashed", "permission", "unreadable", "out-of-memory", "changed"})
"""Reasons that lie in the machine and the moment; the next time, such videos are tried again."""


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """How a dataset is read."""

    layout: Layout = "auto"
    """How files tell class and split; auto finds out."""
    fold: int = 1
    """Official split to use, where a dataset has several (UCF101: 1, 2 or 3)."""
    split_seed: int = 0
    """Seed of the split, where a dataset has none of its own."""
    test_fraction: float = 0.25
    """Share of each class to test on, where a dataset has no split of its own (0 to 1)."""
    list_file: tuple[Path, ...] = ()
    """Lists to use instead of the dataset's own: one CSV file, or one list to train on and one to test on."""
    classes: tuple[str, ...] = ()
    """Names of the classes to use; all when none is given."""
    classes_file: Path | None = None
    """File with the names of the classes to use, one a line (as `Name`, or as `1 Name`)."""
    max_per_class: int | None = None
    """Most training videos to use of a class, drawn by --split-seed; all by default."""
    flip: bool = True
    """Whether clips may be mirrored; --no-flip where left and right make a class (the paper protocol mirrors
    test clips)."""
    max_bad: float = 0.05
    """Share of unusable videos to accept (0 to 1); they are set aside and reported."""
    workers: int = -1
    """Processes that decode: -1 for one per core, 0 for none (then no time limit holds)."""
    skim: bool = False
    """Decode only the parts of long videos that clips come from; damage elsewhere is then not seen."""
    decoder: Decoder = "pyav"
    """What decodes video files: pyav, or torchcodec (an extra) where that finds the same frames (H.264 and
    HEVC of 8 bits); it decodes only those of clips, and does not tell when one is damaged."""
    time_limit: float = 120.0
    """Seconds to spend on one video at most."""
    cache_dir: Path | None = None
    """Folder for decoded clips; by default $VIDCONDENSE_CACHE, or the user's cache folder."""
    follow_symlinks: bool = False
    """Also read what links in the dataset point to outside of it."""

    def __post_init__(self) -> None:
        require(1 <= self.fold <= 99, "fold", self.fold, "must be 1 to 99")
        require(0 <= self.split_seed < 2**63, "split_seed", self.split_seed, "must be 0 to 2^63 - 1")
        require(
            0 < self.test_fraction < 1,
            "test_fraction",
            self.test_fraction,
            "must be more than 0, less than 1",
        )
        most = self.max_per_class
        require(most is None or most >= 1, "max_per_class", most, "must be at least 1")
        require(0 <= self.max_bad <= 1, "max_bad", self.max_bad, "must be 0 to 1")
        require(-1 <= self.workers <= 1024, "workers", self.workers, "must be -1 (all cores), 0, or a number")
        if self.skim and self.decoder != "pyav":
            raise UsageError("--skim is a way of PyAV; leave it out with --decoder torchcodec")
        require(self.time_limit > 0, "time_limit", self.time_limit, "must be more than 0 seconds")


@dataclass(frozen=True, kw_only=True)
class RealData:
    """A dataset, ready to use."""

    train: ClipDataset
    test: ClipDataset
    listing: Listing
    """What the layout said, unusable videos included."""
    quarantined: tuple[Quarantined, ...]
    """Videos and folders set aside, and why."""
    cache: Path
    """The folder that holds the clips; safe to delete."""


def load_data(
    root: str | Path,
    data: DataOptions | None = None,
    clip: ClipOptions | None = None,
    *,
    listener: Listener = ignore,
) -> RealData:
    """Read a dataset of video files; the second time, from the cache.

    The result depends on the files and the options only, not on workers, or the order of a folder's entries.

    An interrupted call leaves what it decoded in the cache; the same call goes on from there. Ranks share the
    work, where they see the same cache folder (`video/helpers.py`).

    Args:
        root: the dataset's folder.
        data: how to read it.
        clip: how clips are cut.
        listener: hears `{"kind": "index", "done": i, "total": n}` after each video, and `{"kind": "wait"}`
            when another process is reading the same clips, for which this one then waits.

    Raises:
        DataError: the folder is no dataset, or too much of it cannot be used.
        LimitError: the disk has too little room for the clips.
        OutputError: the cache cannot be written.
    """
    root, data, clip = Path(root), data or DataOptions(), clip or ClipOptions()
    check_decoder(data.decoder)
    found, listing = read_listing(root, data)
    tasks = _tasks(root.resolve(), found, listing, clip)
    folder = cache_root(data.cache_dir) / _key(found, listing, tasks, clip, data)
    manifest = _usable(folder, tasks, clip, data)
    if manifest is None:
        _build(folder, root.resolve(), tasks, found, listing, clip, data, listener)
        manifest = read_manifest(folder)
        if manifest is None:
            raise OutputError(f"the cache {folder} is not whole though it was just written; check the disk")
    quarantined = read_quarantine(folder / QUARANTINE)
    check_usable(listing, manifest["records"], quarantined, max_bad=data.max_bad, root=root, folder=folder)
    lengths = [record["num_frames"] for record in manifest["records"]]
    listing = replace(listing, notes=(*listing.notes, *short_note(lengths, clip)))
    return RealData(
        train=_dataset("train", folder, manifest, listing, flip=data.flip),
        test=_dataset("test", folder, manifest, listing, flip=data.flip),
        listing=listing,
        quarantined=quarantined,
        cache=folder,
    )


def _usable(folder: Path, tasks: list[Task], clip: ClipOptions, data: DataOptions) -> dict[str, Any] | None:
    """The manifest of a finished cache, unless a video set aside for a passing reason fares otherwise now."""
    manifest = read_manifest(folder)
    if manifest is None:
        return None
    doubtful = {bad.path for bad in read_quarantine(folder / QUARANTINE) if bad.code in _MAY_PASS}
    again = [task for task in tasks if task.record.path in doubtful and task.refused is None]
    if not again:
        return manifest
    with contextlib.closing(_decode(again, clip, data)) as results:
        # A lasting reason too is news: a bad file whose process was killed would stay `crashed` for ever.
        still = all(isinstance(result, VideoError) and result.code in _MAY_PASS for result in results)
    return manifest if still else None


def read_listing(root: Path, data: DataOptions) -> tuple[Scan, Listing]:
    """Find a dataset's files, and what its layout says of them; no video is opened.

    Of what may not be opened, that is left out which the listing does not use.

    Raises:
        DataError: the folder is no dataset.
    """
    found = scan(root, follow_symlinks=data.follow_symlinks)
    found, lists = with_lists(found, data.list_file)
    rule = SplitRule(fold=data.fold, seed=data.split_seed, test_fraction=data.test_fraction, list_files=lists)
    try:
        listing = parse(found.tree, data.layout, rule)
    except DataError as error:
        refused = "".join(f"; {path or root}: {why}" for path, why in [*found.blocked.items()][:3])
        raise DataError(f"{root}: {error}{refused}") from error
    listing = _subset(listing, data)
    unlisted = {*found.tree.clips}.difference(record.path for record in listing.records)
    blocked = {path: why for path, why in found.blocked.items() if path not in unlisted}
    return replace(found, blocked=blocked), listing


def _subset(listing: Listing, data: DataOptions) -> Listing:
    lines = read_class_names(data.classes_file) if data.classes_file else ()
    names = (*data.classes, *match_lines(listing, lines))
    if names:
        listing = choose_classes(listing, names)
    missing = missing_note(listing)
    if data.max_per_class is not None:
        listing = cap_classes(listing, data.max_per_class, data.split_seed)
    return replace(listing, notes=(*listing.notes, *missing, *balance_note(listing), *untested_note(listing)))


def _tasks(root: Path, found: Scan, listing: Listing, clip: ClipOptions) -> list[Task]:
    tasks = []
    for record in listing.records:
        # The path, not the place in the list, names the video's stream; JSON holds names that are no UTF-8.
        stream = f"clip placement {json.dumps(record.path)}"
        seed = derive_seed(clip.placement_seed, stream) if clip.placement == "random" else 0
        pick = functools.partial(clip_indices, options=clip, seed=seed)
        tasks.append(Task.of(root / record.path, record, pick, found.blocked.get(record.path)))
    return tasks


def _key(found: Scan, listing: Listing, tasks: list[Task], clip: ClipOptions, data: DataOptions) -> str:
    videos = hashlib.sha256()
    for task in tasks:  # one by one: there may be very many
        record = task.record
        facts = [record.path, record.label, record.split, record.group, task.size, task.mtime_ns]
        videos.update(canonical_json(facts).encode() + b"\n")
    return cache_key(
        {
            "listing": as_json(replace(listing, notes=(), records=())),
            "videos": videos.hexdigest(),
            "blocked": {path: error.code for path, error in found.blocked.items()},
            "clip": as_json(clip),
            "limits": as_json(Limits()),
            "rule": RULE,
            # Other videos may be usable.
            **({"skim": True} if data.skim else {}),
            **({"decoder": data.decoder} if data.decoder != "pyav" else {}),
        }
    )


def _build(
    folder: Path,
    root: Path,
    tasks: list[Task],
    found: Scan,
    listing: Listing,
    clip: ClipOptions,
    data: DataOptions,
    listener: Listener,
) -> None:
    listed = {record.path for record in listing.records}
    blocks = Blocks(
        folder=folder.with_name(f".{folder.name}.blocks"),
        tasks=tasks,
        shape=clip_shape(clip),
        decode=lambda some: _decode(some, clip, data),
    )

    before = _identity(folder / MANIFEST)

    def on_wait() -> None:
        listener({"kind": "wait", "path": str(folder)})
        if num_ranks() > 1:
            blocks.help(over=lambda: _identity(folder / MANIFEST) != before)

    with building(folder, on_wait) as partial:
        if _usable(folder, tasks, clip, data) is not None:
            blocks.remove()
            return  # another process was faster
        if num_ranks() == 1:
            blocks.remove()  # what ranks left that were interrupted; other blocks than theirs are of no use
        build_folder(
            partial,
            tasks,
            lambda done: contextlib.closing(_read(blocks, done, listener)),
            read_ahead=blocks.bytes(),
            also_bad={path: error for path, error in found.blocked.items() if path not in listed},
            clip=clip,
            facts={
                "root": str(root),
                "listing": as_json(replace(listing, records=())),
                "clip": as_json(clip),
            },
        )
        replace_folder(partial, folder)
        blocks.remove()


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one of its name; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _read(blocks: Blocks, done: int, listener: Listener) -> Generator[Decoded | VideoError, None, None]:
    """The clips of all videos but the first `done`, in order; of those that other ranks have read, theirs."""
    together = num_ranks() > 1
    with contextlib.closing(blocks.read(done) if together else blocks.decode(blocks.tasks[done:])) as results:
        for number, result in enumerate(results, start=done + 1):
            yield result
            listener({"kind": "index", "done": number, "total": len(blocks.tasks)})


def _decode(
    tasks: Sequence[Task], clip: ClipOptions, data: DataOptions
) -> Generator[Decoded | VideoError, None, None]:
    """The clips of each video, or why there are none."""
    decoded = decode_videos(
        ((task.path, task.pick) for task in tasks if task.refused is None), clip.size, data
    )
    with contextlib.closing(decoded):
        for task in tasks:
            yield task.refused or _of_this_file(task, next(decoded))


def decode_videos(
    videos: Iterable[tuple[Path, Pick]], size: int, data: DataOptions
) -> Generator[Decoded | VideoError, None, None]:
    """The clips of each video, or why there are none, in order; read by worker processes as `data` says."""
    calls = ((path, size, pick, Limits(), data.skim, data.decoder) for path, pick in videos)
    return run_tasks(try_read_clips, calls, workers=data.workers, time_limit=data.time_limit)


def _of_this_file(task: Task, result: Decoded | VideoError) -> Decoded | VideoError:
    """The result, unless the file is not the one any more by which the cache is named."""
    if isinstance(result, Decoded) and stamp(task.path) != (task.size, task.mtime_ns):
        return VideoError("changed", "it was changed while the dataset was read")
    return result


def _dataset(
    split: Split, folder: Path, manifest: dict[str, Any], listing: Listing, *, flip: bool
) -> ClipDataset:
    rows = [(row, r) for row, r in enumerate(manifest["records"]) if r["split"] == split]
    facts = ClipFacts(
        classes=listing.classes,
        labels=tuple(record["label"] for _, record in rows),
        groups=tuple(record["group"] for _, record in rows),
        paths=tuple(record["path"] for _, record in rows),
        rows=tuple(row for row, _ in rows),
        mean=tuple(manifest["mean"]),
        std=tuple(manifest["std"]),
        flip=flip and listing.flip,
    )
    return ClipDataset(ClipFile(path=folder / CLIPS, shape=tuple(manifest["shape"])), facts)
