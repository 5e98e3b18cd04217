"""`condensed.json`: what a condensed set says of itself, checked on the way in."""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

from vidcondense.errors import FormatError
from vidcondense.files import canonical_json, write_text

FORMAT = "vidcondense"
FORMAT_VERSION = 1
MANIFEST = "condensed.json"

_MAX_BYTES = 64 * 2**20
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "format": str,
    "format_version": int,
    "method": str,
    "options": dict,
    "seed": int,
    "classes": list,
    "labels": list,
    "positions": list,
    "shape": list,
    "key_frame_size": list,
    "mean": list,
    "std": list,
    "flip": bool,
    "codec": str,
    "data": dict,
    "versions": dict,
    "payload": list,
    "sha256": str,
}


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest with the hash of its own canonical form; its presence makes the set complete."""
    sealed = {**manifest, "sha256": _own_hash(manifest)}
    write_text(folder / MANIFEST, canonical_json(sealed) + "\n")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read and check a manifest: JSON, fields, version, own hash, and that its values fit together.

    Raises:
        FormatError: it is missing, damaged, of another version, or contradicts itself.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise FormatError(f"{folder} is no condensed set: it has no {MANIFEST}")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FormatError(f"{path} is larger than {_MAX_BYTES} bytes: no manifest of ours")
        manifest = json.loads(
            path.read_text(encoding="utf-8"), object_pairs_hook=_no_twins, parse_constant=_no_constant
        )
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(f"cannot read {path}: {error}") from error
    _check_fields(path, manifest)
    if manifest["sha256"] != _own_hash(manifest):
        raise FormatError(f"{path} was changed after it was written: its sha256 does not fit")
    _check_values(path, manifest)
    return dict(manifest)


def _own_hash(manifest: dict[str, Any]) -> str:
    content = {key: value for key, value in manifest.items() if key != "sha256"}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not allowed")


def _check_fields(path: Path, manifest: object) -> None:
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise FormatError(f"{path} is no manifest of a condensed set")
    version = manifest.get("format_version")
    if version != FORMAT_VERSION:
        raise FormatError(
            f"{path} has format version {version!r}, this vidcondense reads {FORMAT_VERSION}: "
            "upgrade vidcondense, or make the set again"
        )
    for name, kind in _FIELDS.items():
        if not isinstance(manifest.get(name), kind):
            raise FormatError(f"{path}: {name!r} is missing or of the wrong type")


def _check_values(path: Path, manifest: dict[str, Any]) -> None:
    """What the loader relies on before it allocates anything."""
    shape, labels, positions = manifest["shape"], manifest["labels"], manifest["positions"]
    classes = manifest["classes"]
    size = manifest["key_frame_size"]
    whole = all(type(side) is int and 0 < side <= 8192 for side in (*shape, *size))
    rules = {
        "shape": len(shape) == 4 and whole and shape[1] == 3,
        "key_frame_size": len(size) == 2 and size[0] <= shape[-2] and size[1] <= shape[-1],
        "classes": len(classes) > 0 and all(isinstance(name, str) for name in classes),
        "labels": len(labels) > 0 and all(type(x) is int and 0 <= x < len(classes) for x in labels),
        "mean": _is_colour(manifest["mean"]),
        "std": _is_colour(manifest["std"]) and all(value > 0 for value in manifest["std"]),
        "positions": len(positions) == len(labels),
    }
    for name, holds in rules.items():
        if not holds:
            raise FormatError(f"{path}: {name!r} has a value that cannot be")
    for row in positions:
        if not (
            isinstance(row, list)
            and len(row) >= 1
            and all(type(frame) is int for frame in row)
            and all(left < right for left, right in itertools.pairwise(row))
            and row[0] == 0
            and (row == [0] or row[-1] == shape[0] - 1)
        ):
            raise FormatError(f"{path}: key-frame positions {str(row)[:80]} cannot be")


def _is_colour(values: list[Any]) -> bool:
    return len(values) == 3 and all(isinstance(value, float) for value in values)
