"""The layout of Something-Something V2: `{id}.webm` and JSON annotations; mirroring changes its labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vidcondense.errors import DataError
from vidcondense.video import texts
from vidcondense.video.assemble import Entry, assemble
from vidcondense.video.finder import Finder
from vidcondense.video.listing import Listing, Split, SplitRule, Tree

_LISTS: dict[Split, str] = {"train": "train", "test": "validation"}
_PREFIXES = ("", "something-something-v2-")


def parse_ssv2(tree: Tree, rule: SplitRule) -> Listing:
    """Read Something-Something V2: its training split, and its validation split to test on.

    A class is a template without its brackets, and its id the one that `labels.json` gives.

    Args:
        tree: the files.
        rule: not used, for there is one split.

    Raises:
        DataError: annotations are missing or make no sense (the message gives file and item).
    """
    ids = _read_labels(tree)
    entries = (entry for split, name in _LISTS.items() for entry in _read_items(tree, name, split, ids))
    finder = Finder(tree.clips, unique_names=True)
    classes = sorted(ids, key=lambda name: ids[name])
    return assemble("ssv2", entries, classes, finder, flip=False)


def find_text(tree: Tree, name: str) -> str | None:
    """The path of an annotation file under its new or its older name."""
    names = {f"{prefix}{name}.json" for prefix in _PREFIXES}
    return next((text for text in tree.texts if text.rpartition("/")[2] in names), None)


def _load(tree: Tree, name: str) -> tuple[str, Any]:
    path = find_text(tree, name)
    if path is None:
        raise DataError(f"{name}.json (or something-something-v2-{name}.json) is missing; unpack the labels")
    return path, texts.read_json(tree, path)


def _read_labels(tree: Tree) -> dict[str, int]:
    """Template without brackets → id."""
    path, held = _load(tree, "labels")
    if not isinstance(held, dict) or not held:
        raise DataError(f"{path}: expected an object of `template: id`")
    ids: dict[str, int] = {}
    for template, value in held.items():
        number = str(value)
        if isinstance(value, bool) or not (number.isascii() and number.isdecimal()) or len(number) > 6:
            raise DataError(f'{path}: {template!r:.80}: expected an id such as "17", found {value!r:.80}')
        name = _plain(template)
        if name in ids or int(number) in ids.values():
            raise DataError(f"{path}: {template!r:.80} with id {number} is there twice")
        ids[name] = int(number)
    return ids


def _read_items(tree: Tree, name: str, split: Split, ids: dict[str, int]) -> Iterator[Entry]:
    path, held = _load(tree, name)
    if not isinstance(held, list):
        raise DataError(f"{path}: expected a list of objects")
    for number, item in enumerate(held, start=1):
        where = f"{path}: item {number}"
        if not isinstance(item, dict) or not isinstance(item.get("template"), str):
            raise DataError(f"{where}: expected an object with `id` and `template`, found {item!r:.200}")
        video, class_name = item.get("id"), _plain(item["template"])
        if isinstance(video, bool) or not isinstance(video, (str, int)) or not str(video).isalnum():
            raise DataError(f'{where}: expected an id such as "78687", found {video!r:.80}')
        if class_name not in ids:
            raise DataError(f"{where}: template {item['template']!r:.200} is not in labels.json")
        yield Entry(listed=f"{video}.webm", class_name=class_name, split=split, where=where)


def _plain(template: str) -> str:
    return template.replace("[", "").replace("]", "").strip()
