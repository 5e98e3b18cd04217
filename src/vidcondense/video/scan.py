"""Finding the files of a dataset without ever leaving its root."""

from __future__ import annotations

import heapq
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from vidcondense.errors import DataError, VideoError
from vidcondense.media import FRAME, VIDEO_SUFFIXES
from vidcondense.video.listing import Tree

_TEXT_SUFFIXES = (".txt", ".csv", ".json")
_MAX_TEXT = 512 * 1024 * 1024
_IGNORED = ("__MACOSX", "Thumbs.db")


@dataclass(frozen=True)
class Scan:
    """The files under a root, and what may not be opened."""

    tree: Tree
    blocked: Mapping[str, VideoError]
    """Refused files (of `tree.videos`) and folders: `outside-root`, `broken-link`, `permission`, …"""


@dataclass
class _Walk:
    root: str
    follow: bool
    videos: list[str] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    blocked: dict[str, VideoError] = field(default_factory=dict)
    folders: list[tuple[str, str]] = field(default_factory=list)
    """To be listed: their names under the root, ending in a slash, and their real paths."""
    links: list[tuple[str, str]] = field(default_factory=list)
    """Likewise of links to folders: a heap, for they wait until no real folder is left."""
    seen: set[str] = field(default_factory=set)
    """Real paths of what was listed: links between folders would else name one file very many times."""

    named: list[str] = field(default_factory=list)
    """Folders of the root and those in them, links left out."""
    others: Counter[str] = field(default_factory=Counter)
    """Files of other endings."""

    def found(self) -> int:
        """How many videos and folders there were so far, but for those that are listed already."""
        return len(self.videos) + len(self.folders) + len(self.links)


def scan(root: Path, *, follow_symlinks: bool = False) -> Scan:
    """List the videos and lists under `root`, hidden ones (`.x`, `._x`, `__MACOSX`) left out.

    No folder is listed twice: by its own name where it lies under `root`, else by the first of its links.

    Args:
        root: the dataset's folder.
        follow_symlinks: also take what links point to outside of the root.

    Raises:
        DataError: `root` is missing or no folder, or cannot be read.
    """
    if not root.is_dir():
        what = "is no folder" if root.exists() else "does not exist"
        raise DataError(f"{root} {what}; give the folder that holds the dataset")
    real = os.path.realpath(root)
    walk = _Walk(real, follow_symlinks)
    walk.folders.append(("", real))
    while walk.folders or walk.links:
        relative, folder = walk.folders.pop() if walk.folders else heapq.heappop(walk.links)
        if folder not in walk.seen:
            walk.seen.add(folder)
            _visit(walk, folder, relative)
    if "" in walk.blocked:
        raise DataError(f"{root} cannot be listed: {walk.blocked[''].detail}")
    tree = Tree(
        videos=tuple(sorted(walk.videos)),
        frames=tuple(sorted(walk.frames)),
        texts=tuple(sorted(walk.texts)),
        folders=tuple(sorted(set(walk.named) - walk.blocked.keys())),
        others=dict(sorted(walk.others.items())),
        read=lambda name: _read_text(Path(real) / name),
        root=real,
    )
    return Scan(tree, dict(sorted(walk.blocked.items())))


def _visit(walk: _Walk, folder: str, relative: str) -> None:
    """List one folder."""
    before = walk.found()
    image = False
    refusal: VideoError | None = None
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.name not in _IGNORED:
                    if FRAME.fullmatch(entry.name):
                        image = True
                        if entry.is_symlink():
                            refusal = refusal or _refuse_link(walk, entry)
                    else:
                        _sort_in(walk, entry, f"{relative}{entry.name}")
        # Numbered images beside videos or folders are previews, not a video.
        if image and relative and walk.found() == before:
            walk.frames.append(relative.rstrip("/"))
            if refusal is not None:  # one image that may not be read makes the folder unusable
                walk.blocked[relative.rstrip("/")] = refusal
    except PermissionError:
        walk.blocked[relative.rstrip("/")] = VideoError("permission", "this user may not list the folder")
    except OSError as error:
        walk.blocked[relative.rstrip("/")] = VideoError("unreadable", error.strerror or str(error))


def _sort_in(walk: _Walk, entry: os.DirEntry[str], relative: str) -> None:
    suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - a Path would be slow here
    is_video, is_text = suffix in VIDEO_SUFFIXES, suffix in _TEXT_SUFFIXES
    is_folder = _is_folder(entry) and not is_video  # a folder named x.mp4 is reported, not searched
    if not (is_video or is_text or is_folder):
        walk.others[suffix] += 1
        return
    refusal = _refuse_link(walk, entry) if entry.is_symlink() else None
    if is_folder:
        if refusal is not None:
            walk.blocked[relative] = refusal
        elif not entry.is_symlink():
            walk.folders.append((f"{relative}/", entry.path))
            if relative.count("/") <= 1:
                walk.named.append(relative)
        else:
            heapq.heappush(walk.links, (f"{relative}/", os.path.realpath(entry.path)))
    elif is_video:
        walk.videos.append(relative)
        if refusal is not None:
            walk.blocked[relative] = refusal
    elif refusal is None:
        walk.texts.append(relative)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def _refuse_link(walk: _Walk, entry: os.DirEntry[str]) -> VideoError | None:
    try:
        target = str(Path(entry.path).resolve(strict=True))
    except (OSError, RuntimeError):
        return VideoError("broken-link", "the link leads nowhere")
    if walk.follow or target.startswith(walk.root.rstrip(os.sep) + os.sep) or target == walk.root:
        return None
    return VideoError("outside-root", "the link leads out of the dataset; --follow-symlinks allows it")


def with_lists(found: Scan, files: tuple[Path, ...]) -> tuple[Scan, tuple[str, ...]]:
    """Add list files that the user named, wherever they lie.

    Returns:
        The files under the root and these; the names of these among its texts.

    Raises:
        DataError: there is no such file.
    """
    named = {str(path): path for path in files}
    for path in files:
        if not path.is_file():
            raise DataError(f"--list-file {path} is no file; give a list that is there")
    tree = found.tree

    def read(name: str) -> str:
        return _read_text(named[name]) if name in named else tree.read(name)

    texts = tuple(sorted({*tree.texts, *named}))
    return replace(found, tree=replace(tree, texts=texts, read=read)), tuple(named)


def read_class_names(path: Path) -> tuple[str, ...]:
    """The lines of a file with a class a line.

    Raises:
        DataError: the file cannot be read, or names no class.
    """
    names = tuple(name for line in _read_text(path).split("\n") if (name := line.strip()))
    if not names:
        raise DataError(f"--classes-file {path} names no class")
    return names


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_TEXT or not path.is_file():
            raise DataError(f"{path} is no text file of up to {_MAX_TEXT} bytes; take it away")
        # Not as text, which would make line feeds of the carriage returns in names.
        return path.read_bytes().decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
