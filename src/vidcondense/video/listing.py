"""What a dataset's layout says: which files are which class and split. Plain values, no file is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from vidcondense.video.names import group_of, without_ending

Split = Literal["train", "test"]


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The files under a dataset's root. Paths are relative to it, with `/`, sorted."""

    videos: tuple[str, ...]
    """Whatever has a video's ending."""
    frames: tuple[str, ...] = ()
    """Folders of numbered images, each of which is one video."""
    texts: tuple[str, ...] = ()
    """Lists and annotations: `.txt`, `.csv`, `.json`."""
    folders: tuple[str, ...] = ()
    """The folders of the root and those in them, but for links and those that cannot be listed."""
    others: Mapping[str, int] = field(default_factory=dict)
    """How many files there are of each other ending."""
    read: Callable[[str], str] = "".join
    """Reads one of `texts`; raises `DataError`."""
    root: str = ""
    """The dataset's folder, for lists with absolute paths; nothing is opened by it."""

    @property
    def clips(self) -> tuple[str, ...]:
        """Everything that may be a video: files, and folders of images."""
        return (*self.videos, *self.frames)


@dataclass(frozen=True, kw_only=True)
class SplitRule:
    """Which split to use, for layouts that have several or none."""

    fold: int = 1
    """The official split, where there are several."""
    seed: int = 0
    """Seed of the split, where there is no official one."""
    test_fraction: float = 0.25
    """About how much of each class becomes the test split, where there is no official one."""
    list_files: tuple[str, ...] = ()
    """The texts to read the list from, where the user named them; the layout looks for them otherwise."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One video."""

    path: str
    """Relative to the root, with `/`; a name that is no UTF-8 holds surrogates (as `os.fsdecode` gives)."""
    label: int
    """Index into the classes."""
    split: Split
    group: str
    """Videos of one group come from one recording; they never lie on both sides of a fold, or of a split that
    is drawn here. (HMDB51's official ones have films on both sides, in different classes.)"""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A dataset as its layout describes it."""

    layout: str
    fold: int | None
    """The official split used; None where there is only one, or none."""
    classes: tuple[str, ...]
    records: tuple[Record, ...]
    """Train before test, then by label, then by path."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """Videos that a list names and that are not there, by their name there; and the label of each."""
    flip: bool = True
    """Whether a mirrored video keeps its label."""
    notes: tuple[str, ...] = ()
    """What a person should know about how the layout was read."""


def sort_records(records: list[Record]) -> tuple[Record, ...]:
    """Records in the one order: train before test, by label, by path."""
    return tuple(sorted(records, key=lambda record: (record.split != "train", record.label, record.path)))


def source_group(class_name: str, inside: str) -> str:
    """The recording that a video comes from.

    Args:
        class_name: its class.
        inside: its path inside the class folder. A folder there is a group, as is what its name says of its
            source (`names.group_of`); otherwise each video is a group of its own.
    """
    folder, _, name = inside.rpartition("/")
    stem = without_ending(name)
    told = None if folder else group_of(stem, class_name)
    return told or f"{class_name}/{folder or stem}"
