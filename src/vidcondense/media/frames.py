"""From a decoded frame to `[size, size, 3]` uint8 RGB, by one fixed rule, so that any decoder gives the same.

Colour: limited or full range and BT.601 or BT.709 as the file says, BT.601 where it says nothing. Rotation:
as the file says. Size: the short side becomes `size`, the centre is cut out (bilinear, with antialiasing, by
Pillow, in one step from the exact box). Interlaced frames stay as they are; transparency is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8
from PIL import Image

RULE = "rgb24, rotated, short side, centre, pillow bilinear 1"
"""Name of the rule above; part of every cache key, so change it whenever the pixels change."""


def rgb_converter() -> Callable[[VideoFrame], UInt8[np.ndarray, "h w 3"]]:
    """A function from a frame to the same upright as RGB, 0 to 255; for the frames of one file, in order.

    It keeps its tables from one frame to the next and starts no threads: making both anew for each frame
    costs a hundred times the conversion of a small one.
    """
    reformatter = VideoReformatter()

    def to_rgb(frame: VideoFrame) -> UInt8[np.ndarray, "h w 3"]:
        array: np.ndarray = reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
        quarter_turns = round(frame.rotation / 90) % 4
        return np.rot90(array, quarter_turns)

    return to_rgb


def crop_and_resize(frame: UInt8[np.ndarray, "h w 3"], size: int) -> UInt8[np.ndarray, "size size 3"]:
    """Scale the short side to `size` pixels and keep the centre square."""
    height, width = frame.shape[:2]
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    image = Image.fromarray(np.ascontiguousarray(frame))
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box=box))


def frames_of(clips: Sequence[Sequence[int]]) -> list[int]:
    """The frames that clips are made of, each once, in order."""
    return sorted({index for clip in clips for index in clip})


def stack_clips(
    frames: Mapping[int, UInt8[np.ndarray, "size size 3"]], clips: Sequence[Sequence[int]]
) -> UInt8[np.ndarray, "k t size size 3"]:
    """Clips from the frames by their indices."""
    return np.stack([np.stack([frames[index] for index in clip]) for clip in clips])
