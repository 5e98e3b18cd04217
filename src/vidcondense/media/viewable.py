"""Videos as pixels to look at; apart from the other pictures, because it needs torch and workers do not."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from vidcondense.interfaces import Videos

Pictures = UInt8[np.ndarray, "n t h w 3"]
"""Videos ready to be looked at: RGB, 0 to 255."""


def viewable(videos: Videos) -> Pictures:
    """Videos in pixel units as pictures; what lies outside [0, 1] (learned from noise) is clamped."""
    pixels = (videos.clamp(0, 1) * 255).round().byte()
    array: np.ndarray = pixels.permute(0, 1, 3, 4, 2).contiguous().numpy()
    return array
