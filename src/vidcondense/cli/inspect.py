"""`vidcondense inspect`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tyro
from rich.cells import cell_len

from vidcondense.cli.output import Output, console, facts, size_text, table, visible
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.preview import preview
from vidcondense.cli.reading import text_of
from vidcondense.evaluation.tables import MISSING
from vidcondense.methods import METHODS
from vidcondense.report.pictures import write_pictures
from vidcondense.storage.accounting import paper_mb
from vidcondense.storage.condensed import CondensedDataset, load_condensed
from vidcondense.storage.static_dynamic import StoredStaticDynamic

_LINES = 24  # of the list of videos, or of classes where there are more, unless a terminal is lower
_LEAST = 3  # of these, however low it is
_CLASSES = 10  # named, at most


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Show what a condensed set is, what it holds, where it comes from; reading it verifies every hash.

    Examples:
      vidcondense inspect small
      vidcondense inspect small --pictures pictures

    A terminal with colours also shows some key frames. With --pictures, each class gets a contact sheet
    (every rendered frame, key frames outlined) and an animation. Values outside 0 to 1, which videos learned
    from noise have, are clamped there.
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
    told, lines, screen = facts(_facts(clips)), _timelines(clips), console()
    pictures = preview(clips, screen.width) if screen.is_terminal and screen.color_system is not None else []
    most, shown = _LINES, len(pictures)
    if screen.is_terminal:
        room = screen.height - _height(told, screen.width) - 2  # an empty line, and the next prompt
        heights = [2 + len(picture.plain.splitlines()) for _, picture in pictures]
        most, shown = _share(room, len(lines), heights)
    output.say(told + "\n")
    if len(lines) <= most:
        output.say(facts(dict(lines)))
    else:
        output.say(table(*_by_class(clips, most)))
    for title, picture in pictures[:shown]:
        output.say(f"\n{visible(title)}")
        output.say(picture)
    if written:
        output.say(f"\n{len(written)} pictures in {arguments.pictures} (values clamped to 0 to 1)")
    return {
        "set": str(arguments.set),
        "verified": True,
        **clips.provenance,
        "classes": list(clips.classes),
        "labels": clips.labels.tolist(),
        "representation": clips.representation,
        "positions": clips.positions,
        "shape": list(clips.shape),
        "codec": clips.manifest["codec"],
        "labelling": clips.manifest["labelling"],
        "learned": clips.manifest["learned"],
        "paper_mb": clips.paper_mb,
        "bytes": clips.bytes,
        "pictures": [str(path) for path in written],
    }


def _share(room: int, lines: int, pictures: Sequence[int]) -> tuple[int, int]:
    """How many lines of the list, and how many pictures, have room: half and half where both want more.

    Args:
        room: lines of the screen.
        lines: of the list.
        pictures: their heights in lines.
    """
    left, shown = room - min(lines, room // 2), 0
    for height in pictures:
        if height > left:
            break
        left, shown = left - height, shown + 1
    return max(_LEAST, room - sum(pictures[:shown])), shown


def _height(text: str, width: int) -> int:
    """Lines that a text takes on a screen."""
    return sum(max(1, -(-cell_len(line) // width)) for line in text.split("\n"))


def _facts(clips: CondensedDataset) -> dict[str, object]:
    manifest = clips.manifest
    frames, _, height, width = clips.shape
    per_class = len(clips) / len(clips.classes)
    names = ", ".join(clips.classes[:_CLASSES])
    more = f", … ({len(clips.classes)})" if len(clips.classes) > _CLASSES else ""
    method = METHODS.get(manifest["method"])
    low, high = clips.stored.extremes
    return {
        "set": clips.folder,
        "verified": f"yes, every sha256 fits (manifest {manifest['sha256'][:12]}…)",
        "method": f"{manifest['method']}: {method.summary}" if method else manifest["method"],
        "classes": names + more,
        "videos": f"{len(clips)}, {per_class:g} per class, {frames} frames of {width}×{height}",
        **_stored(clips),
        "labels": text_of(manifest["labelling"]) or "hard",
        **{name.replace("_", " "): f"{value:.4g}, learned" for name, value in manifest["learned"].items()},
        "paper MB": f"{clips.paper_mb:.2f} (MiB of all that is stored, as float32)",
        "bytes": f"{size_text(clips.bytes)} on disk, frames as {manifest['codec']}",
        "values": f"{low:.2f} to {high:.2f}, real videos have 0 to 1",
        "made": f"seed {manifest['seed']}, {text_of(manifest['versions'])}",
        "data": text_of(_data(clips)) or "not recorded",
    }


def _data(clips: CondensedDataset) -> Mapping[str, Any]:
    """What the set records of its data; of mirroring what is in force: a dataset may forbid it, too."""
    data = clips.manifest["data"]
    return {**data, "flip": clips.flip} if "flip" in data else data


def _stored(clips: CondensedDataset) -> dict[str, object]:
    """What of the videos is stored."""
    if isinstance(clips.stored, StoredStaticDynamic):
        images, memories = len(clips.stored.static), len(clips.stored.dynamic)
        return {
            "static": f"{images} images",
            "dynamic": f"{memories} memories of {clips.shape[0]} frames in one channel, a 3×3×3 convolution",
        }
    counts = [len(positions) for positions in clips.positions]
    size = "×".join(map(str, reversed(clips.key_frame_size)))
    spread = f"{min(counts)} to {max(counts)} a video, mean {sum(counts) / len(counts):.2f}"
    between = clips.manifest["interpolation"]
    return {"key frames": f"{sum(counts)}: {spread}, {size} pixels, {between} between them"}


def _by_class(clips: CondensedDataset, most: int) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of what each class has; with the heading `most` lines, of many the first."""
    rows = []
    for label, name in enumerate(clips.classes):
        members = (clips.labels == label).nonzero().flatten().tolist()
        counts = [len(clips.positions[video]) for video in members]
        if not any(counts):
            rows.append([name, str(len(members)), MISSING, MISSING, MISSING])
            continue
        weight = paper_mb(sum(counts), clips.shape[1], *clips.key_frame_size)
        spread = f"{min(counts)} to {max(counts)}"
        rows.append([name, str(len(members)), str(sum(counts)), spread, f"{weight:.3f}"])
    titles = ["class", "videos", "key frames", "a video", "paper MB"]
    if len(rows) > most - 1:
        kept = max(1, most - 2)
        rows = [*rows[:kept], [f"and {len(rows) - kept} more", "", "", "", ""]]
    return titles, rows


def _timelines(clips: CondensedDataset) -> list[tuple[str, str]]:
    """A line a video: its number and class, and its frames: ● for a key frame, · for a rendered one.

    Of a set of pairs: the static image and the dynamic memory of each video.
    """
    if isinstance(clips.stored, StoredStaticDynamic):
        return [
            (f"{video} {clips.classes[label]}", f"image {image}, memory {memory}")
            for video, (label, (image, memory)) in enumerate(
                zip(clips.labels.tolist(), clips.stored.pairs.tolist(), strict=True)
            )
        ]
    lines = []
    for video, (label, positions) in enumerate(zip(clips.labels.tolist(), clips.positions, strict=True)):
        keys = set(positions)
        marks = "".join("●" if frame in keys else "·" for frame in range(clips.shape[0]))
        lines.append((f"{video} {clips.classes[label]}", f"{marks} {len(positions)}"))
    return lines
