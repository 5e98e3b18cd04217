"""Which layout a dataset has, by the lists and files that are there; with the reason."""

from __future__ import annotations

from collections.abc import Collection

from vidcondense.video import texts
from vidcondense.video.assemble import split_of
from vidcondense.video.hmdb51 import LIST as HMDB_LIST
from vidcondense.video.kinetics import COLUMNS as KINETICS_COLUMNS
from vidcondense.video.kinetics import find_annotations as find_kinetics
from vidcondense.video.kinetics import guess_classes
from vidcondense.video.listing import SplitRule, Tree
from vidcondense.video.lists import MMACTION, SLOWFAST
from vidcondense.video.ssv2 import find_annotations
from vidcondense.video.tables import MINI, PATHS, tables
from vidcondense.video.ucf101 import find_lists


def guess(tree: Tree, rule: SplitRule) -> tuple[str, str]:
    """The layout's name, and why it is taken for that; `folder` where nothing else fits."""
    if rule.list_files:
        return _guess_lists(tree, rule)
    if (folder := find_lists(tree)) is not None:
        others = tables(tree, (MINI,))
        also = f"; --layout miniucf would read {others[0]}" if others else ""
        return "ucf101", f"there are lists in {folder or 'its folder'}{also}"
    if name := next((name for name in tree.texts if HMDB_LIST.fullmatch(name)), None):
        return "hmdb51", f"there is a list {name}"
    if names := find_annotations(tree):
        return "ssv2", f"there are {' and '.join(names)}"
    if found := _guess_kinetics(tree, rule):
        return found
    if names := tables(tree, PATHS):
        header = texts.csv_header(tree, names[0])
        return _guess_table(names[0], header), f"{names[0]} has the columns {', '.join(header)}"
    if name := next((name for name in tree.texts if MMACTION.fullmatch(name)), None):
        return "mmaction", f"there is a list {name}"
    words = {match[1]: name for name in tree.texts if (match := SLOWFAST.fullmatch(name))}
    if "train" in words and len(words) > 1:
        return "slowfast", f"there are the lists {' and '.join(sorted(words.values()))}"
    if tree.frames and not tree.videos:
        return (
            "frames",
            "there are folders of numbered images, no video files, and no list of a known dataset",
        )
    return "folder", "no list of a known dataset was found"


def _guess_lists(tree: Tree, rule: SplitRule) -> tuple[str, str]:
    name = rule.list_files[0]
    header = texts.csv_header(tree, name)
    if name.endswith(".json"):
        return f"kinetics{guess_classes(tree, list(rule.list_files))}", f"{name} is JSON"
    said = f"{name} has the columns {', '.join(header)}"
    if set(KINETICS_COLUMNS) <= set(header):
        return f"kinetics{guess_classes(tree, list(rule.list_files))}", said
    if {"label", "split"} <= set(header):
        return _guess_table(name, header), said
    if MMACTION.fullmatch(name):
        return "mmaction", f"{name} is named like a list of mmaction2"
    return "slowfast", f"{name} has no header"


def _guess_table(name: str, header: Collection[str]) -> str:
    if MINI not in header:
        return "csv"
    # Both subsets of the published baselines have these columns; the one of HMDB51 is the leaky one.
    return "hmdb51-leaky" if "hmdb" in name.rpartition("/")[2].lower() else "miniucf"


def _guess_kinetics(tree: Tree, rule: SplitRule) -> tuple[str, str] | None:
    tables_there = [name for name in tree.texts if name.endswith(".csv")]
    names = [name for name in tables_there if set(KINETICS_COLUMNS) <= set(texts.csv_header(tree, name))]
    if names:
        return f"kinetics{guess_classes(tree, names)}", f"{names[0]} has a column youtube_id"
    names = [name for name in find_kinetics(tree, rule) if _is_kinetics_json(tree, name)]
    if names:
        return f"kinetics{guess_classes(tree, names)}", f"{names[0]} has segments of YouTube videos"
    return None


def _is_kinetics_json(tree: Tree, name: str) -> bool:
    # Only the beginning: annotations may be large, and parsing them says what is wrong with them.
    return split_of(name.rpartition("/")[2].removesuffix(".json").split("_")[-1]) is not None and (
        '"segment"' in tree.read(name)[:2000]
    )
