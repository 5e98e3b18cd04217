"""Trained networks on disk: a folder with safetensors weights and a JSON file that says what they are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from vidcondense.compute import Compute
from vidcondense.errors import FormatError, OutputError, UsageError
from vidcondense.files import (
    check_writable,
    read_json,
    replace_folder,
    sha256_of_file,
    write_bytes,
    write_json,
)
from vidcondense.models import VideoNetwork, build_network, initialise
from vidcondense.models.custom import is_custom
from vidcondense.options import as_json, changed_fields
from vidcondense.safe_tensors import Header, described, read_tensors

DESCRIPTION = "network.json"
WEIGHTS = "weights.safetensors"
FORMAT = "vidcondense-network"
FORMAT_VERSION = 1

_MAX_DESCRIPTION, _MAX_WEIGHTS = 64 * 2**20, 2**36  # bytes
_MAX_CLASSES = 2**16


@dataclass(frozen=True, kw_only=True)
class NetworkDescription:
    """What a person, or another program, must know to use the weights.

    Args:
        model: a key of `MODELS`, or `package.module:factory`.
        classes: their names, by logit.
        num_frames: T of the clips it was trained on.
        size: their height and width in pixels.
        mean: subtracted from RGB in [0, 1], a value a channel.
        std: what that is divided by.
        origin: what it was trained on and how, as JSON.
    """

    model: str
    classes: tuple[str, ...]
    num_frames: int
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    origin: Mapping[str, Any]


def check_free(folder: Path, *, overwrite: bool) -> None:
    """Raise `OutputError` unless a network may be saved at `folder`."""
    check_writable(folder.parent)
    if not folder.exists():
        return
    if not overwrite:
        raise OutputError(f"{folder} exists; use --overwrite to replace it, or another --out")
    if not (folder / DESCRIPTION).is_file():
        raise OutputError(
            f"{folder} is no saved network, so --overwrite leaves it alone; choose another --out"
        )


def save_network(
    folder: str | Path, network: nn.Module, description: NetworkDescription, *, overwrite: bool = False
) -> None:
    """Write a network to `folder`, which then holds `weights.safetensors` and `network.json`.

    Raises:
        OutputError: `folder` exists, or cannot be written; nothing of the new network is then there.
    """
    folder = Path(folder)
    check_free(folder, overwrite=overwrite)
    work = folder.with_name(f".{folder.name}.tmp-{os.getpid()}")
    try:
        weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
        write_bytes(work / WEIGHTS, save(weights))
        header = {"format": FORMAT, "format_version": FORMAT_VERSION}
        write_json(
            work / DESCRIPTION,
            {**header, **as_json(description), "weights": WEIGHTS, "sha256": sha256_of_file(work / WEIGHTS)},
        )
        replace_folder(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def load_network(
    folder: str | Path, compute: Compute, *, trust_code: bool = False
) -> tuple[VideoNetwork, NetworkDescription]:
    """Read what `save_network` wrote: the network, in evaluation mode on the device of `compute`.

    Args:
        folder: what `save_network` wrote.
        compute: where it will run.
        trust_code: import and call the `package.module:factory` that the folder names, if it names one.

    Raises:
        FormatError: the folder holds no network of ours, or a damaged one.
        UsageError: it names a factory, and `trust_code` is not given; or its package is not installed.
    """
    folder = Path(folder)
    if not (folder / DESCRIPTION).exists():
        raise FormatError(f"{folder} holds no network: no {DESCRIPTION}; `vidcondense train` makes one")
    written, description = _read_description(folder / DESCRIPTION)
    if is_custom(description.model) and not trust_code:
        raise UsageError(
            f"{folder / DESCRIPTION} names {description.model}, code that loading it would import and run; "
            "pass trust_code=True if you trust it"
        )
    path = folder / WEIGHTS
    content = read_tensors(path, _MAX_WEIGHTS, lambda header: _check_fits(path, header, description))
    if content.sha256 != written.get("sha256"):
        raise FormatError(f"{path} is damaged: its sha256 is not the one in {DESCRIPTION}")
    if not all(bool(values.isfinite().all()) for values in content.tensors.values()):
        raise FormatError(f"{path} holds values that are not finite")
    network = build_network(*_made(description), seed=0, compute=compute)
    network.load_state_dict(content.tensors)
    return network.eval(), description


def _check_fits(path: Path, header: Header, description: NetworkDescription) -> None:
    """Compare names, types and shapes with those of the network before any of it takes memory."""
    if is_custom(description.model):  # trusted, and perhaps not to be built without memory
        network = initialise(*_made(description))
    else:
        with FakeTensorMode(allow_non_fake_inputs=True), torch.random.fork_rng([]):
            network = initialise(*_made(description))
    wanted = {name: described(values) for name, values in network.state_dict().items()}
    if differences := changed_fields(wanted, header.tensors):
        raise FormatError(f"{path} does not fit {description.model}: {differences[0]}")


def _made(description: NetworkDescription) -> tuple[str, int, int, int]:
    """What a network is made from: its name, and the numbers of classes, frames and pixels."""
    return description.model, len(description.classes), description.num_frames, description.size


def _read_description(path: Path) -> tuple[dict[str, Any], NetworkDescription]:
    written = read_json(path, _MAX_DESCRIPTION, dict)
    if written.get("format") != FORMAT:
        raise FormatError(f"{path} describes no network of vidcondense")
    if written.get("format_version") != FORMAT_VERSION:
        raise FormatError(
            f"{path} has format version {written.get('format_version')!r}, this vidcondense reads "
            f"{FORMAT_VERSION}: upgrade vidcondense, or train again"
        )
    rules: dict[str, bool] = {
        "model": isinstance(written.get("model"), str),
        "classes": _is_list_of(written.get("classes"), str) and len(written["classes"]) <= _MAX_CLASSES,
        "num_frames": _is_side(written.get("num_frames")),
        "size": _is_side(written.get("size")),
        "mean": _is_list_of(written.get("mean"), float) and len(written["mean"]) == 3,
        "std": _is_list_of(written.get("std"), float)
        and len(written["std"]) == 3
        and min(written["std"]) > 0,
        "origin": isinstance(written.get("origin"), dict),
    }
    for name, holds in rules.items():
        if not holds:
            raise FormatError(f"{path}: {name!r} is missing or has a value that cannot be")
    values = {field.name: written[field.name] for field in fields(NetworkDescription)}
    tuples = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return written, NetworkDescription(**{**values, **tuples})


def _is_side(value: object) -> bool:
    return type(value) is int and 1 <= value <= 1024


def _is_list_of(value: object, kind: type) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, kind) for item in value)
