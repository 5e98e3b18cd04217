"""The same set in another codec."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vidcondense.options import parse_bytes
from vidcondense.storage.codecs import Coding
from vidcondense.storage.condensed import CondensedDataset, load_condensed, put_in_place, save_stored
from vidcondense.storage.workspace import owned_output


def recode(
    made: CondensedDataset,
    out: Path,
    codec: str,
    coding: Coding | None = None,
    *,
    budget: str | None = None,
    overwrite: bool = False,
) -> CondensedDataset:
    """Store a set, as it was read, by another codec.

    Args:
        made: what to store again; from a lossy codec nothing that it lost comes back.
        out: the folder to make.
        codec: a key of `CODECS`.
        coding: how the codec is used; default: quality 75, a range a video.
        budget: most bytes to write, such as 40kB; quality or bits are lowered to keep it.
        overwrite: replace an older set at `out`.

    Returns:
        The new set, as read back from the disk.

    Raises:
        OutputError: `out` exists, or cannot be written.
        LimitError: the codec cannot hold the values, or not keep to the budget.
    """
    coding = coding or Coding()
    limit = None if budget is None else parse_bytes(budget, "budget")
    asked = {"codec": codec, **vars(coding), "budget": budget}
    origin = replace(made.origin, options={**made.manifest["options"], **asked})
    with owned_output(out, resume=False, overwrite=overwrite) as work:
        save_stored(work, made.stored, made.labels, codec, origin, coding, made.soft_labels, limit)
        put_in_place(work, out)
    return load_condensed(out)
