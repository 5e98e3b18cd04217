"""Marks of tests: the fault of the list one is about, of which a page is made, and its processor."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

import pytest
import torch

BFLOAT16 = pytest.mark.skipif(
    not torch.cpu._is_avx512_bf16_supported(),
    reason="this processor has no instructions for bfloat16, and without them this takes minutes",
)


def fault(number: str, name: str, outcome: str) -> pytest.MarkDecorator:
    """The mark of a test of one fault.

    Args:
        number: in the list, with a letter where a fault has several forms: `13`, `13b`.
        name: what is wrong.
        outcome: what must happen.
    """
    return pytest.mark.fault(number, name, outcome)


def case(number: str, name: str, outcome: str, *values: object) -> object:
    """The parameters of one run of a test that is about many faults."""
    return pytest.param(*values, id=f"{number} {name}", marks=fault(number, name, outcome))


def installed(codecs: Iterable[str]) -> list[str]:
    """The codecs that can be used here: that of JPEG XL needs a package of its own."""
    return [name for name in codecs if name != "jxl" or importlib.util.find_spec("imagecodecs")]
