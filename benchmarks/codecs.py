"""What codecs make of frames: bytes and PSNR, no accuracy.

Random real clips of the toy set (ten classes, two clips of 8 frames each, 160 frames) and Gaussian noise,
which is what learned frames start from (two key frames a video, 40 frames), stored at several sizes by every
codec. Bytes are those of the payload file, by frame; PSNR is that of the stored frames, for a peak of 1.

Entropy coding of the same levels by zstd (level 22, no header) stands in the last row where Python has it
(3.14) or `backports.zstd` is installed.

    python benchmarks/codecs.py  # a few minutes
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from cells import RUNS, cell, publish

from vidcondense.condensation import condense
from vidcondense.settings import CondenseOptions
from vidcondense.storage.codecs import Coding
from vidcondense.storage.condensed import CondensedDataset, load_condensed, save_stored
from vidcondense.storage.key_frames import StoredKeyFrames
from vidcondense.storage.recode import recode
from vidcondense.synthetic.keyframes import spread_mask
from vidcondense.synthetic.levels import ranges_of
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions
from vidcondense.video.toy import ToyOptions, make_toy

NAME = "codecs"
SIZE = 64
SIZES = (64, 32, 16, 8)
EXACT = ("uint8", "lzma", "png", "webp-lossless")
LOSSY = ("jpeg", "webp", "avif", "h264", "av1")
QUALITIES = (20, 40, 60, 80)


def codings() -> list[tuple[str, Coding]]:
    return [
        *((codec, Coding(bits=bits)) for bits in (8, 6, 4) for codec in EXACT),
        *((codec, Coding(quality=quality)) for codec in LOSSY for quality in QUALITIES),
    ]


def measure(made: CondensedDataset, codec: str, coding: Coding) -> dict[str, Any]:
    """Store a set again; bytes of its payload a frame, and PSNR of its frames."""
    with tempfile.TemporaryDirectory() as folder:
        again = recode(made, Path(folder) / "set", codec, coding)
        size = sum(entry["bytes"] for entry in again.manifest["payload"])
        error = float((again.key_frames - made.key_frames).double().square().mean())
    # What is left where nothing was lost is the rounding of float32.
    psnr = None if error < 1e-12 else -10 * float(torch.log10(torch.tensor(error)))
    return {"bytes_a_frame": size / len(made.key_frames), "psnr": psnr}


def by_zstd(made: CondensedDataset, plain: dict[str, Any]) -> dict[str, Any] | None:
    """Bytes a frame with the 256 levels of a set compressed by zstd, all else as in uint8."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError:
        return None
    frames = made.key_frames
    owner = made.mask.nonzero(as_tuple=True)[0]
    levels = ranges_of(frames, owner, 255).to_levels(frames).round().byte()
    parameter = zstd.CompressionParameter
    options = {parameter.compression_level: 22, parameter.checksum_flag: 0, parameter.content_size_flag: 0}
    size = len(zstd.compress(levels.numpy().tobytes(), options=options))
    return {**plain, "bytes_a_frame": plain["bytes_a_frame"] + (size - levels.numel()) / len(frames)}


def noise_like(made: CondensedDataset, folder: Path) -> CondensedDataset:
    """The set with two key frames of noise a video, in the mean and deviation of the real clips."""
    mask = spread_mask(len(made), made.shape[0], 2)
    noise = torch.randn(
        int(mask.sum()), *made.key_frames.shape[1:], generator=torch.Generator().manual_seed(0)
    )
    frames = noise * made.std[:, None, None] + made.mean[:, None, None]
    stored = StoredKeyFrames(frames, mask, made.shape[2:])
    save_stored(folder, stored, made.labels, "float32", made.origin)
    return load_condensed(folder)


def main() -> None:
    videos = RUNS / NAME / "videos"
    if not videos.exists():
        make_toy(videos, ToyOptions(train_per_class=4, test_per_class=1, num_frames=8, size=SIZE))
    clips = load_data(videos, DataOptions(), ClipOptions(num_frames=8, stride=1, size=SIZE)).train
    rows: dict[str, Any] = {}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            options = CondenseOptions(method="random", vpc=2, key_frame_size=size, codec="float32")
            real = condense(clips, Path(folder) / "real", options)
            sets = {"real": real, "noise": noise_like(real, Path(folder) / "noise")}
            for name, made in sets.items():
                for codec, coding in codings():
                    detail = coding.quality if codec in LOSSY else f"{coding.bits} bits"
                    key = f"{name} {size} {codec} {detail}"
                    rows[key] = cell(
                        NAME, key, lambda made=made, codec=codec, coding=coding: measure(made, codec, coding)
                    )
                key = f"{name} {size} zstd 8 bits"
                found = by_zstd(made, rows[f"{name} {size} uint8 8 bits"])
                if found is not None:
                    rows[key] = found
        publish(NAME, {"settings": __doc__, "rows": rows})


if __name__ == "__main__":
    main()
