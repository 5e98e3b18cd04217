"""A condensed set → a folder of files in another format."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vidcondense import __version__
from vidcondense.errors import OutputError
from vidcondense.exports.huggingface import as_huggingface
from vidcondense.exports.options import ExportOptions
from vidcondense.exports.sheets import as_sheets
from vidcondense.exports.videos import Files, as_frame_folders, clamped_share, in_class_folders
from vidcondense.exports.webdataset import as_webdataset
from vidcondense.files import replace_folder, sha256_of_file, write_file, write_json
from vidcondense.options import as_json, choose
from vidcondense.storage.condensed import CondensedDataset

RECORD = "export.json"
"""What an exported folder says of itself."""


@dataclass(frozen=True)
class Format:
    """A format to export to.

    Args:
        summary: what it is, in one line.
        files: of a set.
    """

    summary: str
    files: Callable[[CondensedDataset, ExportOptions], Files]


FORMATS: Mapping[str, Format] = {
    "mp4": Format("a folder per class of lossless mp4 files (H.264, RGB)", in_class_folders("mp4")),
    "png": Format("a folder per class of folders of PNG frames, lossless", as_frame_folders),
    "preview": Format(
        "a folder per class of lossy mp4 files that every browser plays", in_class_folders("preview")
    ),
    "gif": Format("a folder per class of GIF animations, 256 colours each", in_class_folders("gif")),
    "webp": Format("a folder per class of lossy WebP animations", in_class_folders("webp")),
    "sheets": Format("contact sheets: a row a video, key frames outlined", as_sheets),
    "webdataset": Format("tar shards for WebDataset", as_webdataset),
    "huggingface": Format("a folder with a card that Hugging Face's datasets loads", as_huggingface),
}
"""Every format by its name."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What an export wrote.

    Args:
        folder: where.
        files: how many, the record aside.
        bytes: of these files.
        clamped: the share of all rendered values outside 0 to 1, which only npy keeps.
    """

    folder: Path
    files: int
    bytes: int
    clamped: float


def export(
    made: CondensedDataset,
    out: str | Path,
    to: str,
    options: ExportOptions | None = None,
    *,
    overwrite: bool = False,
) -> Exported:
    """Write the videos of a set, rendered, as files that other programs read.

    The same set gives the same bytes. Every format but npy in webdataset holds pictures: values are
    clamped to 0 to 1 and rounded to 256 levels.

    Args:
        made: the set.
        out: the folder to make; it is there only when it is complete.
        to: a key of `FORMATS`.
        options: default: as in `ExportOptions`.
        overwrite: replace an older export at `out`.

    Raises:
        UsageError: there is no such format, or it cannot hold what the options ask for.
        OutputError: `out` exists, or cannot be written.
    """
    chosen, options, out = choose(FORMATS, to, "format"), options or ExportOptions(), Path(out)
    check_free(out, overwrite=overwrite)
    work = out.with_name(f".{out.name}.tmp-{os.getpid()}")
    try:
        entries = _write(work, chosen.files(made, options))
        record = {
            "format": "vidcondense-export",
            "format_version": 1,
            "to": to,
            "options": as_json(options),
            "versions": {"vidcondense": __version__},
            "set": _source(made),
            "files": entries,
        }
        write_json(work / RECORD, record)
        replace_folder(work, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    total = sum(entry["bytes"] for entry in entries)
    return Exported(folder=out, files=len(entries), bytes=total, clamped=clamped_share(made))


def check_free(out: Path, *, overwrite: bool) -> None:
    """Raise `OutputError` unless an export may be written at `out`."""
    if not out.exists() and not out.is_symlink():
        return
    if not overwrite:
        raise OutputError(f"{out} exists; use --overwrite to replace it, or another --out")
    if not (out / RECORD).is_file():
        raise OutputError(f"{out} is no export of ours, so --overwrite leaves it alone; choose another --out")


def _write(folder: Path, files: Iterable[tuple[str, bytes]]) -> list[dict[str, Any]]:
    """Write files below a folder; gives what the record says of them."""
    entries = []
    for name, content in files:
        path = folder / name
        write_file(path, partial(_put, content))
        entries.append({"file": name, "bytes": len(content), "sha256": sha256_of_file(path)})
    return entries


def _put(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _source(made: CondensedDataset) -> dict[str, Any]:
    """Where the videos come from, and what is known of all of them."""
    kept = ("sha256", "method", "seed", "classes", "labels", "shape", "mean", "std", "flip")
    return {name: made.manifest[name] for name in kept}
