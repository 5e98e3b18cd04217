"""What a condensed set weighs: as the papers count, and on the disk."""

from __future__ import annotations

_MIB = 2**20


def mib_as_float32(num_values: int) -> float:
    """MiB of so many numbers as raw float32."""
    return 4 * num_values / _MIB


def paper_mb(num_frames: int, channels: int, height: int, width: int) -> float:
    """The papers' "MB": MiB of the stored frames as raw float32, whatever the codec."""
    return mib_as_float32(num_frames * channels * height * width)
