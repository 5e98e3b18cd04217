"""Every video of a set as bytes: exact, or for looking at."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8

from vidcondense.exports.names import folder_names
from vidcondense.exports.options import ExportOptions
from vidcondense.files import canonical_json
from vidcondense.media.coded import encode_picture
from vidcondense.media.encode import encode_h264, encode_lossless
from vidcondense.media.images import save_animation
from vidcondense.media.viewable import viewable
from vidcondense.storage.condensed import CondensedDataset

Files = Iterator[tuple[str, bytes]]
"""Paths below the exported folder, parts joined by `/`, and contents."""

Picture8 = UInt8[np.ndarray, "t h w 3"]
"""One video: RGB, 0 to 255."""

Encode = Callable[[Picture8, float], bytes]

_CHUNK = 16  # videos rendered at a time


def pictures(made: CondensedDataset, index: int) -> Picture8:
    """Video `index`, rendered; values are clamped to 0 to 1 and rounded to 256 levels."""
    found: Picture8 = viewable(made.clips([index]))[0]
    return found


def clamped_share(made: CondensedDataset) -> float:
    """The share of all rendered values that are outside 0 to 1: what a picture cannot show."""
    parts = torch.split(torch.arange(len(made)), _CHUNK)
    outside = sum(int(((clips < 0) | (clips > 1)).sum()) for clips in map(made.clips, parts))
    frames, channels, height, width = made.shape
    return outside / (len(made) * frames * channels * height * width)


def stem(index: int) -> str:
    """The name of video `index`, without an ending."""
    return f"{index:06d}"


def as_npy(made: CondensedDataset, index: int) -> bytes:
    """Video `index` as a .npy file: float32 `[T, C, H, W]` in pixel units, not clamped."""
    file = io.BytesIO()
    np.save(file, made.clips([index])[0].numpy(), allow_pickle=False)
    return file.getvalue()


def _webp(frames: Picture8, fps: float) -> bytes:
    return save_animation(frames, fps=fps, image_format="webp")


def _gif(frames: Picture8, fps: float) -> bytes:
    return save_animation(frames, fps=fps, image_format="gif")


@dataclass(frozen=True)
class Encoding:
    """A way to write a video as one file.

    Args:
        ending: of the file.
        encode: frames and frames per second to bytes.
    """

    ending: str
    encode: Encode


ENCODINGS: Mapping[str, Encoding] = {
    "mp4": Encoding("mp4", lambda frames, fps: encode_lossless(frames, fps=fps, container="mp4")),
    "preview": Encoding("mp4", lambda frames, fps: encode_h264(frames, fps=fps)),
    "gif": Encoding("gif", _gif),
    "webp": Encoding("webp", _webp),
}


def in_class_folders(encoding: str) -> Callable[[CondensedDataset, ExportOptions], Files]:
    """How to write a set as a folder per class with a file per video, as the layout `folder` reads them."""
    chosen = ENCODINGS[encoding]

    def files(made: CondensedDataset, options: ExportOptions) -> Files:
        yield _dataset_json(made)
        folders = folder_names(made.classes)
        for index, label in enumerate(made.labels.tolist()):
            content = chosen.encode(pictures(made, index), options.fps)
            yield f"{folders[label]}/{stem(index)}.{chosen.ending}", content

    return files


def as_frame_folders(made: CondensedDataset, options: ExportOptions) -> Files:
    """A folder per class, a folder per video, a PNG per frame, as the layout `frames` reads them."""
    yield _dataset_json(made)
    folders = folder_names(made.classes)
    for index, label in enumerate(made.labels.tolist()):
        for number, picture in enumerate(pictures(made, index)):
            path = f"{folders[label]}/{stem(index)}/frame{number:06d}.png"
            yield path, encode_picture(picture, "png", quality=100)


def _dataset_json(made: CondensedDataset) -> tuple[str, bytes]:
    """What our own reader is told of the dataset."""
    return "dataset.json", (canonical_json({"flip": made.flip}) + "\n").encode()
