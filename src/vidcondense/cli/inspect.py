"""`vidcondense inspect`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tyro

from vidcondense.cli.output import Output, facts, size_text
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.reading import text_of
from vidcondense.methods import METHODS
from vidcondense.report.pictures import write_pictures
from vidcondense.storage.condensed import CondensedDataset, load_condensed

_LINES = 24  # of the list of videos: one screen
_CLASSES = 10  # named, at most


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Show what a condensed set is, what it holds, where it comes from; reading it verifies every hash.

    Examples:
      vidcondense inspect small
      vidcondense inspect small --pictures pictures

    With --pictures, each class gets a contact sheet (every rendered frame, key frames outlined) and an
    animation. Values outside 0 to 1, which videos learned from noise have, are clamped there.
    """

    set: tyro.conf.Positional[Path]
    """A condensed set: what `vidcondense condense` made."""

    pictures: Path | None = None
    """Folder to write pictures into."""

    animation: Literal["webp", "gif"] = "webp"
    """Format of the animations."""

    overwrite: bool = False
    """Replace pictures of the same names."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Print one screen; write pictures."""
    clips = load_condensed(arguments.set)
    written: list[Path] = []
    if arguments.pictures is not None:
        written = write_pictures(
            clips, arguments.pictures, animation=arguments.animation, overwrite=arguments.overwrite
        )
    output.say(facts(_facts(clips)) + "\n")
    output.say(facts(dict(_timelines(clips)[:_LINES])))
    if len(clips) > _LINES:
        output.say(f"and {len(clips) - _LINES} more videos")
    if written:
        output.say(f"\n{len(written)} pictures in {arguments.pictures} (values clamped to 0 to 1)")
    return {
        "set": str(arguments.set),
        "verified": True,
        **clips.provenance,
        "classes": list(clips.classes),
        "labels": clips.labels.tolist(),
        "positions": clips.positions,
        "shape": list(clips.shape),
        "codec": clips.manifest["codec"],
        "paper_mb": clips.paper_mb,
        "bytes": clips.bytes,
        "pictures": [str(path) for path in written],
    }


def _facts(clips: CondensedDataset) -> dict[str, object]:
    manifest = clips.manifest
    frames, _, height, width = clips.shape
    counts = [len(positions) for positions in clips.positions]
    names = ", ".join(clips.classes[:_CLASSES])
    more = f", … ({len(clips.classes)})" if len(clips.classes) > _CLASSES else ""
    method = METHODS.get(manifest["method"])
    low, high = float(clips.key_frames.min()), float(clips.key_frames.max())
    return {
        "set": clips.folder,
        "verified": f"yes, every sha256 fits (manifest {manifest['sha256'][:12]}…)",
        "method": f"{manifest['method']}: {method.summary}" if method else manifest["method"],
        "classes": names + more,
        "videos": f"{len(clips)}, {clips.vpc:g} per class, {frames} frames of {width}×{height}",
        "key frames": f"{sum(counts)}: {min(counts)} to {max(counts)} a video, "
        f"mean {sum(counts) / len(counts):.2f}, {'×'.join(map(str, clips.key_frames.shape[:1:-1]))} pixels",
        "paper MB": f"{clips.paper_mb:.2f} (MiB of the stored frames as float32)",
        "bytes": f"{size_text(clips.bytes)} on disk, key frames as {manifest['codec']}",
        "values": f"{low:.2f} to {high:.2f}, real videos have 0 to 1",
        "made": f"seed {manifest['seed']}, {text_of(manifest['versions'])}",
        "data": text_of(manifest["data"]) or "not recorded",
    }


def _timelines(clips: CondensedDataset) -> list[tuple[str, str]]:
    """A line a video: its number and class, and its frames: ● for a key frame, · for a rendered one."""
    lines = []
    for video, (label, positions) in enumerate(zip(clips.labels.tolist(), clips.positions, strict=True)):
        marks = "".join("●" if frame in positions else "·" for frame in range(clips.shape[0]))
        lines.append((f"{video} {clips.classes[label]}", f"{marks} {len(positions)}"))
    return lines
