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
from vidcondense.launch import num_ranks
from vidcondense.media.decode import Decoded
from vidcondense.video.build import Task
from vidcondense.video.cache import CLIPS
from vidcondense.video.journal import JOURNAL, Journal, read_journal

MAX_BLOCK = 512
"""Videos of a block, at most: as long a rank may wait for another at the end."""

_BLOCKS_A_RANK = 8

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
        todo = []
        for block in self._blocks():
            if block.stop <= done:
                self._pass(block)
            else:
                todo.append(block)
        for block in todo:
            with locked(self._file(block, "lock"), _wait):
                at = max(block.start, done)
                for position, result in self._held(block):
                    if position >= at:
                        yield result
                        at = position + 1
                with closing(self.decode(self.tasks[at : block.stop])) as results:
                    yield from results
                self._pass(block)

    def help(self, over: Callable[[], bool]) -> int:
        """A helper's: read blocks, the last first, until there is none that nobody has read or reads.

        Args:
            over: asked before every video whether the cache is done.

        Returns:
            The number of videos that this call has read.

        Raises:
            OutputError: the folder cannot be written.
        """
        read = 0
        for block in reversed(self._blocks()):
            if over():
                break
            make_folder(self.folder)
            try:
                with locked(self._file(block, "lock"), _refuse):
                    read += self._fill(block, over)
            except _Busy:
                continue
            except OutputError:
                if not over():  # else the builder has just deleted the folder
                    raise
        return read

    def bytes(self) -> int:
        """What lies in the folder for the builder."""
        return sum(file.stat().st_size for file in self.folder.glob(f"*.part/{CLIPS}"))

    def remove(self) -> None:
        """Delete what helpers left."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _pass(self, block: range) -> None:
        """Let no helper read a block any more."""
        with writing(self.folder):
            self._file(block, "passed").touch()
        shutil.rmtree(self._file(block, "part"), ignore_errors=True)

    def _fill(self, block: range, over: Callable[[], bool]) -> int:
        """Read a block, unless that was done; how many videos there were to read."""
        part = self._file(block, "part")
        if self._file(block, "passed").exists():
            return 0
        make_folder(part)
        paths = [self.tasks[at].record.path for at in block]
        with writing(part), Journal(part, paths, prod(self.shape), lambda entry, clips: None) as journal:
            before = len(journal.entries)
            todo = [self.tasks[at] for at in block[before:]]
            with closing(self.decode(todo)) as results:
                for task, result in zip(todo, results, strict=True):
                    journal.add(task.record.path, result)
                    if over():
                        break
            return len(journal.entries) - before

    def _held(self, block: range) -> Generator[tuple[int, Decoded | VideoError], None, None]:
        """What a helper has read of a block, with the places of the videos."""
        part = self._file(block, "part")
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

    def _blocks(self) -> list[range]:
        """Equal ones, the same for all ranks of a job."""
        count = len(self.tasks)
        length = max(1, min(MAX_BLOCK, -(-count // (_BLOCKS_A_RANK * num_ranks()))))
        return [range(start, min(start + length, count)) for start in range(0, count, length)]

    def _file(self, block: range, kind: str) -> Path:
        return self.folder / f"{block.start}-{block.stop}.{kind}"


class _Busy(Exception):  # noqa: N818 - not a mistake
    """Another process has the block."""


def _refuse() -> None:
    raise _Busy


def _wait() -> None:
    """A helper has the block: wait until it has read it."""
