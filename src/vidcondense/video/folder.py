"""The plain layout: a folder per class, with or without folders for the splits above them."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import replace

from vidcondense.errors import DataError
from vidcondense.media import VIDEO_SUFFIXES
from vidcondense.video.assemble import folder_of, split_of
from vidcondense.video.listing import Listing, Record, Split, SplitRule, Tree, sort_records, source_group
from vidcondense.words import counted, some


def parse_folder(tree: Tree, rule: SplitRule) -> Listing:
    """Read `{train,test}/{class}/…` (also `Train`, `val`, …), or `{class}/…` with a split drawn by us.

    Class ids follow the sorted names. Without folders for the splits, whole source groups go to the test
    split until it holds `rule.test_fraction` of the class; at least one group always stays for training.

    Raises:
        DataError: there is no video, or none inside a class folder; or there is one split's folder alone.
    """
    if not tree.videos:
        endings = ", ".join(VIDEO_SUFFIXES)
        told = f"; there are {_others(tree)}" if tree.others else ""
        raise DataError(f"there is no video file ({endings}) in this folder{told}")
    return _parse("folder", tree, tree.videos, rule)


def parse_frames(tree: Tree, rule: SplitRule) -> Listing:
    """Read folders as `parse_folder` does, where each video is a folder of numbered images.

    Raises:
        DataError: there is no such folder, or none inside a class folder; or there is one split's alone.
    """
    if not tree.frames:
        raise DataError("there is no folder of numbered images (frame000001.jpg, img_00001.jpg, …)")
    return _parse("frames", tree, tree.frames, rule)


def _parse(layout: str, tree: Tree, clips: tuple[str, ...], rule: SplitRule) -> Listing:
    inside = [path.split("/") for path in clips if "/" in path]
    deep = {names[0] for names in inside if len(names) > 2}
    train, test = folder_of("train", deep), folder_of("test", deep)
    if train is not None and test is not None:
        listing = _parse_splits(layout, clips, train, test)
        places = [path for path in tree.folders if path.partition("/")[0] in (train, test) and "/" in path]
    else:
        _refuse_splits({names[0] for names in inside})
        listing = _parse_classes(layout, clips, rule)
        places = [path for path in tree.folders if "/" not in path]
    lacking = [
        path for path in places if path.rpartition("/")[2] not in listing.classes and path not in clips
    ]
    if layout == "folder":
        unused, what, other = len(tree.frames), f"{counted(len(tree.frames), 'folder')} of images", "frames"
    else:
        unused, what, other = len(tree.videos), counted(len(tree.videos), "video"), "folder"
    notes = [
        f"{what} not used; --layout {other} reads them" if unused else "",
        f"not used for their ending: {_others(tree)}" if tree.others else "",
        f"without a video, so no class: {some(lacking)}" if lacking else "",
    ]
    return replace(listing, notes=(*listing.notes, *filter(None, notes)))


def _others(tree: Tree) -> str:
    """How many files have which other endings, the most common first."""
    ordered = sorted(tree.others.items(), key=lambda each: -each[1])
    return some([f"{count} × {ending or 'none'}" for ending, count in ordered])


def _refuse_splits(tops: set[str]) -> None:
    """Raise `DataError` where all folders have names of splits: they are no classes."""
    if not tops or not all(map(split_of, tops)):
        return
    train, test = folder_of("train", tops), folder_of("test", tops)
    if train is None:
        raise DataError(f"there is {test}/ but no train/ with class folders")
    if test is None:
        raise DataError(f"there is {train}/ but no test/ (or val/) with class folders")
    raise DataError(
        f"videos of {train}/ or {test}/ lie in no class folder; put each into a folder named after its class"
    )


def _parse_splits(layout: str, clips: tuple[str, ...], train: str, test: str) -> Listing:
    splits: dict[str, Split] = {train: "train", test: "test"}
    found = []
    left_out = 0
    for path in clips:
        top, _, rest = path.partition("/")
        class_name, _, inside = rest.partition("/")
        if top in splits and inside:
            found.append((path, class_name, inside, splits[top]))
        else:
            left_out += 1
    classes = tuple(sorted({class_name for _, class_name, _, _ in found}))
    ids = {class_name: label for label, class_name in enumerate(classes)}
    records = [
        Record(
            path=path,
            label=ids[class_name],
            split=split,
            # The splits are official: equal names in both are different recordings.
            group=f"{path.partition('/')[0]}/{source_group(class_name, inside)}",
        )
        for path, class_name, inside, split in found
    ]
    notes = (f"{counted(left_out, 'video')} outside {train}/ and {test}/ not used",) if left_out else ()
    return Listing(layout=layout, fold=None, classes=classes, records=sort_records(records), notes=notes)


def _parse_classes(layout: str, clips: tuple[str, ...], rule: SplitRule) -> Listing:
    by_class: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    left_out = 0
    for path in clips:
        class_name, _, inside = path.partition("/")
        if inside:
            by_class[class_name][source_group(class_name, inside)].append(path)
        else:
            left_out += 1
    if not by_class:
        raise DataError("the videos lie in no class folders; put each into a folder named after its class")
    classes = tuple(sorted(by_class))
    records = []
    # A film may have videos of several classes: those with the fewest groups, and least choice, come first.
    drawn: dict[str, bool] = {}
    for label, class_name in sorted(enumerate(classes), key=lambda each: len(by_class[each[1]])):
        tested = _test_groups(class_name, by_class[class_name], rule, drawn)
        drawn |= {group: group in tested for group in by_class[class_name]}
        for group, paths in by_class[class_name].items():
            split: Split = "test" if group in tested else "train"
            records += [Record(path=path, label=label, split=split, group=group) for path in paths]
    notes = [f"no official split: whole source groups drawn for test (--split-seed {rule.seed})"]
    if left_out:
        notes.append(f"{counted(left_out, 'video')} outside class folders not used")
    return Listing(
        layout=layout, fold=None, classes=classes, records=sort_records(records), notes=tuple(notes)
    )


def _test_groups(
    class_name: str, groups: dict[str, list[str]], rule: SplitRule, drawn: dict[str, bool]
) -> set[str]:
    """Groups in a random order are taken while the test split stays closest to its share.

    Those that an earlier class has drawn already stay where they are.
    """
    share = rule.test_fraction * sum(map(len, groups.values()))
    taken = {group for group in groups if drawn.get(group)}
    count = sum(len(groups[group]) for group in taken)
    free = groups.keys() - drawn.keys()
    for group in sorted(free, key=lambda group: _draw(rule.seed, class_name, group))[:-1]:
        if abs(count + len(groups[group]) - share) < abs(count - share):
            taken.add(group)
            count += len(groups[group])
    return taken


def _draw(seed: int, class_name: str, group: str) -> bytes:
    # From the name alone: a video more or less in one class changes nothing elsewhere.
    return hashlib.sha256(json.dumps(["split", seed, class_name, group]).encode()).digest()
