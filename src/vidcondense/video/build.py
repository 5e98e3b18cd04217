"""Building one cache folder: clips are appended as they come, bad videos are set aside with their reasons."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vidcondense.errors import LimitError, VideoError
from vidcondense.files import size_text, sync, write_text, writing
from vidcondense.media.decode import Decoded, Pick
from vidcondense.media.read import is_frame_folder
from vidcondense.video.cache import CLIPS, MANIFEST, QUARANTINE
from vidcondense.video.journal import JOURNAL, Entry, Journal
from vidcondense.video.listing import Record
from vidcondense.video.quarantine import Quarantined
from vidcondense.video.sampling import ClipOptions

_CHANNELS = 3
_SPARE_SHARE, _SPARE_BYTES = 20, 10**9  # a twentieth of the disk, at most 1 GB, stays free
_LEAST_STD = 1 / 255


@dataclass(frozen=True, kw_only=True)
class Task:
    """One video to read."""

    path: Path
    record: Record
    pick: Pick
    size: int
    """Bytes; -1 where they cannot be told."""
    mtime_ns: int
    refused: VideoError | None
    """Why it must not be opened."""

    @classmethod
    def of(cls, path: Path, record: Record, pick: Pick, refused: VideoError | None) -> Task:
        """The task for a video, with its size and time of change (which tell whether a cache still fits)."""
        size, mtime_ns = stamp(path)
        return cls(path=path, record=record, pick=pick, size=size, mtime_ns=mtime_ns, refused=refused)


def stamp(path: Path) -> tuple[int, int]:
    """Bytes and last change (in ns) of a video, of all its images together; -1 where they cannot be told."""
    try:
        files = [file.stat() for file in path.iterdir()] if is_frame_folder(path) else [path.stat()]
    except OSError:
        return -1, -1
    return sum(file.st_size for file in files), max((file.st_mtime_ns for file in files), default=-1)


def build_folder(
    folder: Path,
    tasks: Sequence[Task],
    read: Callable[[int], AbstractContextManager[Iterator[Decoded | VideoError]]],
    *,
    also_bad: Mapping[str, VideoError],
    clip: ClipOptions,
    facts: Mapping[str, Any],
    read_ahead: int = 0,
) -> None:
    """Fill a folder with clips, quarantine list and manifest; go on where an earlier attempt stopped.

    Args:
        folder: where to write: empty, or what an earlier call with the same arguments left.
        tasks: all videos.
        read: called with how many tasks are done, gives the results of the others in order.
        also_bad: paths that no record has, and why they are not used.
        clip: how the clips were cut.
        facts: what else to put into the manifest.
        read_ahead: bytes of clips that lie on the same disk already, to be copied from there and deleted.

    Raises:
        LimitError: there is too little room on the disk.
        OutputError: the folder cannot be written; what was done so far stays there.
    """
    per_video = clip_shape(clip)
    clip_bytes = int(np.prod(per_video))
    trained = {task.record.path for task in tasks if task.record.split == "train"}
    histogram = np.zeros((_CHANNELS, 256), np.int64)

    def count(entry: Entry, clips: np.ndarray) -> None:
        if entry["path"] in trained:
            np.add(histogram, _histogram(clips), out=histogram)

    paths = [task.record.path for task in tasks]
    with writing(folder), Journal(folder, paths, clip_bytes, count) as journal:
        done = len(journal.entries)
        _check_room(folder, (len(tasks) - done) * clip_bytes - read_ahead)
        with read(done) as results:
            for task, result in zip(tasks[done:], results, strict=True):
                entry = journal.add(task.record.path, result)
                if isinstance(result, Decoded):
                    count(entry, result.clips)
        sync(folder / CLIPS)
        _finish(folder, tasks, journal.entries, also_bad, per_video, histogram, facts)
        (folder / JOURNAL).unlink()


def _finish(
    folder: Path,
    tasks: Sequence[Task],
    entries: Sequence[Entry],
    also_bad: Mapping[str, VideoError],
    per_video: tuple[int, ...],
    histogram: np.ndarray,
    facts: Mapping[str, Any],
) -> None:
    """Write the quarantine list and the manifest."""
    records: list[dict[str, Any]] = []
    bad: list[Quarantined] = []
    for task, entry in zip(tasks, entries, strict=True):
        if "facts" in entry:
            records.append({**vars(task.record), **entry["facts"]})
        else:
            error = VideoError(entry["code"], entry["detail"])
            bad.append(Quarantined.of(entry["path"], error, task.record))
    bad += [Quarantined.of(path, error, None) for path, error in also_bad.items()]
    write_text(folder / QUARANTINE, "".join(json.dumps(asdict(item)) + "\n" for item in bad))
    mean, std = _moments(histogram)
    shape = [len(records), *per_video]
    size = int(np.prod(shape))
    held = {"shape": shape, "bytes": size, "mean": mean, "std": std, "records": records}
    # In one line, for the encoder that indents needs many times the memory.
    write_text(folder / MANIFEST, json.dumps({**facts, **held}, allow_nan=False) + "\n")


def clip_shape(clip: ClipOptions) -> tuple[int, ...]:
    """Of what is kept of a video: `(clips, frames, height, width, channels)`."""
    return (clip.clips_per_video, clip.num_frames, clip.size, clip.size, _CHANNELS)


def _check_room(folder: Path, needed: int) -> None:
    disk = shutil.disk_usage(folder)
    spare = min(disk.total // _SPARE_SHARE, _SPARE_BYTES)
    if needed + spare > disk.free:
        raise LimitError(
            f"the clips need up to {size_text(needed)} more in {folder.parent}, where {size_text(disk.free)} "
            f"are free and {size_text(spare)} must stay so; make room, choose another disk with --cache-dir, "
            "or take fewer or smaller frames"
        )


def _histogram(clips: np.ndarray) -> np.ndarray:
    """How often each value occurs in each channel: exact, whatever the order of the videos."""
    channels = clips.reshape(-1, _CHANNELS)
    return np.stack([np.bincount(channels[:, c], minlength=256) for c in range(_CHANNELS)])


def _moments(histogram: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel in [0, 1], from integers (rounded once, at the end)."""
    mean, std = [], []
    for counts in histogram.tolist():
        n = sum(counts) or 1
        total = sum(value * count for value, count in enumerate(counts))
        squares = sum(value * value * count for value, count in enumerate(counts))
        mean.append(total / n / 255)
        # A channel that never changes would be divided by zero.
        std.append(max((n * squares - total * total) ** 0.5 / n / 255, _LEAST_STD))
    return mean, std
