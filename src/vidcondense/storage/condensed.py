"""The artefact: a folder with `condensed.json` and the key frames, and the dataset that reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.utils.data import Dataset

from vidcondense.errors import FormatError, LimitError
from vidcondense.files import sha256_of_file, write_file
from vidcondense.interfaces import KeyMask, Labels, Videos
from vidcondense.options import unknown
from vidcondense.storage.accounting import paper_mb
from vidcondense.storage.codecs import CODECS, KEY_FRAMES, Codec, Frames, Owner
from vidcondense.storage.manifest import FORMAT, FORMAT_VERSION, MANIFEST, read_manifest, write_manifest
from vidcondense.synthetic.keyframes import KeyFrameVideos, interpolate, upsample

PAYLOAD = "key_frames.safetensors"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a condensed set comes from: all that its manifest says beside the videos themselves.

    Args:
        method: its name in the table of methods.
        options: of the condensation, as JSON.
        seed: of the condensation.
        classes: their names, by label.
        mean: of the real training clips, a value a channel, in [0, 1].
        std: likewise.
        flip: whether mirroring a clip keeps its label.
        data: how the real clips were read (layout, fold, clip options), as JSON.
        versions: of what made it, as JSON.
    """

    method: str
    options: Mapping[str, Any]
    seed: int
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    flip: bool
    data: Mapping[str, Any]
    versions: Mapping[str, Any]


def save_condensed(folder: Path, videos: KeyFrameVideos, codec: str, origin: Origin) -> None:
    """Write a condensed set into `folder`; the manifest comes last.

    Args:
        folder: exists or is made.
        videos: of which the key frames are stored.
        codec: `float32`, `float16` or `uint8`.
        origin: the rest of the manifest.

    Raises:
        LimitError: the codec cannot hold the values.
        OutputError: the folder cannot be written.
    """
    mask = videos.mask.cpu()
    owner, position = mask.nonzero(as_tuple=True)
    mean, std = _channels(origin.mean), _channels(origin.std)
    stored = videos.frames.detach().cpu()[owner, position] * std + mean
    # Clips from the cache lie in memory as T, H, W, C, which safetensors refuses.
    payload = {name: values.contiguous() for name, values in CODECS[codec].encode(stored, owner).items()}
    if not all(bool(values.isfinite().all()) for values in payload.values()):
        raise LimitError(
            f"--codec {codec} cannot hold key frames as large as {float(stored.abs().max()):.3g}; "
            "use a smaller --lr, or --codec float32"
        )
    path = folder / PAYLOAD
    write_file(path, lambda temporary: temporary.write_bytes(save(payload)))
    write_manifest(
        folder,
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "method": origin.method,
            "options": dict(origin.options),
            "seed": origin.seed,
            "classes": list(origin.classes),
            "labels": videos.labels.tolist(),
            "positions": [row.nonzero().flatten().tolist() for row in mask],
            "shape": [*videos.frames.shape[1:3], *videos.size],
            "key_frame_size": list(videos.frames.shape[3:]),
            "mean": list(origin.mean),
            "std": list(origin.std),
            "flip": origin.flip,
            "codec": codec,
            "data": dict(origin.data),
            "versions": dict(origin.versions),
            "payload": [{"file": PAYLOAD, "bytes": path.stat().st_size, "sha256": sha256_of_file(path)}],
        },
    )


class CondensedDataset(Dataset[tuple[Tensor, int]]):
    """A condensed set as a `torch.utils.data.Dataset`; made by `load_condensed`.

    An item is `(clip, label)`: the clip rendered on demand, `[T, C, H, W]` float32 RGB in [0, 1], unclamped
    (what was learned from noise may lie beyond), or in network units with `normalise=True`.

    Attributes:
        folder: where it was read from.
        manifest: all of `condensed.json`.
        normalise: whether items are in network units.
        key_frames: the stored frames, `[M, C, h, w]` in pixel units.
        mask: key frames of every video, `[N, T]`.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], frames: Frames, *, normalise: bool) -> None:
        self.folder = folder
        self.manifest = manifest
        self.normalise = normalise
        self.key_frames = frames
        self.mask = _mask(manifest)
        self._labels = torch.tensor(manifest["labels"])
        self._frames_of = torch.split(frames, self.mask.sum(dim=1).tolist())

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; a label is an index into them."""
        return tuple(self.manifest["classes"])

    @property
    def labels(self) -> Labels:
        """The label of every video."""
        return self._labels

    @property
    def mean(self) -> Float[Tensor, " c"]:
        """The mean of the real training clips, a value a channel."""
        return torch.tensor(self.manifest["mean"])

    @property
    def std(self) -> Float[Tensor, " c"]:
        """Their standard deviation."""
        return torch.tensor(self.manifest["std"])

    @property
    def flip(self) -> bool:
        """Whether mirroring a clip keeps its label."""
        return bool(self.manifest["flip"])

    @property
    def positions(self) -> list[list[int]]:
        """The key frames of every video, counted from 0."""
        return [list(row) for row in self.manifest["positions"]]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`(T, C, H, W)` of a rendered clip."""
        frames, channels, height, width = self.manifest["shape"]
        return frames, channels, height, width

    @property
    def key_frame_size(self) -> tuple[int, int]:
        """Height and width of the stored key frames; they are upsampled to `shape`."""
        height, width = self.manifest["key_frame_size"]
        return height, width

    @property
    def vpc(self) -> float:
        """Videos per class, on average."""
        return len(self) / len(self.classes)

    @property
    def paper_mb(self) -> float:
        """MiB of the stored frames as raw float32, as the papers count."""
        return paper_mb(*self.key_frames.shape)

    @property
    def bytes(self) -> int:
        """Bytes on disk: payload files and manifest."""
        files = [MANIFEST, *(entry["file"] for entry in self.manifest["payload"])]
        return sum((self.folder / name).stat().st_size for name in files)

    @property
    def provenance(self) -> dict[str, Any]:
        """How the set came to be: method, options, seed, data, versions."""
        return {key: self.manifest[key] for key in ("method", "options", "seed", "data", "versions")}

    def clips(self, indices: Sequence[int] | Tensor) -> Videos:
        """The videos at `indices`, rendered, in pixel units."""
        chosen = torch.as_tensor(indices)
        slots = torch.zeros(len(chosen), *self.shape[:2], *self.key_frame_size)
        for row, video in zip(slots, chosen.tolist(), strict=True):
            row[self.mask[video]] = self._frames_of[video]
        return upsample(interpolate(slots, self.mask[chosen]), self.shape[2:])

    def batch(self, indices: Sequence[int] | Tensor) -> Videos:
        """The videos at `indices`, rendered, in network units."""
        return (self.clips(indices) - _channels(self.manifest["mean"])) / _channels(self.manifest["std"])

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"video {index} of a set of {len(self)}")
        index %= len(self)
        clip = (self.batch if self.normalise else self.clips)([index])[0]
        return clip, int(self._labels[index])


def load_condensed(folder: str | Path, *, normalise: bool = False) -> CondensedDataset:
    """Read and verify a condensed set.

    Args:
        folder: what `condense` wrote.
        normalise: give items in network units (mean and std applied) instead of RGB in [0, 1].

    Raises:
        FormatError: the folder is no condensed set, is incomplete, damaged, or contradicts itself.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    if manifest["codec"] not in CODECS:
        raise FormatError(f"{folder / MANIFEST}: {unknown(manifest['codec'], CODECS, 'codec')}")
    codec = CODECS[manifest["codec"]]
    owner = _mask(manifest).nonzero(as_tuple=True)[0]
    payload = _read_payload(folder, manifest, codec, owner)
    frames = codec.decode(payload, owner)
    if not bool(frames.isfinite().all()):
        raise FormatError(f"{folder / PAYLOAD}: {KEY_FRAMES!r} holds values that are not finite")
    return CondensedDataset(folder, manifest, frames, normalise=normalise)


def _read_payload(folder: Path, manifest: dict[str, Any], codec: Codec, owner: Owner) -> dict[str, Tensor]:
    """The tensors of the payload, once size, hash, names, types and shapes are what they must be."""
    path = folder / PAYLOAD
    entries = manifest["payload"]
    if not (len(entries) == 1 and isinstance(entries[0], dict) and entries[0].get("file") == PAYLOAD):
        raise FormatError(f"{folder / MANIFEST}: 'payload' must name {PAYLOAD} alone")
    shapes = {name: (len(manifest["labels"]),) for name in codec.dtypes}
    shapes[KEY_FRAMES] = (len(owner), manifest["shape"][1], *manifest["key_frame_size"])
    try:
        if path.is_symlink() or path.stat().st_size != entries[0].get("bytes"):
            raise FormatError(f"{path} has not the size that {MANIFEST} states")
        if sha256_of_file(path) != entries[0].get("sha256"):
            raise FormatError(f"{path} is damaged: its sha256 is not the one in {MANIFEST}")
        with safe_open(path, framework="pt") as file:
            if set(file.keys()) != set(codec.dtypes):
                raise FormatError(f"{path} holds {sorted(file.keys())}, not {sorted(codec.dtypes)}")
            for name, shape in shapes.items():
                if tuple(file.get_slice(name).get_shape()) != shape:
                    raise FormatError(f"{path}: {name!r} has not the shape {shape}")
            payload = {name: file.get_tensor(name) for name in codec.dtypes}
    except (OSError, SafetensorError) as error:
        raise FormatError(f"cannot read {path}: {error}") from error
    for name, dtype in codec.dtypes.items():
        if payload[name].dtype != dtype:
            raise FormatError(f"{path}: {name!r} is {payload[name].dtype}, not {dtype}")
    return payload


def _mask(manifest: dict[str, Any]) -> KeyMask:
    mask = torch.zeros(len(manifest["labels"]), manifest["shape"][0], dtype=torch.bool)
    for row, positions in zip(mask, manifest["positions"], strict=True):
        row[positions] = True
    return mask


def _channels(values: Sequence[float]) -> Float[Tensor, "c 1 1"]:
    return torch.tensor(list(values))[:, None, None]
