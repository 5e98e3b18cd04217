"""A set that another program condensed, from the tensors it stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from vidcondense import __version__
from vidcondense.errors import UsageError
from vidcondense.files import sha256_of_file
from vidcondense.options import as_json, choose, require
from vidcondense.storage.codecs import CODECS, Coding
from vidcondense.storage.condensed import CondensedDataset, Origin
from vidcondense.storage.derived import write_derived
from vidcondense.storage.key_frames import StoredKeyFrames
from vidcondense.storage.labels import TEACHER
from vidcondense.storage.published import MAX_SIDE, as_labels, as_videos, images_and_labels
from vidcondense.storage.stored import channels
from vidcondense.storage.tensor_files import MAX_BYTES, check_tensor, read_tensors

Units = Literal["normalised", "pixels"]
Colour = tuple[float, float, float]

_LEAST_STD = 1 / 255


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What a file of tensors does not say of itself."""

    units: Units = "normalised"
    """Of the values: normalised (mean subtracted, divided by the deviation), or pixels (0 to 1, or 0 to 255
    where they are bytes)."""

    mean: Colour | None = None
    """Mean of the real training videos, red green blue, in 0 to 1: needed where values are normalised; of
    pixels, by default their own."""

    std: Colour | None = None
    """Standard deviation of the real training videos, likewise."""

    labels: Path | None = None
    """File with the labels (numbers, or a row of probabilities each); by default those in the file itself, or
    else as many videos of each class, in their order."""

    num_frames: int | None = None
    """Frames of a video, where the file holds still images."""

    experiment: int = 0
    """Which experiment of a file that holds several, from 0."""

    flip: bool = False
    """Mirroring a video keeps its class."""

    max_gb: float = MAX_BYTES / 1e9
    """Most gigabytes that a file may hold."""

    def __post_init__(self) -> None:
        require(self.units in ("normalised", "pixels"), "units", self.units, "must be normalised or pixels")
        for name in ("mean", "std"):
            for value in getattr(self, name) or ():
                require(0 <= value <= 1, name, value, "must be from 0 to 1")
        for value in self.std or ():
            require(value > 0, "std", value, "must be above 0")
        if (self.mean is None) != (self.std is None):
            raise UsageError("--mean and --std belong together; give both")
        if self.units == "normalised" and self.mean is None:
            raise UsageError(
                "normalised values need the --mean and --std they were made by, or --units pixels"
            )
        if self.num_frames is not None:
            require(
                1 <= self.num_frames <= MAX_SIDE, "num_frames", self.num_frames, f"must be 1 to {MAX_SIDE}"
            )
        require(self.experiment >= 0, "experiment", self.experiment, "must be at least 0")
        require(0 < self.max_gb <= 1000, "max_gb", self.max_gb, "must be above 0, up to 1000")


def import_tensors(
    file: str | Path,
    out: str | Path,
    classes: Sequence[str],
    options: ImportOptions,
    *,
    codec: str = "float32",
    overwrite: bool = False,
) -> CondensedDataset:
    """Store videos or still images that another program condensed as a set of ours.

    Every frame of a video becomes a key frame; an image becomes a still, one key frame shown all the time.

    Args:
        file: .pt, .pth, .safetensors or .npy with `[N, T, 3, H, W]`, or images `[N, 3, H, W]`. No code in it
            is run.
        out: the folder to make.
        classes: their names, by label.
        options: what the file does not say.
        codec: a key of `CODECS`.
        overwrite: replace an older set at `out`.

    Returns:
        The set, as read back from the disk.

    Raises:
        UsageError: classes or options do not fit what the file holds.
        FormatError: a file is damaged, or holds something else than such tensors.
        LimitError: a file is too large.
        OutputError: `out` exists, or cannot be written.
    """
    file, max_bytes = Path(file), int(options.max_gb * 1e9)
    choose(CODECS, codec, "codec")
    if not classes or len(set(classes)) < len(classes):
        raise UsageError("--classes must name every class once, in the order of the labels")
    images, found = images_and_labels(file, read_tensors(file, max_bytes), options.experiment)
    images = check_tensor(file, "images", images, max_bytes)
    where = options.labels or file
    if options.labels is not None:
        found = read_tensors(options.labels, max_bytes)
    rows = None if found is None else check_tensor(where, "labels", found, max_bytes)
    videos = as_videos(file, images)
    labels, soft_labels = as_labels(where, rows, len(videos), len(classes))
    stored = _stored(_in_pixels(file, videos, options), images.ndim == 4, options.num_frames)
    mean, std = _colours(stored.frames, options)
    origin = Origin(
        method="imported",
        options={},
        seed=0,
        classes=tuple(classes),
        mean=mean,
        std=std,
        flip=options.flip,
        data={},
        versions={"vidcondense": __version__, "torch": torch.__version__},
        labelling={} if soft_labels is None else _labelling(where),
    )
    return write_derived(
        Path(out),
        stored,
        labels,
        origin,
        _derived(file, options),
        codec,
        Coding(),
        soft_labels=soft_labels,
        overwrite=overwrite,
    )


def _in_pixels(file: Path, videos: Tensor, options: ImportOptions) -> Tensor:
    if videos.dtype == torch.uint8:
        if options.units != "pixels":
            raise UsageError(f"{file} holds bytes, which are pixels: say --units pixels")
        return videos.float() / 255
    if options.units == "pixels":
        return videos.float()
    assert options.mean is not None and options.std is not None, "checked by the options"
    return videos.float() * channels(options.std) + channels(options.mean)


def _stored(pixels: Tensor, still: bool, num_frames: int | None) -> StoredKeyFrames:
    """Every frame a key frame; of still images the first, shown for `num_frames`."""
    if still and num_frames is None:
        raise UsageError("the file holds still images: say how long to show each, --num-frames 16")
    if not still and num_frames not in (None, pixels.shape[1]):
        raise UsageError(f"--num-frames {num_frames}: the file holds videos of {pixels.shape[1]} frames")
    mask = torch.zeros(len(pixels), num_frames or pixels.shape[1], dtype=torch.bool)
    mask[:, : pixels.shape[1]] = True
    height, width = pixels.shape[3:]
    return StoredKeyFrames(pixels.flatten(0, 1), mask, (height, width))


def _colours(frames: Tensor, options: ImportOptions) -> tuple[Colour, Colour]:
    """Mean and deviation as given, or those of the frames as far as they can be shown."""
    if options.mean is not None and options.std is not None:
        return options.mean, options.std
    shown = frames.clamp(0, 1).double()
    mean, std = shown.mean(dim=(0, 2, 3)), shown.std(dim=(0, 2, 3), correction=0).clamp_min(_LEAST_STD)
    return _colour(mean), _colour(std)


def _colour(values: Tensor) -> Colour:
    red, green, blue = values.tolist()
    return red, green, blue


def _labelling(file: Path) -> dict[str, Any]:
    """Soft labels of a file, as if of a teacher that looked at the videos as they are."""
    return {"kind": TEACHER, "views": 0, "seed": 0, "imported_sha256": sha256_of_file(file)}


def _derived(file: Path, options: ImportOptions) -> dict[str, Any]:
    """Where the set comes from; names of files, no paths."""
    said = {**as_json(options), "labels": None if options.labels is None else _named(options.labels)}
    return {"by": "import", "from": [_named(file)], **said}


def _named(file: Path) -> dict[str, str]:
    return {"file": file.name, "sha256": sha256_of_file(file)}
