"""Random clips in the shape of a dataset: time and memory do not ask what is seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vidcondense.files import make_folder, write_bytes
from vidcondense.speed.sample import raw_clips
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.sampling import ClipOptions

_DISTINCT = 64  # clips in the file; the dataset's clips are these, many times over

MINI_UCF = ClipOptions(num_frames=16, size=112)
MINI_UCF_CLASSES = 50
MINI_UCF_PER_CLASS = 93
"""The shape of miniUCF: 50 classes of UCF101, about 93 training clips each."""


def random_clips(folder: Path, *, num_classes: int, per_class: int, clip: ClipOptions) -> ClipDataset:
    """A dataset of random uint8 clips, its raw file in `folder`; any number of them is one small file.

    Every iteration still fetches, converts and sends as many clips through networks as it would of others.
    What differs: the file stays in memory, so that no disk is read.
    """
    path = folder / f"random {clip.num_frames}x{clip.size}.u8"
    if not path.exists():
        make_folder(folder)
        shape = (_DISTINCT, clip.num_frames, clip.size, clip.size, 3)
        pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        write_bytes(path, pixels.tobytes())
    labels = [label for label in range(num_classes) for _ in range(per_class)]
    rows = [index % _DISTINCT for index in range(len(labels) - 1)] + [_DISTINCT - 1]
    return raw_clips(path, rows, labels, [f"class {label}" for label in range(num_classes)], clip)
