"""Real clips for a command: read with progress, and with a word on what was left out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vidcondense.cli.output import Output
from vidcondense.cli.progress import Bars
from vidcondense.events import Event, Listener, broadcast
from vidcondense.files import canonical_json
from vidcondense.options import as_json
from vidcondense.video.index import DataOptions, RealData, load_data
from vidcondense.video.sampling import ClipOptions


def read_data(root: Path, data: DataOptions, clip: ClipOptions, *, bars: Bars, output: Output) -> RealData:
    """Index a folder of videos, or reuse its cache; says on standard error what a person should know."""
    listener = broadcast(bars.follow("index", "reading videos"), _tell_of_waiting(output))
    try:
        real = load_data(root, data, clip, listener=listener)
    except KeyboardInterrupt:
        output.note("the videos read so far are kept; the same command goes on from there")
        raise
    for note in real.listing.notes:
        output.note(note)
    if real.quarantined:
        reasons = Counter(item.code for item in real.quarantined)
        counts = ", ".join(f"{count} {code}" for code, count in sorted(reasons.items()))
        output.note(f"{len(real.quarantined)} files cannot be used and were left out: {counts}")
    return real


def _tell_of_waiting(output: Output) -> Listener:
    def listen(event: Event) -> None:
        if event["kind"] == "wait":
            output.note("another process is reading these videos; waiting for it")

    return listen


def recorded_data(real: RealData, data: DataOptions, clip: ClipOptions) -> dict[str, Any]:
    """What a condensed set's manifest says of its data: enough to read the same clips again, and no paths."""
    return {
        "layout": real.listing.layout,
        "fold": real.listing.fold,
        "split_seed": data.split_seed,
        "test_fraction": data.test_fraction,
        # Named, so that the same part can be read again wherever a file of class names was.
        "classes": list(real.listing.classes) if data.classes or data.classes_file else None,
        "max_per_class": data.max_per_class,
        "flip": data.flip,
        "train_split": train_split_hash(real),
        "train_clips": len(real.train),
        **as_json(clip),
    }


def train_split_hash(real: RealData) -> str:
    """The sha256 of which videos are for training, and of which class."""
    listed = [[record.path, record.label] for record in real.listing.records if record.split == "train"]
    return hashlib.sha256(canonical_json(listed).encode()).hexdigest()


def text_of(data: Mapping[str, Any]) -> str:
    """What a manifest recorded about its data, for a person."""
    shown = {name: value for name, value in data.items() if value is not None and name != "train_split"}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())
