"""The layout of HMDB51: `hmdb51_org/{class}/*.avi` and a list for each class and fold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from vidcondense.errors import DataError
from vidcondense.video import texts
from vidcondense.video.assemble import Entry, assemble
from vidcondense.video.finder import Finder
from vidcondense.video.listing import Listing, Split, SplitRule, Tree
from vidcondense.video.tables import MINI, parse_miniucf, tables

LIST = re.compile(r"(?:.*/)?([^/]+)_test_split(\d)\.txt", re.DOTALL)
"""A list's path: its class, which has underscores of its own, and its fold."""

_MEANING: dict[str, Split | None] = {"0": None, "1": "train", "2": "test"}

LEAKY = (
    "WARNING: the list of published baselines, not the official split: it also trains on clips that "
    "HMDB51 leaves unused, which may come from the films of test clips; compare results on this list only"
)


def parse_hmdb51(tree: Tree, rule: SplitRule) -> Listing:
    """Read HMDB51 with official split `rule.fold`; the clips that the split leaves unused are left out.

    Raises:
        DataError: a list is missing, or has a line that makes no sense (the message gives file and line).
    """
    return _parse("hmdb51", tree, rule, leaky=False)


def parse_hmdb51_leaky(tree: Tree, rule: SplitRule) -> Listing:
    """Read HMDB51 with the unused clips of split `rule.fold` among those to train on.

    That is the list which published baselines used (5 236 training clips of split 1, where there are 3 570).
    It is made from the official lists, or is their CSV file `folder_name,label,split` where that is named or
    stands alone.

    Raises:
        DataError: as `parse_hmdb51`.
    """
    official = any(LIST.fullmatch(name) for name in tree.texts)
    if rule.list_files or (not official and tables(tree, (MINI,))):
        listing = parse_miniucf(tree, rule)
        return replace(listing, layout="hmdb51-leaky", notes=(LEAKY, *listing.notes))
    return _parse("hmdb51-leaky", tree, rule, leaky=True)


def _parse(layout: str, tree: Tree, rule: SplitRule, *, leaky: bool) -> Listing:
    lists = _lists(tree, rule.fold)
    unused: list[str] = []
    entries = (
        entry for class_name, name in lists.items() for entry in _read(tree, class_name, name, unused, leaky)
    )
    finder = Finder(tree.clips, unique_names=True)
    listing = assemble(layout, entries, tuple(lists), finder, fold=rule.fold)
    notes = [LEAKY] if leaky else []
    notes += [f"{len(unused)} clips that the split leaves unused are left out"] if unused else []
    return replace(listing, notes=(*notes, *listing.notes, *_without_list(tree, lists, listing)))


def _without_list(tree: Tree, lists: dict[str, str], listing: Listing) -> list[str]:
    used = {record.path.rpartition("/")[0].rpartition("/")[2] for record in listing.records}
    folders = sorted({path.split("/")[-2] for path in tree.clips if "/" in path} - set(lists) - used)
    names = ", ".join(map(repr, folders[:3]))
    return [f"{len(folders)} folders of videos have no list, such as {names}"] if folders else []


def _lists(tree: Tree, fold: int) -> dict[str, str]:
    """Class → the path of its list, in order of the classes."""
    found: dict[str, str] = {}
    folds = set()
    for name in tree.texts:
        if match := LIST.fullmatch(name):
            folds.add(match[2])
            if match[2] == str(fold):
                if match[1] in found:
                    raise DataError(f"{name}: class {match[1]!r:.200} has another list, {found[match[1]]}")
                found[match[1]] = name
    if not found:
        there = ", ".join(sorted(folds)) or "none"
        raise DataError(
            f"there is no list CLASS_test_split{fold}.txt (folds there: {there}); "
            "unpack test_train_splits.rar, and use --fold 1, 2 or 3"
        )
    return dict(sorted(found.items()))


def _read(tree: Tree, class_name: str, name: str, unused: list[str], leaky: bool) -> Iterator[Entry]:
    for text, where in texts.lines(tree, name):
        # No comments here: official names begin with `#`.
        parts = text.rsplit(None, 1)
        if len(parts) < 2 or "/" in parts[0]:
            raise DataError(f"{where}: expected `file 0`, `file 1` or `file 2`, found {text!r:.200}")
        file, tag = parts
        if tag not in _MEANING:
            raise DataError(f"{where}: {tag!r:.80} is none of 0 (unused), 1 (train), 2 (test)")
        split = _MEANING[tag] or ("train" if leaky else None)
        if split is None:
            unused.append(file)
        else:
            yield Entry(listed=f"{class_name}/{file}", class_name=class_name, split=split, where=where)
