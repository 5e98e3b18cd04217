"""A few decoded clips of a dataset, and how fast that was; the clip cache is neither read nor filled."""

from __future__ import annotations

import contextlib
import functools
import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidcondense.errors import DataError, VideoError
from vidcondense.media.read import check_decoder
from vidcondense.speed.clock import Timed
from vidcondense.video.dataset import ClipDataset, ClipFacts, ClipFile
from vidcondense.video.index import DataOptions, decode_videos, read_listing
from vidcondense.video.listing import Record
from vidcondense.video.sampling import ClipOptions, clip_indices, span
from vidcondense.video.toy import ToyOptions, make_toy

_TOY_PER_CLASS = 16


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Some training clips of a dataset.

    Attributes:
        clips: the clips; their mean and deviation are round numbers, not those of the dataset.
        decoding: how many were decoded, in what time.
    """

    clips: ClipDataset
    decoding: Timed


@contextlib.contextmanager
def sample_clips(
    root: Path | None, data: DataOptions, clip: ClipOptions, *, per_class: int, seconds: float
) -> Iterator[Sample]:
    """Decode training clips, class by class in turn, for some seconds; they last as long as the context.

    Args:
        root: the dataset's folder; None for a small toy set, which is generated.
        data: how it is read (of the toy set, only its workers count).
        clip: how clips are cut.
        per_class: clips a class to offer; where fewer were decoded, they are there several times.
        seconds: to decode for, and on until every class has a clip.

    Raises:
        DataError: the folder is no dataset, or a class has no video that can be used.
    """
    with tempfile.TemporaryDirectory() as folder:
        if root is None:
            root, data = Path(folder) / "toy", DataOptions(workers=data.workers)
            _make_toy(root, data, clip)
        yield _decode(root, data, clip, Path(folder) / "clips.u8", per_class, seconds)


def raw_clips(
    path: Path, rows: Sequence[int], labels: Sequence[int], classes: Sequence[str], clip: ClipOptions
) -> ClipDataset:
    """The clips in a raw file of uint8 `[n, T, size, size, 3]` as a dataset, of mean ½ and deviation ¼.

    Args:
        path: the file.
        rows: where each clip of the dataset lies in it; several may lie in one place.
        labels: of each clip.
        classes: names.
        clip: shape of the clips.
    """
    names = tuple(map(str, range(len(labels))))
    facts = ClipFacts(
        classes=tuple(classes),
        labels=tuple(labels),
        groups=names,
        paths=names,
        rows=tuple(rows),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        flip=False,
    )
    shape = (max(rows) + 1, 1, clip.num_frames, clip.size, clip.size, 3)
    return ClipDataset(ClipFile(path=path, shape=shape), facts)


def _make_toy(root: Path, data: DataOptions, clip: ClipOptions) -> None:
    options = ToyOptions(
        pairs=1,
        train_per_class=_TOY_PER_CLASS,
        test_per_class=1,
        num_frames=max(2, min(1024, span(clip.num_frames, clip.stride))),
        size=max(16, clip.size + clip.size % 2),
        workers=data.workers,
    )
    make_toy(root, options)


def _decode(
    root: Path, data: DataOptions, clip: ClipOptions, path: Path, per_class: int, seconds: float
) -> Sample:
    found, listing = read_listing(root, data)
    records = _in_turn([r for r in listing.records if r.split == "train" and r.path not in found.blocked])
    pick = functools.partial(clip_indices, options=clip, seed=0)
    check_decoder(data.decoder)
    videos = ((root.resolve() / record.path, pick) for record in records)
    labels: list[int] = []
    with (
        path.open("wb") as file,
        contextlib.closing(decode_videos(videos, clip.size, data)) as results,
    ):
        start = time.perf_counter()
        for record, result in zip(records, results, strict=True):
            if not isinstance(result, VideoError):
                file.write(np.ascontiguousarray(result.clips[0]).data)
                labels.append(record.label)
            elapsed = time.perf_counter() - start
            if elapsed > seconds and len(set(labels)) == len(listing.classes):
                break
    for label, name in enumerate(listing.classes):
        if label not in labels:
            raise DataError(
                f"{root}: no training video of class {name!r} can be used; see vidcondense data check"
            )
    rows = [row for label in range(len(listing.classes)) for row in _repeated(labels, label, per_class)]
    clips = raw_clips(path, rows, [labels[row] for row in rows], listing.classes, clip)
    decoding = Timed(calls=len(labels), seconds=elapsed)
    return Sample(clips=clips, decoding=decoding)


def _repeated(labels: Sequence[int], label: int, least: int) -> list[int]:
    """The rows of the clips of a class, over and over until there are enough."""
    own = [row for row, each in enumerate(labels) if each == label]
    return [own[index % len(own)] for index in range(max(least, len(own)))]


def _in_turn(records: list[Record]) -> list[Record]:
    """The first video of every class, then the second of every class, and so on."""
    by_class = [list(own) for _, own in itertools.groupby(records, key=lambda record: record.label)]
    rounds = itertools.zip_longest(*by_class)
    return [record for each in rounds for record in each if record is not None]
