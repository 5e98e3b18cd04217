"""Several processes that read one dataset: one builds the cache, the others decode blocks of it ahead.

The builder takes the blocks in order, the helpers from the last to the first, each under a lock of its own,
so that nothing needs to be said: what a helper has read the builder copies, and what nobody has read it
decodes. The cache has the same bytes as that of a single process. All must see the same cache folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from vidcondense.errors import OutputError, VideoError
from vidcondense.files import locked, make_folder, writing
from vidcondense.media.decode import Decoded
from vidcondense.video.build import Task, facts_of
from vidcondense.video.journal import JOURNAL, Journal, read_journal

BLOCK = 64
"""Videos of a block."""

Decode = Callable[[Sequence[Task]], Generator[Decoded | VideoError, None, None]]
"""The clips of each video, or why there are none, in order."""


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """The blocks of one cache while it is built.

    Args:
        folder: where helpers put what they read; made where it is missing.
        tasks: all videos.
        shape: of what is kept of a video, `(clips, frames, height, width, channels)`.
        decode: reads videos.
    """

    folder: Path
    tasks: Sequence[Task]
    shape: tuple[int, ...]
    decode: Decode

    def read(self, done: int) -> Generator[Decoded | VideoError, None, None]:
        """The builder's: all videos but the first `done`, in order.

        Raises:
            OutputError: the folder cannot be written.
        """
        make_folder(self.folder)
        for number, block in self._blocks():
            if block.stop <= done:
                continue
            with locked(self._file(number, "lock"), _wait):
                at = max(block.start, done)
                for position, result in self._held(number, block):
                    if position >= at:
                        yield result
                        at = position + 1
                with closing(self.decode(self.tasks[at : block.stop])) as results:
                    yield from results
                with writing(self.folder):
                    self._file(number, "passed").touch()
                shutil.rmtree(self._file(number, "part"), ignore_errors=True)

    def help(self, over: Callable[[], bool]) -> int:
        """A helper's: read blocks, the last first, until there is none that nobody has read or reads.

        Args:
            over: asked before every block whether the cache is done.

        Returns:
            The number of blocks that this call has read.

        Raises:
            OutputError: the folder cannot be written.
        """
        make_folder(self.folder)
        read = 0
        for number, block in reversed(self._blocks()):
            if over():
                break
            try:
                with locked(self._file(number, "lock"), _refuse):
                    read += self._fill(number, block)
            except _Busy:
                continue
            except OutputError:
                if not over():  # else the builder has just deleted the folder
                    raise
        return read

    def remove(self) -> None:
        """Delete what helpers left."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _fill(self, number: int, block: range) -> bool:
        """Read a block, unless that was done; whether there was something to do."""
        part = self._file(number, "part")
        if self._file(number, "passed").exists():
            return False
        make_folder(part)
        paths = [self.tasks[at].record.path for at in block]
        with writing(part), Journal(part, paths, prod(self.shape), lambda entry, clips: None) as journal:
            todo = [self.tasks[at] for at in block[len(journal.entries) :]]
            with closing(self.decode(todo)) as results:
                for task, result in zip(todo, results, strict=True):
                    if isinstance(result, VideoError):
                        journal.add_error(task.record.path, result)
                    else:
                        journal.add_clips(task.record.path, result.clips, facts_of(result))
        return bool(todo)

    def _held(self, number: int, block: range) -> Generator[tuple[int, Decoded | VideoError], None, None]:
        """What a helper has read of a block, with the places of the videos."""
        part = self._file(number, "part")
        if not (part / JOURNAL).exists():
            return
        paths = [self.tasks[at].record.path for at in block]
        with writing(part):
            held = read_journal(part, paths, prod(self.shape))
            for at, (entry, clips, _) in zip(block, held, strict=False):
                if "facts" in entry:
                    facts = {**entry["facts"], "notes": tuple(entry["facts"]["notes"])}
                    yield at, Decoded(clips=np.frombuffer(clips, np.uint8).reshape(self.shape), **facts)
                else:
                    yield at, VideoError(entry["code"], entry["detail"])

    def _blocks(self) -> list[tuple[int, range]]:
        starts = range(0, len(self.tasks), BLOCK)
        return [
            (number, range(start, min(start + BLOCK, len(self.tasks)))) for number, start in enumerate(starts)
        ]

    def _file(self, number: int, kind: str) -> Path:
        return self.folder / f"{number:06}.{kind}"


class _Busy(Exception):  # noqa: N818 - not a mistake
    """Another process has the block."""


def _refuse() -> None:
    raise _Busy


def _wait() -> None:
    """A helper has the block: wait until it has read it."""
