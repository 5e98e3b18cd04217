"""What an unfinished cache holds so far, a line a video beside the raw clips, so that a build can go on.

Both files only grow, in the order of the tasks. A kill may leave a line without its clips or half of either;
what does not fit together at the end is cut off, and every clip that is kept is checked against its line.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from vidcondense.errors import VideoError
from vidcondense.media.decode import Decoded
from vidcondense.video.cache import CLIPS

JOURNAL = "journal.jsonl"

Entry = dict[str, Any]
"""`path`, and either `crc` and `facts` of its clips, or `code` and `detail` of the reason there are none."""


class Journal:
    """The journal of one cache folder, open for more.

    Args:
        folder: where `journal.jsonl` and `clips.u8` lie; it must exist.
        paths: of all videos, in order.
        clip_bytes: bytes of the clips of one video.
        look: called with the entry and the clips of each video that is kept from an earlier attempt.

    Attributes:
        entries: what is done so far, in the order of `paths`.

    Raises:
        OSError: the files cannot be read or written.
    """

    def __init__(
        self,
        folder: Path,
        paths: Sequence[str],
        clip_bytes: int,
        look: Callable[[Entry, np.ndarray], object],
    ) -> None:
        self.entries: list[Entry] = []
        clips, journal = folder / CLIPS, folder / JOURNAL
        for file in (clips, journal):
            file.touch()
        clips_end = journal_end = 0
        for entry, block, line_bytes in read_journal(folder, paths, clip_bytes):
            if block:
                look(entry, np.frombuffer(block, np.uint8))
            clips_end += len(block)
            journal_end += line_bytes
            self.entries.append(entry)
        with ExitStack() as opened:
            self._clips, self._lines = (opened.enter_context(file.open("r+b")) for file in (clips, journal))
            for handle, end in ((self._clips, clips_end), (self._lines, journal_end)):
                handle.truncate(end)
                handle.seek(end)
            self._opened = opened.pop_all()

    def add(self, path: str, result: Decoded | VideoError) -> Entry:
        """Append what was found in the next video: its clips, or why it has none."""
        if isinstance(result, VideoError):
            return self.add_error(path, result)
        facts = {
            "num_frames": result.num_frames,
            "width": result.width,
            "height": result.height,
            "fps": result.fps,
            "notes": list(result.notes),
        }
        return self.add_clips(path, result.clips, facts)

    def add_clips(self, path: str, clips: np.ndarray, facts: dict[str, Any]) -> Entry:
        """Append the clips of the next video."""
        block = np.ascontiguousarray(clips).data
        self._clips.write(block)
        self._clips.flush()
        return self._add({"path": path, "crc": zlib.crc32(block), "facts": facts})

    def add_error(self, path: str, error: VideoError) -> Entry:
        """Append why the next video has no clips."""
        return self._add({"path": path, "code": error.code, "detail": error.detail})

    def _add(self, entry: Entry) -> Entry:
        self._lines.write(json.dumps(entry).encode() + b"\n")
        self._lines.flush()
        self.entries.append(entry)
        return entry

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()


def read_journal(folder: Path, paths: Sequence[str], clip_bytes: int) -> Iterator[tuple[Entry, bytes, int]]:
    """What a folder holds that fits together: of each video the entry, its clips, and the bytes of its line.

    Args:
        folder: where `journal.jsonl` and `clips.u8` lie.
        paths: of all videos, in order.
        clip_bytes: bytes of the clips of one video; a video that has none gives no bytes.
    """
    with (folder / CLIPS).open("rb") as held, (folder / JOURNAL).open("rb") as lines:
        for line, path in zip(lines, paths, strict=False):
            entry, block = _entry(line, path), b""
            if entry is None:
                return
            if "crc" in entry:
                block = held.read(clip_bytes)
                if len(block) < clip_bytes or zlib.crc32(block) != entry["crc"]:
                    return
            yield entry, block, len(line)


def _entry(line: bytes, path: str) -> Entry | None:
    """A whole line about `path`, or None."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not line.endswith(b"\n") or not isinstance(entry, dict) or entry.get("path") != path:
        return None
    return entry if entry.keys() >= {"crc", "facts"} or entry.keys() >= {"code", "detail"} else None
