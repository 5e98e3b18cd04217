"""From a module to a graph of operators, by torch.export."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import UInt8
from torch.export import ExportedProgram

from vidcondense.edge.student import Student
from vidcondense.errors import UsageError


def traced(student: Student, clip: UInt8[np.ndarray, "t h w 3"]) -> ExportedProgram:
    """The graph of a network for clips of the shape of `clip`.

    Raises:
        UsageError: torch.export cannot follow its code, such as a branch on values.
    """
    try:
        with quietly():
            return torch.export.export(student, (torch.from_numpy(clip),))
    except Exception as error:  # its errors have no common class
        first = str(error).strip().partition("\n")[0]
        raise UsageError(
            f"torch.export cannot follow this network ({type(error).__name__}: {first}); "
            "its forward must not branch on the values of its input"
        ) from error


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without the remarks of exporters on their own insides (missing torchvision, deprecated calls)."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
