"""The formats: how each is made of a network, and how it is run here, on one thread, to be checked."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from vidcondense.edge.onnx_files import ask_onnx, to_onnx
from vidcondense.edge.quantise import quantised
from vidcondense.edge.student import Student
from vidcondense.edge.tracing import traced
from vidcondense.errors import UsageError
from vidcondense.media.viewable import Pictures

Clip = UInt8[np.ndarray, "t h w 3"]
Ask = Callable[[Clip], Float[np.ndarray, " k"]]
"""One clip to its logits."""

ONNX_PACKAGES = ("onnx", "onnxruntime", "onnxscript")


@dataclass(frozen=True)
class Format:
    """A format to export to.

    Args:
        summary: what it is, in one line.
        file: its name in the exported folder.
        make: its content, of a network, one clip as an example, clips to calibrate with, and the contents of
            the formats that came before.
        open: how to ask a file of it, on one thread.
        packages: what it needs, of the extra `onnx`.
        calibrates: whether it needs clips to calibrate with.
    """

    summary: str
    file: str
    make: Callable[[Student, Clip, Pictures | None, Mapping[str, bytes]], bytes]
    open: Callable[[Path], Ask]
    packages: tuple[str, ...] = ()
    calibrates: bool = False


def _make_program(student: Student, clip: Clip, _: Pictures | None, __: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    torch.export.save(traced(student, clip), content)
    return content.getvalue()


def _ask_program(path: Path) -> Ask:
    program = torch.export.load(path).module()

    @torch.no_grad()
    def ask(clip: Clip) -> Float[np.ndarray, " k"]:
        logits: np.ndarray = program(torch.from_numpy(clip)).numpy()
        return logits

    return ask


def _make_onnx(student: Student, clip: Clip, _: Pictures | None, __: Mapping[str, bytes]) -> bytes:
    return to_onnx(traced(student, clip))


def _make_int8(
    student: Student, clip: Clip, calibration: Pictures | None, made: Mapping[str, bytes]
) -> bytes:
    if calibration is None:
        raise UsageError(
            "onnx-int8 needs clips from which the ranges of values are measured; give a set: --set"
        )
    return quantised(made.get("onnx") or to_onnx(traced(student, clip)), calibration)


FORMATS: Mapping[str, Format] = {
    "torch-export": Format("a program of torch.export, float32", "model.pt2", _make_program, _ask_program),
    "onnx": Format("ONNX, float32", "model.onnx", _make_onnx, ask_onnx, ONNX_PACKAGES),
    "onnx-int8": Format(
        "ONNX, convolutions and linear layers in int8",
        "model.int8.onnx",
        _make_int8,
        ask_onnx,
        ONNX_PACKAGES,
        calibrates=True,
    ),
}
"""Every format by its name."""
