"""A hard limit of bytes: a set is encoded in memory, and written once it keeps to it."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vidcondense.errors import LimitError
from vidcondense.files import size_text, write_bytes
from vidcondense.media.coded import IMAGE_FORMATS
from vidcondense.media.streams import VIDEO_FORMATS
from vidcondense.storage.codecs import CODECS, Coding
from vidcondense.storage.manifest import manifest_text, write_manifest


@dataclass(frozen=True)
class Encoded:
    """The files of a set, not yet written.

    Args:
        file: name of the payload.
        payload: its content.
        manifest: what goes beside it.
    """

    file: str
    payload: bytes
    manifest: dict[str, Any]

    @property
    def bytes(self) -> int:
        """Of both files."""
        return len(self.payload) + len(manifest_text(self.manifest).encode())

    def write(self, folder: Path) -> None:
        """Write both; the manifest comes last."""
        write_bytes(folder / self.file, self.payload)
        write_manifest(folder, self.manifest)


Encode = Callable[[Coding], Encoded]
"""Encodes one set in different ways."""


def write_encoded(folder: Path, encode: Encode, codec: str, coding: Coding, budget: int | None) -> None:
    """Write a set as `coding` says, or as near to it as the bytes of a budget allow.

    Raises:
        LimitError: no coding keeps to the budget; nothing is written.
    """
    encoded = encode(coding) if budget is None else encode_within(budget, encode, codec, coding)
    encoded.write(folder)


def encode_within(budget: int, encode: Encode, codec: str, coding: Coding) -> Encoded:
    """The first of `codings` that takes `budget` bytes at most, found by bisection.

    What is returned was measured, so the budget holds even where fewer levels take more bytes.

    Raises:
        LimitError: the last of them takes more.
    """
    ladder = codings(codec, coding)
    if (asked := encode(coding)).bytes <= budget:
        return asked
    found = bisect.bisect_left(ladder, True, key=lambda each: encode(each).bytes <= budget)
    if found == len(ladder):
        least = encode(ladder[-1]).bytes
        raise LimitError(
            f"--budget {size_text(budget)}: by --codec {codec} the set takes {size_text(least)} ({least} B) "
            "at the least; use a larger --budget or another --codec, or a set of fewer or smaller key frames"
        )
    return encode(ladder[found])


def codings(codec: str, coding: Coding) -> list[Coding]:
    """`coding`, and what takes fewer bytes with the same codec: lower quality, or fewer bits a level."""
    if CODECS[codec].exact_levels:
        return [replace(coding, bits=bits) for bits in range(coding.bits, 0, -1)]
    if codec in VIDEO_FORMATS or (codec in IMAGE_FORMATS and IMAGE_FORMATS[codec].lossy):
        return [replace(coding, quality=quality) for quality in range(coding.quality, -1, -1)]
    return [coding]
