"""Lists of `path label` a line, as SlowFast, VideoMAE and mmaction2 have them: numbers for classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from vidcondense.errors import DataError
from vidcondense.video import texts
from vidcondense.video.assemble import Entry, assemble, check_path, sort_labels, split_of
from vidcondense.video.finder import Finder
from vidcondense.video.listing import Listing, Split, SplitRule, Tree
from vidcondense.video.names import without_ending

MMACTION = re.compile(
    r"(?:.*/)?[^/]*?_?(train|val|test)(?:_split_(\d))?(?:_list)?_(videos|rawframes)\.txt", re.DOTALL
)
"""The path of a list of mmaction2: its split, its fold, and what it lists."""

SLOWFAST = re.compile(r"(?:.*/)?(?:[^/]*_)?(train|val|test)\.(?:csv|txt)", re.DOTALL)
"""The path of a list of SlowFast: its split."""

_LABEL_MAP = re.compile(r"(?:.*/)?label_map[^/]*\.txt", re.DOTALL)
_LABEL = re.compile(r"-1|\d+", re.ASCII)

SplitLine = Callable[[str, str], tuple[str, str]]
"""A line and its `file:line` → its path, its label (empty where there is none)."""


def parse_slowfast(tree: Tree, rule: SplitRule) -> Listing:
    """Read `train.csv` and `val.csv` (or `test.csv`): `path label` a line, no header.

    The label is what stands right of the last blank, or of the last `::`; the path may hold blanks. It may
    be absolute where it lies in the dataset's folder. Lines without a label, or with -1, are counted and left
    out.

    Raises:
        DataError: a list is missing, or has a line that makes no sense (the message gives file and line).
    """
    names = _by_split({name: match[1] for name, match in _matches(tree, rule, SLOWFAST).items()})
    if not names:
        raise DataError("there are no lists train.csv and val.csv (or test.csv); name them with --list-file")
    return _parse("slowfast", tree, names, _split_right)


def parse_mmaction(tree: Tree, rule: SplitRule) -> Listing:
    """Read lists such as `ucf101_train_split_1_videos.txt` and `kinetics400_val_list_videos.txt`.

    Lines of `…_videos.txt` are `path label`, those of `…_rawframes.txt` are `folder num_frames label`. Paths
    are relative to any folder of the dataset.

    Raises:
        DataError: as `parse_slowfast`.
    """
    matches = _matches(tree, rule, MMACTION)
    folds = {match[2] for match in matches.values() if match[2]}
    chosen = {name: match for name, match in matches.items() if match[2] in (None, str(rule.fold))}
    kinds = {match[3] for match in chosen.values()}
    if len(kinds) > 1:  # both are usual; what is there decides
        kind = "videos" if tree.videos else "rawframes"
        chosen = {name: match for name, match in chosen.items() if match[3] == kind}
    names = _by_split({name: match[1] for name, match in chosen.items()})
    if not names:
        raise DataError(
            f"there are no lists …_train_split_{rule.fold}_videos.txt and …_val_split_{rule.fold}_videos.txt "
            f"(folds there: {', '.join(sorted(folds)) or 'none'}); name them with --list-file"
        )
    frames = kinds == {"rawframes"} or (len(kinds) > 1 and not tree.videos)
    split_line = _split_rawframes if frames else _split_right
    return _parse("mmaction", tree, names, split_line, fold=rule.fold if folds else None)


def _matches(tree: Tree, rule: SplitRule, pattern: re.Pattern[str]) -> dict[str, re.Match[str]]:
    names = rule.list_files or tree.texts
    found = {name: match for name in names if (match := pattern.fullmatch(name))}
    if rule.list_files and len(found) < len(names):
        stray = next(name for name in names if name not in found)
        raise DataError(
            f"--list-file {stray}: its name does not tell the split; rename it like train.csv, val.csv"
        )
    return found


def _by_split(words: dict[str, str]) -> dict[Split, str]:
    """The list of each split; of val and test, the test list."""
    found: dict[Split, str] = {}
    for name in sorted(words, key=lambda name: (words[name] != "test", name)):
        split = split_of(words[name])
        assert split is not None
        if split in found and words[found[split]] == words[name]:
            raise DataError(f"{found[split]} and {name} are lists of the same split; use --list-file")
        found.setdefault(split, name)
    return found if len(found) == 2 else {}


def _parse(
    layout: str,
    tree: Tree,
    names: dict[Split, str],
    split_line: SplitLine,
    fold: int | None = None,
) -> Listing:
    unlabelled: list[str] = []
    entries = [
        entry
        for split, name in names.items()
        for entry in _entries(tree, name, split, split_line, unlabelled)
    ]
    class_names = _read_label_map(tree) or _folders(entries)
    numbers = sort_labels({entry.class_name for entry in entries})
    if class_names:
        entries = [_named(entry, class_names) for entry in entries]
        classes = list(dict.fromkeys(class_names[number] for number in numbers))
    else:
        classes = numbers
    notes = [f"{len(unlabelled)} lines have no label and are not used"] if unlabelled else []
    return assemble(layout, entries, classes, Finder(tree.clips), fold=fold, again=True, notes=notes)


def _entries(
    tree: Tree, name: str, split: Split, split_line: SplitLine, unlabelled: list[str]
) -> Iterator[Entry]:
    """The lines of a list; the class is the number for now."""
    for text, where in texts.lines(tree, name):
        path, label = split_line(text, where)
        if label in ("", "-1"):
            unlabelled.append(path)
            continue
        if len(label) > 6:
            raise DataError(f"{where}: label {label:.20} is out of range")
        yield Entry(
            listed=check_path(tree, path, where), class_name=str(int(label)), split=split, where=where
        )


def _split_right(text: str, where: str) -> tuple[str, str]:
    for parts in (text.rsplit(None, 1), text.rsplit("::", 1)):
        if len(parts) == 2 and _LABEL.fullmatch(parts[1]):
            return parts[0].strip(" \t"), parts[1]
    if without_ending(text) != text:
        return text, ""
    raise DataError(f"{where}: expected `path label` with a number for label, found {text!r:.200}")


def _split_rawframes(text: str, where: str) -> tuple[str, str]:
    parts = text.rsplit(None, 2)
    if len(parts) != 3 or not parts[1].isdecimal() or not _LABEL.fullmatch(parts[2]):
        raise DataError(f"{where}: expected `folder num_frames label`, found {text!r:.200}")
    return parts[0], parts[2]


def _read_label_map(tree: Tree) -> dict[str, str]:
    """Number → class name, from mmaction2's `label_map….txt` (a name a line, from 0)."""
    names = [name for name in tree.texts if _LABEL_MAP.fullmatch(name)]
    if len(names) != 1:
        return {}
    found = {str(number): text for number, (text, _) in enumerate(texts.lines(tree, names[0]))}
    if len(set(found.values())) < len(found):
        raise DataError(f"{names[0]}: a class name is there twice")
    return found


def _folders(entries: list[Entry]) -> dict[str, str]:
    """Number → the folder its videos lie in, where each number has one of its own."""
    found: dict[str, str] = {}
    for entry in entries:
        folder = entry.listed.rpartition("/")[0].rpartition("/")[2]
        if not folder or found.setdefault(entry.class_name, folder) != folder:
            return {}
    return found if len(set(found.values())) == len(found) else {}


def _named(entry: Entry, class_names: dict[str, str]) -> Entry:
    if entry.class_name not in class_names:
        raise DataError(
            f"{entry.where}: label {entry.class_name} is out of range; {len(class_names)} classes have a name"
        )
    return replace(entry, class_name=class_names[entry.class_name])
