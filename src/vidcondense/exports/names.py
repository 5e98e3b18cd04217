"""Class names as names of folders, and as text that a file in UTF-8 can hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from vidcondense.video.names import folded

_MAX_LENGTH = 80  # characters of a class's folder; a name may have 255 bytes

# Letters and digits of any script, space, dot and hyphen stay; no dot or space at an end, so that no folder
# is hidden, leads upwards, or is renamed by Windows.
_UNSAFE = re.compile(r"[^\w .-]|^[ .]|[ .]$")


def folder_names(classes: Sequence[str]) -> list[str]:
    """A folder for every class: its name, with %XX for what cannot be in a path, as in a URL.

    No two are alike on a disk that does not tell apart capitals, or ways to compose an accent.
    """
    names: list[str] = []
    taken: set[str] = set()
    for label, class_name in enumerate(classes):
        name = _UNSAFE.sub(lambda found: _percent(found[0]), class_name) or "class"
        if len(name) > _MAX_LENGTH:
            name = f"{name[:_MAX_LENGTH].rstrip(' .')}-{label}"
        while folded(name) in taken:
            name += f"-{label}"
        taken.add(folded(name))
        names.append(name)
    return names


def unicode_text(text: str) -> str:
    """Text without lone halves of surrogate pairs, which no file in UTF-8 can hold."""
    return text.encode("utf-8", "backslashreplace").decode()


def _percent(char: str) -> str:
    # `quote` leaves the dot alone.
    return "%2E" if char == "." else quote(char, safe="", errors="surrogatepass")
