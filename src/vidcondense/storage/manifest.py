"""`condensed.json`: what a condensed set says of itself, checked on the way in."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from vidcondense.errors import FormatError
from vidcondense.files import canonical_json, read_json, write_text
from vidcondense.media.coded import IMAGE_FORMATS
from vidcondense.options import unknown, without_former
from vidcondense.storage.codecs import Coding, ValueRange
from vidcondense.storage.labels import TEACHER, is_labelling
from vidcondense.storage.option_defaults import NEWEST, TABLES, with_defaults, without_defaults
from vidcondense.synthetic.interpolation import INTERPOLATION
from vidcondense.synthetic.keyframes import Upsampling
from vidcondense.synthetic.mosaics import strip_columns

FORMAT = "vidcondense"
FORMAT_VERSION = 5
MANIFEST = "condensed.json"

_DEFAULTS = "option_defaults"
_MAX_BYTES = 64 * 2**20
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "format": str,
    "format_version": int,
    "method": str,
    "options": dict,
    "seed": int,
    "classes": list,
    "labels": list,
    "representation": str,
    "shape": list,
    "mean": list,
    "std": list,
    "flip": bool,
    "codec": str,
    "quality": int,
    "value_range": str,
    "bits": int,
    "labelling": dict,
    "learned": dict,
    "data": dict,
    "versions": dict,
    "payload": list,
    "sha256": str,
}
_OWN_FIELDS: dict[str, dict[str, type]] = {
    "key-frames": {"positions": list, "key_frame_size": list, "interpolation": str, "upsampling": str},
    "static-dynamic": {"static_images": int, "dynamic_memories": int, "pairs": list},
}
"""The fields of each representation."""

_LEAST_STD = 1e-6
_MAX_SLOTS = 2**24
"""Most frames of all videos, and most images or memories: what the loader keeps an entry of each for."""
_MAX_CLIP = 2**30
"""Most numbers in one rendered video: 4 GiB."""


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest with the hash of its own canonical form; its presence makes the set complete."""
    write_text(folder / MANIFEST, manifest_text(manifest))


def manifest_text(manifest: dict[str, Any]) -> str:
    """What `write_manifest` writes: options that are as in a table of defaults are left out."""
    shorter = without_defaults(manifest["options"]) if manifest["format_version"] >= 5 else None
    if shorter is not None:
        manifest = {**manifest, "options": shorter, _DEFAULTS: NEWEST}
    return canonical_json({**manifest, "sha256": _own_hash(manifest)}) + "\n"


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read and check a manifest: JSON, fields, version, own hash, and that its values fit together.

    Raises:
        FormatError: it is missing, damaged, of another version, or contradicts itself.
    """
    path = folder / MANIFEST
    if not path.exists():
        what = f"is no condensed set: it has no {MANIFEST}" if folder.exists() else "does not exist"
        raise FormatError(f"{folder} {what}")
    manifest = read_json(path, _MAX_BYTES, dict)
    _check_version(path, manifest)
    if manifest.get("sha256") != _own_hash(manifest):
        raise FormatError(f"{path} was changed after it was written: its sha256 does not fit; copy it again")
    if manifest["format_version"] == 1:
        manifest |= {"representation": "key-frames", "interpolation": INTERPOLATION}
    if manifest["format_version"] <= 2:
        # The ranges of version 2, a quality that none of its codecs had, and no soft labels.
        manifest |= {**vars(Coding()), "labelling": {}}
    manifest.setdefault("learned", {})  # sets that learned nothing but videos were once written without it
    if manifest["format_version"] <= 3:
        manifest |= {"bits": 8, "upsampling": "bilinear"}
    _check_fields(path, manifest)
    if manifest["format_version"] == 3 and manifest["labelling"]:
        manifest["labelling"] = {"kind": TEACHER, "views": 0, "seed": 0} | manifest["labelling"]
    if _DEFAULTS in manifest:
        table = manifest.pop(_DEFAULTS)
        if type(table) is not int or table not in TABLES:
            raise FormatError(f"{path}: {_DEFAULTS!r} {table!r} is not known here; upgrade vidcondense")
        manifest["options"] = with_defaults(manifest["options"], TABLES[table])
    manifest["options"] = without_former(manifest["options"])
    _check_values(path, manifest)
    if manifest["format_version"] <= 3 and manifest["codec"] in IMAGE_FORMATS:
        _check_strips(path, manifest)
    return dict(manifest)


def _own_hash(manifest: dict[str, Any]) -> str:
    content = {key: value for key, value in manifest.items() if key != "sha256"}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def _check_version(path: Path, manifest: dict[str, Any]) -> None:
    if manifest.get("format") != FORMAT:
        raise FormatError(f"{path} is no manifest of a condensed set")
    version = manifest.get("format_version")
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise FormatError(
            f"{path} has format version {version!r}, this vidcondense reads 1 to {FORMAT_VERSION}: "
            "upgrade vidcondense, or make the set again"
        )


def _check_strips(path: Path, manifest: dict[str, Any]) -> None:
    """Refuse narrow pictures of older versions, which lay one below the other."""
    width = manifest.get("key_frame_size", manifest["shape"][2:])[1]
    if strip_columns(width) > 1:
        raise FormatError(
            f"{path} has format version {manifest['format_version']}, whose pictures {width} pixels wide lie "
            "in another order than today's; make the set again"
        )


def _check_fields(path: Path, manifest: dict[str, Any]) -> None:
    representation = manifest.get("representation")
    if not isinstance(representation, str) or representation not in _OWN_FIELDS:
        raise FormatError(f"{path}: {unknown(str(representation), _OWN_FIELDS, 'representation')}")
    for name, kind in {**_FIELDS, **_OWN_FIELDS[representation]}.items():
        if not isinstance(manifest.get(name), kind):
            raise FormatError(f"{path}: {name!r} is missing or of the wrong type")


def _check_values(path: Path, manifest: dict[str, Any]) -> None:
    """What the loader relies on before it allocates anything."""
    shape, labels, classes = manifest["shape"], manifest["labels"], manifest["classes"]
    rules = {
        "shape": len(shape) == 4
        and _are_sides(shape)
        and shape[1] == 3
        and math.prod(shape) <= _MAX_CLIP
        and len(labels) * shape[0] <= _MAX_SLOTS,
        "classes": len(classes) > 0 and all(isinstance(name, str) for name in classes),
        "labels": len(labels) > 0 and all(type(x) is int and 0 <= x < len(classes) for x in labels),
        "labelling": is_labelling(manifest["labelling"]),
        "learned": all(isinstance(value, float) for value in manifest["learned"].values()),
        "seed": type(manifest["seed"]) is int and 0 <= manifest["seed"] < 2**63,
        "quality": type(manifest["quality"]) is int and 0 <= manifest["quality"] <= 100,
        "value_range": manifest["value_range"] in get_args(ValueRange),
        "bits": type(manifest["bits"]) is int and 1 <= manifest["bits"] <= 8,
        "mean": _is_colour(manifest["mean"], 0.0),
        "std": _is_colour(manifest["std"], _LEAST_STD),
    }
    for name, holds in rules.items():
        if not holds:
            raise FormatError(f"{path}: {name!r} has a value that cannot be")
    for name, holds in _OWN_RULES[manifest["representation"]](manifest).items():
        if not holds:
            raise FormatError(f"{path}: {name!r} has a value that cannot be")


def _key_frame_rules(manifest: dict[str, Any]) -> dict[str, bool]:
    shape, size, positions = manifest["shape"], manifest["key_frame_size"], manifest["positions"]
    fits = len(size) == 2 and _are_sides(size) and size[0] <= shape[2] and size[1] <= shape[3]
    return {
        "key_frame_size": fits,
        "interpolation": manifest["interpolation"] == INTERPOLATION,
        "upsampling": manifest["upsampling"] in get_args(Upsampling),
        "positions": len(positions) == len(manifest["labels"])
        and all(_is_timeline(row, shape[0]) for row in positions),
    }


def _static_dynamic_rules(manifest: dict[str, Any]) -> dict[str, bool]:
    images, memories, pairs = manifest["static_images"], manifest["dynamic_memories"], manifest["pairs"]
    return {
        "static_images": type(images) is int and 0 < images <= _MAX_SLOTS,
        "dynamic_memories": type(memories) is int and 0 < memories <= _MAX_SLOTS,
        "pairs": len(pairs) == len(manifest["labels"])
        and all(
            isinstance(pair, list)
            and len(pair) == 2
            and all(type(slot) is int for slot in pair)
            and 0 <= pair[0] < images
            and 0 <= pair[1] < memories
            for pair in pairs
        ),
    }


_OWN_RULES: dict[str, Callable[[dict[str, Any]], dict[str, bool]]] = {
    "key-frames": _key_frame_rules,
    "static-dynamic": _static_dynamic_rules,
}


def _are_sides(values: list[Any]) -> bool:
    return all(type(side) is int and 0 < side <= 8192 for side in values)


def _is_timeline(row: object, num_frames: int) -> bool:
    """Whether these are positions of key frames: both ends and any others, or the first frame alone."""
    return (
        isinstance(row, list)
        and len(row) >= 1
        and all(type(frame) is int for frame in row)
        and all(left < right for left, right in itertools.pairwise(row))
        and row[0] == 0
        and (row == [0] or row[-1] == num_frames - 1)
    )


def _is_colour(values: list[Any], least: float) -> bool:
    return len(values) == 3 and all(isinstance(value, float) and least <= value <= 1 for value in values)
