"""Real clips for a command: read with progress, and with a word on what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vidcondense.cli.output import Output
from vidcondense.cli.progress import Bars
from vidcondense.events import Event, Listener, broadcast
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


def text_of(data: Mapping[str, Any]) -> str:
    """What a manifest recorded about its data, for a person."""
    shown = {name: value for name, value in data.items() if value is not None and name != "train_split"}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())
