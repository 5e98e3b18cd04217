"""Numbers and names in sentences."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, noun: str, several: str = "") -> str:
    """`1 clip`, `2 clips`; `several` where the plural is not the noun with an s."""
    return f"{number} {noun if number == 1 else several or noun + 's'}"


def some(names: Sequence[str], most: int = 5) -> str:
    """The first few names, and `…` where there are more."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
