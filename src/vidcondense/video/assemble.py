"""From the lines of a list to a listing: what all layouts with lists have in common."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from vidcondense.errors import DataError
from vidcondense.video.finder import Finder
from vidcondense.video.listing import Listing, Record, Split, Tree, sort_records
from vidcondense.video.names import group_of, without_ending

SPLIT_WORDS: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "test": ("test", "val", "valid", "validate", "validation", "testing"),
}
"""What names a split, in lists and of folders; the earlier word is the one to prefer."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a list."""

    listed: str
    """The video's path as the list has it."""
    class_name: str
    split: Split
    where: str
    """`file:line`."""
    group: str = ""
    """The recording it comes from, where the list tells."""


def assemble(
    layout: str,
    entries: Iterable[Entry],
    classes: Sequence[str] | None,
    finder: Finder,
    *,
    fold: int | None = None,
    flip: bool = True,
    again: bool = False,
    notes: Sequence[str] = (),
) -> Listing:
    """Find the videos of a list.

    Args:
        layout: the layout's name.
        entries: the lines.
        classes: the names of all classes in the order of their ids; those without a video are left out. None
            for the classes of the entries, sorted (numbers by their value).
        finder: knows what is there.
        fold: the official split used.
        flip: whether a mirrored video keeps its label.
        again: let a line be there twice when it says the same both times.
        notes: what a person should know besides.

    Raises:
        DataError: a video is listed twice, or none of the list is there.
    """
    found: dict[str, Entry] = {}
    missing: list[Entry] = []
    repeated = 0
    for entry in entries:
        path = finder.find(entry.listed, SPLIT_WORDS[entry.split])
        if path is None:
            missing.append(entry)
        elif path not in found:
            found[path] = entry
        elif again and (found[path].class_name, found[path].split) == (entry.class_name, entry.split):
            repeated += 1
        else:
            raise DataError(
                f"{entry.where}: {entry.listed!r:.200} is listed twice (in both splits, or two spellings; "
                f"first at {found[path].where})"
            )
    if not found:
        raise DataError(f"no video of the lists of {layout} is there{_example(missing)}")
    present = {entry.class_name for entry in found.values()}
    known = sort_labels(present) if classes is None else list(classes)
    kept = [name for name in known if name in present]
    ids = {name: label for label, name in enumerate(kept)}
    return Listing(
        layout=layout,
        fold=fold,
        classes=tuple(kept),
        records=_records(found, ids),
        missing=dict(
            sorted((each.listed, ids[each.class_name]) for each in missing if each.class_name in ids)
        ),
        flip=flip,
        notes=(*notes, *finder.notes(), *_counts(repeated, len(known), len(kept))),
    )


def sort_labels(labels: Iterable[str]) -> list[str]:
    """Class names in order; where all are numbers, by their value."""
    names = sorted(labels)
    numeric = all(name.isascii() and name.isdecimal() and len(name) < 10 for name in names)
    return sorted(names, key=lambda name: (int(name), name)) if numeric else names


def split_of(name: str) -> Split | None:
    """The split that a word such as `train`, `val` or `validate` names."""
    word = name.strip().lower()
    return next((split for split, words in SPLIT_WORDS.items() if word in words), None)


def folder_of(split: Split, names: Collection[str]) -> str | None:
    """Which of some folders is that of a split; of several the one whose word is preferred."""
    found = [name for name in names if split_of(name) == split]
    words = SPLIT_WORDS[split]

    def rank(name: str) -> tuple[int, bool, str]:
        return words.index(name.strip().lower()), name not in words, name

    return min(found, key=rank, default=None)


def check_path(tree: Tree, listed: str, where: str) -> str:
    """A listed path relative to the root.

    Raises:
        DataError: it leads out of the dataset.
    """
    path = listed
    if path.startswith("/") and tree.root and path.startswith(f"{tree.root.rstrip('/')}/"):
        path = path[len(tree.root.rstrip("/")) :].lstrip("/")
    if path.startswith("/"):
        raise DataError(
            f"{where}: {listed!r:.200} is an absolute path; make it relative to the dataset's folder"
        )
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or ".." in parts:
        raise DataError(f"{where}: {listed!r:.200} is no path inside the dataset's folder")
    return "/".join(parts)


def _records(found: dict[str, Entry], ids: dict[str, int]) -> tuple[Record, ...]:
    return sort_records(
        [
            Record(
                path=path,
                label=ids[entry.class_name],
                split=entry.split,
                group=entry.group or _group(path, entry.class_name),
            )
            for path, entry in found.items()
        ]
    )


def _group(path: str, class_name: str) -> str:
    # A bare name is no source: `0.mp4` may be there in every folder.
    stem = without_ending(path)
    return group_of(stem.rpartition("/")[2], class_name) or f"{class_name}/{stem}"


def _counts(repeated: int, known: int, kept: int) -> list[str]:
    notes = [f"{repeated} lines are there twice"] if repeated else []
    return notes + ([f"{known - kept} of {known} classes have no video here"] if kept < known else [])


def _example(missing: list[Entry]) -> str:
    if not missing:
        return ": they are empty"
    first = missing[0]
    return f" ({len(missing)} are listed, first {first.listed!r:.200} at {first.where})"
