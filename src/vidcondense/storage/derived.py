"""Sets that are made from other sets, or files: what their manifest says, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vidcondense.errors import UsageError
from vidcondense.interfaces import Labels
from vidcondense.options import choose
from vidcondense.storage.codecs import CODECS, Coding
from vidcondense.storage.condensed import CondensedDataset, Origin, load_condensed, put_in_place, save_stored
from vidcondense.storage.labels import SoftLabels
from vidcondense.storage.stored import Stored
from vidcondense.storage.workspace import owned_output

DERIVED = "derived"
"""Among the options of a set's manifest: from what it was made, and how."""

_EXACT = frozenset({"float32", "float16", "uint8", "lzma", "png", "webp-lossless"})
"""Codecs that lose no more when what they give is stored by them again (but for a change of range)."""


def source_of(made: CondensedDataset) -> dict[str, Any]:
    """What a derived set's manifest says of a set that it was made from."""
    kept = ("sha256", "method", "options", "seed", "data", "versions", "labelling")
    return {name: made.manifest[name] for name in kept}


def choose_codec(codec: str | None, sets: Sequence[CondensedDataset]) -> tuple[str, Coding]:
    """The codec asked for, or that of the sets if it is one, and loses nothing a second time.

    Raises:
        UsageError: there is no such codec; or one must be asked for.
    """
    manifests = [made.manifest for made in sets]
    ranges = {manifest["value_range"] for manifest in manifests}
    names = sorted({manifest["codec"] for manifest in manifests})
    bits = sorted({manifest["bits"] for manifest in manifests})
    coding = Coding(
        quality=manifests[0]["quality"],
        value_range=ranges.pop() if len(ranges) == 1 else "video",
        bits=bits[0] if codec in (None, names[0]) and len(bits) == 1 else 8,
    )
    if codec is not None:
        choose(CODECS, codec, "codec")
        return codec, coding
    if len(names) > 1:
        raise UsageError(f"the sets are stored as {', '.join(names)}; choose one: --codec float32")
    if len(bits) > 1:
        raise UsageError(
            f"the sets have levels of {' and '.join(map(str, bits))} bits; choose: --codec float32"
        )
    if names[0] not in _EXACT:
        raise UsageError(
            f"{names[0]} would lose a second time; choose --codec float32, or --codec {names[0]} all the same"
        )
    return names[0], coding


def write_derived(
    out: Path,
    stored: Stored,
    labels: Labels,
    origin: Origin,
    derived: Mapping[str, Any],
    codec: str,
    coding: Coding,
    *,
    soft_labels: SoftLabels | None = None,
    overwrite: bool = False,
) -> CondensedDataset:
    """Write a set at `out`, with `derived` among its options.

    Args:
        out: the folder to make.
        stored: in pixel units.
        labels: of the rendered videos.
        origin: the rest of the manifest.
        derived: from what the set was made, and how, as JSON.
        codec: a key of `CODECS`.
        coding: how the codec is used.
        soft_labels: probabilities of the rendered videos.
        overwrite: replace an older set at `out`.

    Returns:
        The new set, as read back from the disk.

    Raises:
        OutputError: `out` exists, or cannot be written.
        LimitError: the codec cannot hold the values.
    """
    options = {**origin.options, "codec": codec, **vars(coding), DERIVED: dict(derived)}
    with owned_output(out, resume=False, overwrite=overwrite) as work:
        save_stored(work, stored, labels, codec, replace(origin, options=options), coding, soft_labels)
        put_in_place(work, out)
    return load_condensed(out)


def largest_change(made: CondensedDataset, sources: Sequence[tuple[CondensedDataset, Tensor]]) -> float:
    """How far, at most, a rendered value of a derived set is from that of the set it came from.

    Args:
        made: the derived set.
        sources: sets, and which of their videos are in `made`, in its order.
    """
    largest, start = 0.0, 0
    for source, indices in sources:
        for video in indices:
            change = made.clips(torch.tensor([start])) - source.clips(video[None])
            largest = max(largest, float(change.abs().max()))
            start += 1
    return largest


def change_text(change: float) -> str:
    """What `largest_change` found, for a person."""
    if change == 0:
        return "no value changed"
    return f"values changed by {change:.2g} at most (1 is white)"
