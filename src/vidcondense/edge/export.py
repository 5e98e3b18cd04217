"""A trained network → a folder of files that run without this package, and `model.json`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vidcondense.edge.check import Agreement, AllLogits, PixelClips, agreement, latency, logits_of
from vidcondense.edge.formats import FORMATS, Ask, Clip
from vidcondense.edge.onnx_files import INPUT, OUTPUT
from vidcondense.edge.quantise import operators
from vidcondense.edge.student import Student
from vidcondense.errors import OutputError, UsageError
from vidcondense.extras import require_extra
from vidcondense.files import replace_folder, sha256_of_file, write_bytes, write_json
from vidcondense.media.viewable import Pictures
from vidcondense.models.network import VideoNetwork
from vidcondense.models.saved import NetworkDescription
from vidcondense.options import as_json, choose, require
from vidcondense.speed.machine import machine

RECORD = "model.json"
"""What an exported folder says of itself."""


@dataclass(frozen=True, kw_only=True)
class EdgeOptions:
    """How a network is exported."""

    runs: int = 30
    """Runs of one clip whose median is the latency."""

    def __post_init__(self) -> None:
        require(1 <= self.runs <= 10**6, "runs", self.runs, "must be 1 to 1000000")


@dataclass(frozen=True, kw_only=True)
class ExportedModel:
    """One file of an export.

    Attributes:
        to: its format.
        file: its name in the folder.
        bytes: its size.
        latency: median seconds a clip, one thread, on this machine.
        agreement: with the original on test clips; None where none were given.
        int8: the weighty operators that compute on int8, by name; empty of float formats.
        floats: those that still compute on floats in an int8 file.
    """

    to: str
    file: str
    bytes: int
    latency: float
    agreement: Agreement | None
    int8: Mapping[str, int]
    floats: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class ExportedModels:
    """What an export wrote, and the original beside it.

    Attributes:
        folder: where.
        num_parameters: of the network.
        latency: of the original in PyTorch: median seconds a clip, one thread, on this machine.
        models: one a format.
    """

    folder: Path
    num_parameters: int
    latency: float
    models: tuple[ExportedModel, ...]


def export_model(
    network: VideoNetwork,
    description: NetworkDescription,
    out: str | Path,
    to: Sequence[str],
    options: EdgeOptions | None = None,
    *,
    test: PixelClips | None = None,
    calibration: Pictures | None = None,
    overwrite: bool = False,
) -> ExportedModels:
    """Write a network as files that take one clip of pixels, uint8 `[T, H, W, 3]`, and give logits `[K]`.

    Args:
        network: what `load_network` gave, or was just trained; it is taken to the CPU.
        description: its classes, shape and normalisation, which goes into the files.
        out: the folder to make; it is there only when it is complete.
        to: keys of `FORMATS`.
        options: default: as in `EdgeOptions`.
        test: clips on which the files are compared with the original.
        calibration: clips `[N, T, H, W, 3]` from which onnx-int8 knows the ranges of values.
        overwrite: replace an older export at `out`.

    Raises:
        UsageError: no such format; a package, or clips to calibrate with, are missing; or the network cannot
            be expressed in it.
        OutputError: `out` exists, or cannot be written.
    """
    options, out = options or EdgeOptions(), Path(out)
    check_formats(to, calibrated=calibration is not None)
    check_free(out, overwrite=overwrite)
    student = Student(network, description)
    clip: Clip = np.zeros((description.num_frames, description.size, description.size, 3), np.uint8)
    original = _original(student)
    wanted = None if test is None else logits_of(original, test)
    work = out.with_name(f".{out.name}.tmp-{os.getpid()}")
    contents: dict[str, bytes] = {}
    models = []
    try:
        for name in (name for name in FORMATS if name in to):
            contents[name] = FORMATS[name].make(student, clip, calibration, contents)
            write_bytes(work / FORMATS[name].file, contents[name])
            models.append(_checked(name, work, clip, options, test, wanted))
        exported = ExportedModels(
            folder=out,
            num_parameters=student.num_parameters,
            latency=latency(original, clip, options.runs),
            models=tuple(models),
        )
        write_json(work / RECORD, _record(exported, work, description))
        replace_folder(work, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return exported


def check_formats(to: Sequence[str], *, calibrated: bool) -> None:
    """Raise `UsageError` unless all formats are known and can be made here."""
    if not to:
        raise UsageError(f"--to names no format; choose from {', '.join(FORMATS)}")
    for name in to:
        chosen = choose(FORMATS, name, "format")
        for package in chosen.packages:
            require_extra(package, f"--to {name}", extra="onnx")
        if chosen.calibrates and not calibrated:
            raise UsageError(
                f"--to {name} measures ranges of values on the videos of a condensed set; name it: --set"
            )


def check_free(out: Path, *, overwrite: bool) -> None:
    """Raise `OutputError` unless an export may be written at `out`."""
    if not out.exists() and not out.is_symlink():
        return
    if not overwrite:
        raise OutputError(f"{out} exists; use --overwrite to replace it, or another --out")
    if not (out / RECORD).is_file():
        raise OutputError(f"{out} is no exported model, so --overwrite leaves it alone; choose another --out")


def _original(student: Student) -> Ask:
    @torch.no_grad()
    def ask(clip: Clip) -> np.ndarray:
        logits: np.ndarray = student(torch.from_numpy(clip)).numpy()
        return logits

    return ask


def _checked(
    name: str,
    folder: Path,
    clip: Clip,
    options: EdgeOptions,
    test: PixelClips | None,
    wanted: AllLogits | None,
) -> ExportedModel:
    """A file that was written, run."""
    chosen = FORMATS[name]
    path = folder / chosen.file
    ask = chosen.open(path)
    found = None
    if test is not None and wanted is not None:
        found = agreement(wanted, logits_of(ask, test), test.labels.numpy())
    int8, floats = operators(path.read_bytes()) if chosen.calibrates else ({}, {})
    return ExportedModel(
        to=name,
        file=chosen.file,
        bytes=path.stat().st_size,
        latency=latency(ask, clip, options.runs),
        agreement=found,
        int8=int8,
        floats=floats,
    )


def _record(exported: ExportedModels, work: Path, description: NetworkDescription) -> dict[str, Any]:
    """All that whoever runs the files must know, and what was measured."""
    shape = [description.num_frames, description.size, description.size, 3]
    files = [{**as_json(model), "sha256": sha256_of_file(work / model.file)} for model in exported.models]
    return {
        "format": "vidcondense-model",
        "format_version": 1,
        "input": {"name": INPUT, "type": "uint8", "shape": shape, "axes": "T, H, W, RGB"},
        "output": {"name": OUTPUT, "type": "float32", "shape": [len(description.classes)]},
        "network": as_json(description),
        "num_parameters": exported.num_parameters,
        "original_latency": exported.latency,
        "files": files,
        "machine": machine(),
    }
