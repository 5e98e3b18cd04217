"""Finding the videos that a list names among those that are there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from vidcondense.video.names import folded, without_ending

_NOTES = {
    "ending": "{} listed videos were found with another ending",
    "case": "{} listed videos were found in another case",
    "folder": "{} listed videos were found by their name alone, in another folder",
    "ambiguous": "{} listed videos were not used, for several files fit",
}


class Finder:
    """Finds listed paths: exactly, below some folder, with another ending, in another case.

    Args:
        clips: the paths that are there: files, and frame folders.
        unique_names: the names of videos are unique in this dataset, so that the folder may differ.
    """

    def __init__(self, clips: Iterable[str], *, unique_names: bool = False) -> None:
        self.unique_names = unique_names
        self.counts: Counter[str] = Counter()
        # By name, and by folder and name: where all names are equal, folders keep the search short.
        self._by_tail: dict[str, list[str]] = defaultdict(list)
        for path in clips:
            for parts in range(1, 2 + ("/" in path)):
                self._by_tail[_tail(path, parts)].append(path)

    def find(self, listed: str, prefer: tuple[str, ...] = ()) -> str | None:
        """The path for a listed one, or None where there is none, or no telling which.

        Args:
            listed: with or without folders and ending.
            prefer: where several fit, those are taken that lie in a folder of such a name.
        """
        near = self._by_tail.get(_tail(listed, 2), [])
        for kind, fits in _ways(listed):
            if found := [path for path in near if fits(path)]:
                return self._choose(kind, found, prefer)
        alike = self._by_tail.get(_tail(listed, 1), []) if self.unique_names else []
        return self._choose("folder", alike, prefer) if alike else None

    def notes(self) -> list[str]:
        """What was not exact."""
        return [text.format(self.counts[kind]) for kind, text in _NOTES.items() if self.counts[kind]]

    def _choose(self, kind: str, found: list[str], prefer: tuple[str, ...]) -> str | None:
        if len(found) > 1:
            found = [path for path in found if set(path.split("/")[:-1]) & set(prefer)] or found
        if len(found) > 1 and kind == "ending" and len(set(map(without_ending, found))) == 1:
            found = found[:1]  # the same clip in several formats
        if len(found) > 1:
            self.counts["ambiguous"] += 1
            return None
        self.counts[kind] += 1
        return found[0]


def _ways(listed: str) -> list[tuple[str, Callable[[str], bool]]]:
    """How a path may fit, from the best to the least."""
    stem, close = without_ending(listed), folded(without_ending(listed))
    return [
        ("exact", lambda path: path == listed),
        ("below", lambda path: _ends(path, listed)),
        ("ending", lambda path: _ends(without_ending(path), stem)),
        ("case", lambda path: _ends(folded(without_ending(path)), close)),
    ]


def _ends(path: str, tail: str) -> bool:
    return path == tail or path.endswith(f"/{tail}")


def _tail(path: str, parts: int) -> str:
    return "/".join(folded(without_ending(path)).split("/")[-parts:])
