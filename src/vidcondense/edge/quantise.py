"""int8 by ONNX Runtime's static quantisation: weights by channel, values by ranges measured on clips."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vidcondense.edge.onnx_files import INPUT
from vidcondense.edge.tracing import quietly
from vidcondense.errors import UsageError
from vidcondense.extras import import_extra
from vidcondense.media.viewable import Pictures

QUANTISED = ("Conv", "Gemm", "MatMul")
WEIGHTY = (*QUANTISED, "ConvTranspose", "GRU", "LSTM", "RNN", "Einsum")
"""Operators that hold weights, or multiply matrices."""

_MOST_CLIPS = 64  # all values between layers are kept for each until the ranges are known


def even_choice(count: int) -> list[int]:
    """Which of `count` clips to calibrate with: of more than 64 so many, evenly spaced."""
    chosen: list[int] = np.linspace(0, count - 1, min(count, _MOST_CLIPS)).round().astype(int).tolist()
    return chosen


def quantised(model: bytes, calibration: Pictures) -> bytes:
    """A float32 ONNX file with its convolutions and linear layers in int8.

    Args:
        model: what `to_onnx` made.
        calibration: clips that show which values to expect between layers; of more than 64, an even choice.

    Raises:
        UsageError: it has no operator that can be quantised.
    """
    quantisation = import_extra("onnxruntime.quantization")
    preparation = import_extra("onnxruntime.quantization.shape_inference")
    with tempfile.TemporaryDirectory() as folder, quietly():
        given, prepared, made = (Path(folder) / name for name in ("given.onnx", "prepared.onnx", "made.onnx"))
        given.write_bytes(model)
        preparation.quant_pre_process(str(given), str(prepared), skip_symbolic_shape=True)
        quantisation.quantize_static(
            str(prepared),
            str(made),
            _Clips(calibration[even_choice(len(calibration))]),
            quant_format=quantisation.QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTISED),
            per_channel=True,
            reduce_range=True,  # weights of 7 bits: without VNNI, sums of two products saturate at 16 bits
        )
        content = made.read_bytes()
    if not any(operators(content)[0].values()):
        raise UsageError(
            f"onnx-int8: this network has no {', '.join(QUANTISED)}, which is what can be quantised; "
            "use --to onnx"
        )
    return content


def operators(model: bytes) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """How many of the weighty operators of an ONNX file compute on int8, and how many on floats, by name."""
    graph = import_extra("onnx").load_model_from_string(model).graph
    from_int8 = {name for node in graph.node if node.op_type == "DequantizeLinear" for name in node.output}
    small, floats = Counter[str](), Counter[str]()
    for node in graph.node:
        if node.op_type in WEIGHTY:
            (small if from_int8.issuperset(node.input[:2]) else floats)[node.op_type] += 1
    return dict(small), dict(floats)


class _Clips:
    """Clips as ONNX Runtime's `CalibrationDataReader` gives them: one a call, then None."""

    def __init__(self, clips: Pictures) -> None:
        self._left = iter(clips)

    def get_next(self) -> dict[str, np.ndarray] | None:
        clip = next(self._left, None)
        return None if clip is None else {INPUT: clip}
