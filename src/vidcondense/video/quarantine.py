"""Videos that are not used, and why: a line of JSON each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from vidcondense.errors import VideoError
from vidcondense.files import parse_json
from vidcondense.video.listing import Record, Split


@dataclass(frozen=True, kw_only=True)
class Quarantined:
    """One video (or folder) that is not used."""

    path: str
    """Relative to the dataset's root."""
    split: Split | None
    """None for a folder, and whatever no list names."""
    label: int | None
    code: str
    """The reason's short stable name."""
    detail: str
    """The reason in a sentence."""

    @classmethod
    def of(cls, path: str, error: VideoError, record: Record | None) -> Quarantined:
        """What is at `path`, and why it is not used."""
        split, label = (record.split, record.label) if record else (None, None)
        return cls(path=path, split=split, label=label, code=error.code, detail=error.detail)


def read_quarantine(path: Path) -> tuple[Quarantined, ...]:
    """The list in a cache folder. Raises `OSError` or `ValueError` where it cannot be read, or is none."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(msgspec.convert(parse_json(line), Quarantined) for line in lines)
