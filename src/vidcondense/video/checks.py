"""Is what could be read of a dataset enough to work with?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vidcondense.errors import DataError
from vidcondense.video.cache import QUARANTINE
from vidcondense.video.listing import Listing
from vidcondense.video.quarantine import Quarantined
from vidcondense.words import counted, some


def check_usable(
    listing: Listing,
    usable: Sequence[Mapping[str, Any]],
    quarantined: Sequence[Quarantined],
    *,
    max_bad: float,
    root: Path,
    folder: Path | None = None,
) -> None:
    """Raise `DataError` when too many videos are bad, a class has nothing to train on, or a split is empty.

    Args:
        listing: what should be there.
        usable: the manifest's records.
        quarantined: what was set aside.
        max_bad: share of the videos that may be bad, 0 to 1.
        root: the dataset's folder, for the message.
        folder: the cache folder with the list of all, for the message.
    """
    total = len(usable) + len(quarantined)
    if len(quarantined) > max_bad * total:
        raise DataError(
            f"{root}: {len(quarantined)} of {total} videos cannot be used ({_reasons(quarantined)}), "
            f"more than --max-bad {max_bad:g} allows; {_first(quarantined)}"
            + (f"; all are listed in {folder / QUARANTINE}" if folder else "")
        )
    trained = {record["label"] for record in usable if record["split"] == "train"}
    lacking = [name for label, name in enumerate(listing.classes) if label not in trained]
    if lacking:
        raise DataError(
            f"{root}: {_some(lacking)} without a usable training video{_first(quarantined, '; ')}; "
            "add some, or take the class away"
        )
    if not any(record["split"] == "test" for record in usable):
        raise DataError(
            f"{root}: there is no video to test on{_first(quarantined, '; ')}; "
            "add some (where we draw the split: raise --test-fraction, a class needs two source groups)"
        )


def _reasons(quarantined: Sequence[Quarantined]) -> str:
    counts = Counter(item.code for item in quarantined)
    return ", ".join(f"{code} {count}" for code, count in sorted(counts.items()))


def _first(quarantined: Sequence[Quarantined], before: str = "") -> str:
    if not quarantined:
        return ""
    item = quarantined[0]
    return f"{before}{item.path!r}: {item.detail}"


def _some(names: Sequence[str]) -> str:
    return f"{counted(len(names), 'class', 'classes')} ({some([repr(name) for name in names])})"
