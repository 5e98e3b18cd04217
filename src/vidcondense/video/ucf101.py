"""The layout of UCF101: `UCF-101/{Class}/v_{Class}_gNN_cNN.avi` and the lists of `ucfTrainTestlist/`."""

from __future__ import annotations

from collections.abc import Iterator

from vidcondense.errors import DataError
from vidcondense.video import texts
from vidcondense.video.assemble import Entry, assemble
from vidcondense.video.finder import Finder
from vidcondense.video.listing import Listing, Split, SplitRule, Tree

_LISTS_FOLDER = "ucfTrainTestlist"
_CLASSES = ("classInd.txt", "classind.txt")
SPLITS: tuple[Split, ...] = ("train", "test")


def parse_ucf101(tree: Tree, rule: SplitRule) -> Listing:
    """Read UCF101, or the part of it that is there, with official split `rule.fold`.

    The lists name `.avi` files; the same clip in another format is taken too, and names that differ only in
    case (both are noted). Classes keep the order of `classInd.txt`; those without a video are left out.

    Raises:
        DataError: a list is missing, or has a line that makes no sense (the message gives file and line).
    """
    ids = _read_classes(tree)
    entries = (entry for split in SPLITS for entry in _read_list(tree, ids, split, rule.fold))
    # A clip's name is the same in every copy of UCF101, whatever the folders are called.
    return assemble("ucf101", entries, tuple(ids), Finder(tree.clips, unique_names=True), fold=rule.fold)


def find_lists(tree: Tree) -> str | None:
    """The folder of the official lists, with a slash behind it where it is not the root: any with class ids.

    Raises:
        DataError: there are several, and none is named `ucfTrainTestlist` as it comes.
    """
    names = [name for name in tree.texts if name.rpartition("/")[2] in _CLASSES]
    folders = sorted({name[: name.rfind("/") + 1] for name in names})
    if any(name.startswith(f"{_LISTS_FOLDER}/") for name in tree.texts):
        return f"{_LISTS_FOLDER}/"
    if len(folders) > 1:
        raise DataError(f"there are several lists of classes: {', '.join(names[:5])}; keep one")
    return folders[0] if folders else None


def _lines(tree: Tree, name: str) -> Iterator[tuple[str, str]]:
    """The lines of a list that say something, each with its `file:line`."""
    return ((text, where) for text, where in texts.lines(tree, name) if not text.startswith("#"))


def _text(tree: Tree, *names: str) -> str:
    folder = find_lists(tree)
    if folder is None:
        folder = f"{_LISTS_FOLDER}/"
    for name in names:
        if f"{folder}{name}" in tree.texts:
            return f"{folder}{name}"
    have = [text[len(folder) :] for text in tree.texts if text.startswith(folder)]
    raise DataError(
        f"{folder}{names[0]} is missing (there: {', '.join(have[:10]) or 'nothing'}); "
        "unpack UCF101TrainTestSplits-RecognitionTask.zip, and use --fold 1, 2 or 3"
    )


def _read_classes(tree: Tree) -> dict[str, int]:
    """Class name → official id (from 1), in the order of the ids."""
    ids: dict[str, int] = {}
    classes = _text(tree, *_CLASSES)
    for text, where in _lines(tree, classes):
        number, _, name = text.replace("\t", " ").partition(" ")
        name = name.strip()
        if not (number.isascii() and number.isdecimal()) or len(number) > 6 or not name:
            raise DataError(f"{where}: expected `id name`, found {text!r:.200}")
        if int(number) < 1:
            raise DataError(f"{where}: ids begin at 1, found {number}")
        if name in ids or int(number) in ids.values():
            raise DataError(f"{where}: {text!r:.200} is there twice")
        ids[name] = int(number)
    if not ids:
        raise DataError(f"{classes} names no class")
    return dict(sorted(ids.items(), key=lambda item: item[1]))


def _read_list(tree: Tree, ids: dict[str, int], split: Split, fold: int) -> Iterator[Entry]:
    for text, where in _lines(tree, _text(tree, f"{split}list{fold:02d}.txt")):
        path, label = text, ""
        before, gap, last = text.rpartition(" ")
        if gap and last.isdecimal():
            path, label = before.strip(), last
        class_name, slash, name = path.partition("/")
        if not slash or not name or "/" in name or ".." in (class_name, name):
            raise DataError(f"{where}: expected `Class/file`, found {path!r:.200}")
        if class_name not in ids:
            raise DataError(f"{where}: class {class_name!r:.200} is not in classInd.txt")
        if label and (len(label) > 6 or int(label) != ids[class_name]):
            raise DataError(
                f"{where}: label {label:.20} is wrong; classInd.txt gives {class_name} id {ids[class_name]}"
            )
        yield Entry(listed=path, class_name=class_name, split=split, where=where)
