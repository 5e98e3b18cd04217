"""Videos made by known construction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bad_videos import busy, encode, numbered
from vidcondense.media.encode import encode_lossless


@pytest.fixture
def numbers(tmp_path: Path) -> Callable[..., Path]:
    """Writes a lossless video whose frames say their own number; returns its path."""

    def write(count: int, name: str = "clip.mkv") -> Path:
        path = tmp_path / name
        path.write_bytes(encode_lossless(numbered(count), container=name.rpartition(".")[2]))
        return path

    return write


@pytest.fixture(name="busy")
def busy_fixture() -> np.ndarray:
    return busy()


@pytest.fixture(name="encode")
def encode_fixture() -> Callable[..., bytes]:
    return encode


@pytest.fixture(name="numbered")
def numbered_fixture() -> Callable[..., np.ndarray]:
    return numbered
