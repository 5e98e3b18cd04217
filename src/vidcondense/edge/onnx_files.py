"""ONNX: made by torch's exporter, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch.export import ExportedProgram

from vidcondense.edge.tracing import quietly
from vidcondense.errors import UsageError
from vidcondense.extras import import_extra

INPUT, OUTPUT = "pixels", "logits"


def to_onnx(program: ExportedProgram) -> bytes:
    """A traced network as one ONNX file, weights inside; input `pixels`, output `logits`.

    Raises:
        UsageError: an operator of it has no counterpart in ONNX.
    """
    try:
        with quietly():
            made = torch.onnx.export(
                program, dynamo=True, verbose=False, input_names=[INPUT], output_names=[OUTPUT]
            )
            assert made is not None
            content: bytes = made.model_proto.SerializeToString()
    except Exception as error:  # its errors have no common class
        first = str(error).strip().partition("\n")[0]
        raise UsageError(
            f"torch.onnx cannot express this network ({type(error).__name__}: {first}); use --to torch-export"
        ) from error
    return content


def ask_onnx(path: Path) -> Callable[[UInt8[np.ndarray, "t h w 3"]], Float[np.ndarray, " k"]]:
    """How to ask an ONNX file for the logits of one clip, on one thread of the CPU."""
    runtime = import_extra("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def ask(clip: UInt8[np.ndarray, "t h w 3"]) -> Float[np.ndarray, " k"]:
        logits: np.ndarray = session.run([OUTPUT], {INPUT: clip})[0]
        return logits

    return ask
