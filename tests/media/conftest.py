"""Videos made by known construction."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from vidcondense.media.encode import encode_lossless

STEP = 5
"""Frame i of a numbered video is uniformly grey with value `STEP * i`."""


def numbered(count: int, height: int = 16, width: int = 24) -> np.ndarray:
    assert STEP * count <= 256
    values = (STEP * np.arange(count)).astype(np.uint8)
    return np.broadcast_to(values[:, None, None, None], (count, height, width, 3)).copy()


def encode(frames: np.ndarray, container: str, codec: str, pixels: str, **options: str) -> bytes:
    """An encoder of the tests' own, with every knob of the codec."""
    flags = {"movflags": options.pop("movflags")} if "movflags" in options else {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video"
        _encode(path, frames, container, codec, pixels, flags, options)
        return path.read_bytes()


def _encode(
    path: Path,
    frames: np.ndarray,
    container: str,
    codec: str,
    pixels: str,
    flags: dict[str, str],
    options: dict[str, str],
) -> None:
    with av.open(str(path), "w", format=container, container_options=flags) as output:
        stream = output.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixels
        for frame in frames:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode())


@pytest.fixture
def numbers(tmp_path: Path) -> Callable[..., Path]:
    """Writes a lossless video whose frames say their own number; returns its path."""

    def write(count: int, name: str = "clip.mkv") -> Path:
        path = tmp_path / name
        path.write_bytes(encode_lossless(numbered(count), container=name.rpartition(".")[2]))
        return path

    return write


@pytest.fixture
def busy() -> np.ndarray:
    """100 frames with much change, so that damage to the file shows."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (100, 48, 64, 3), dtype=np.uint8)
    frames[:, 8:] = np.arange(0, 200, 2, dtype=np.uint8)[:, None, None, None]
    return frames


@pytest.fixture(name="encode")
def encode_fixture() -> Callable[..., bytes]:
    return encode


@pytest.fixture(name="numbered")
def numbered_fixture() -> Callable[..., np.ndarray]:
    return numbered
