"""The layout of Something-Something V2: `{id}.webm` and JSON annotations; mirroring changes its labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vidcondense.errors import DataError
from vidcondense.video import texts
from vidcondense.video.assemble import Entry, assemble
from vidcondense.video.finder import Finder
from vidcondense.video.listing import Listing, Split, SplitRule, Tree

_LISTS: dict[str, dict[Split, str]] = {
    "labels": {"train": "train", "test": "validation"},
    "class_list": {"train": "annot_train", "test": "annot_val"},
}
"""By the file of the classes, the lists that go with it: of the dataset, and of published baselines."""

_PREFIXES = ("", "something-something-v2-")


def parse_ssv2(tree: Tree, rule: SplitRule) -> Listing:
    """Read Something-Something V2: its training split, and its validation split to test on.

    A class is a template without its brackets, and its id the one that `labels.json` gives. Where those
    annotations are not there, the ones of published baselines are read: `annot_train.json` and
    `annot_val.json`, which number the classes of `class_list.json` from 0.

    Args:
        tree: the files.
        rule: not used, for there is one split.

    Raises:
        DataError: annotations are missing or make no sense (the message gives file and item).
    """
    classes = next((name for name in _LISTS if _find(tree, name)), "labels")
    names = _read_labels(tree) if classes == "labels" else _read_class_list(tree)
    entries = (
        entry for split, name in _LISTS[classes].items() for entry in _read_items(tree, name, split, names)
    )
    finder = Finder(tree.clips, unique_names=True)
    return assemble("ssv2", entries, list(names.values()), finder, flip=False)


def find_annotations(tree: Tree) -> list[str]:
    """The files of the classes and of what is tested on; nothing where there is no such pair."""
    for classes, lists in _LISTS.items():
        found = [path for name in (classes, lists["test"]) if (path := _find(tree, name))]
        if len(found) == 2:
            return found
    return []


def _find(tree: Tree, name: str) -> str | None:
    """The path of an annotation file under its new or its older name."""
    names = {f"{prefix}{name}.json" for prefix in _PREFIXES}
    return next((text for text in tree.texts if text.rpartition("/")[2] in names), None)


def _load(tree: Tree, name: str) -> tuple[str, Any]:
    path = _find(tree, name)
    if path is None:
        raise DataError(f"{name}.json (or something-something-v2-{name}.json) is missing; unpack the labels")
    return path, texts.read_json(tree, path)


def _read_labels(tree: Tree) -> dict[int, str]:
    """Id → template without brackets, in order of the ids."""
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
    return {ids[name]: name for name in sorted(ids, key=lambda name: ids[name])}


def _read_class_list(tree: Tree) -> dict[int, str]:
    path, held = _load(tree, "class_list")
    if not isinstance(held, list) or not all(isinstance(name, str) and name.strip() for name in held):
        raise DataError(f"{path}: expected a list of class names")
    names = [name.strip() for name in held]
    if len(set(names)) < len(names):
        raise DataError(f"{path}: a class name is there twice")
    return dict(enumerate(names))


def _read_items(tree: Tree, name: str, split: Split, names: dict[int, str]) -> Iterator[Entry]:
    path, held = _load(tree, name)
    known = set(names.values())
    if not isinstance(held, list):
        raise DataError(f"{path}: expected a list of objects")
    for number, item in enumerate(held, start=1):
        where = f"{path}: item {number}"
        if not isinstance(item, dict):
            raise DataError(f"{where}: expected an object with `id` and `template`, found {item!r:.200}")
        video, class_name = item.get("id"), _class_of(item, names)
        if isinstance(video, bool) or not isinstance(video, (str, int)) or not str(video).isalnum():
            raise DataError(f'{where}: expected an id such as "78687", found {video!r:.80}')
        if class_name not in known:
            raise DataError(f"{where}: no class that is listed: {item!r:.200}")
        yield Entry(listed=f"{video}.webm", class_name=class_name, split=split, where=where)


def _class_of(item: dict[str, Any], names: dict[int, str]) -> str | None:
    """By its template, or else by its number."""
    template, number = item.get("template"), item.get("class")
    if isinstance(template, str):
        return _plain(template)
    return names.get(number) if isinstance(number, int) and not isinstance(number, bool) else None


def _plain(template: str) -> str:
    return template.replace("[", "").replace("]", "").strip()
