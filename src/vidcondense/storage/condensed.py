"""The artefact: a folder with `condensed.json` and a payload, and the dataset that reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor
from torch.utils.data import Dataset

from vidcondense.errors import FormatError, LimitError, UsageError
from vidcondense.files import check_regular, replace_folder, sha256_of_file, size_text, write_bytes
from vidcondense.interfaces import ClipSource, KeyMask, Labels, Representation, Videos
from vidcondense.media.viewable import viewable
from vidcondense.options import unknown
from vidcondense.storage.accounting import mib_as_float32
from vidcondense.storage.budget import Encode, Encoded, write_encoded
from vidcondense.storage.codecs import CODECS, Coding, check_coding, check_packed
from vidcondense.storage.key_frames import PAYLOAD as PAYLOAD
from vidcondense.storage.key_frames import StoredKeyFrames
from vidcondense.storage.kinds import KINDS, store
from vidcondense.storage.labels import (
    HARD,
    LEARNED,
    SOFT_LABELS,
    SoftLabelled,
    SoftLabels,
    are_labels,
    labelled_views,
)
from vidcondense.storage.manifest import FORMAT, FORMAT_VERSION, MANIFEST, read_manifest, write_manifest
from vidcondense.storage.preview import preview_html
from vidcondense.storage.stored import Expected, Stored, channels, coding_of
from vidcondense.synthetic.levels import Frames
from vidcondense.synthetic.static_dynamic import OWN

_MAX_PAYLOAD = 2**36  # 64 GiB: beyond any condensed set, and a hole in a file costs its maker nothing
_MOST_VALUE = 1e15  # real pixels have 0 to 1
_PREVIEWED = 8  # classes in a notebook


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
        labelling: where soft labels come from, as JSON; empty where there are none.
        learned: what was learned beside the videos, by name, such as the step size to train with.
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
    labelling: Mapping[str, Any] = field(default_factory=dict)
    learned: Mapping[str, float] = field(default_factory=dict)


def save_condensed(
    folder: Path,
    videos: Representation,
    codec: str,
    origin: Origin,
    coding: Coding | None = None,
    learned_labels: SoftLabels | None = None,
    budget: int | None = None,
) -> None:
    """Write learned videos, or selected clips, as a condensed set into `folder`; the manifest comes last.

    Args:
        folder: exists or is made.
        videos: of a kind that can be stored.
        codec: a key of `CODECS`.
        origin: the rest of the manifest.
        coding: how the codec is used; default: quality 75, a range a video.
        learned_labels: what was learned with the videos, a row for each: what networks should say of it.
        budget: most bytes to write, by a lower quality or with fewer bits where the coding takes more.

    Raises:
        LimitError: the codec cannot hold the values, or so many; or no coding keeps to the budget.
        OutputError: the folder cannot be written.
    """
    encode = encoder(videos, codec, origin, learned_labels)
    write_encoded(folder, encode, codec, coding or Coding(), budget)


def encoder(
    videos: Representation, codec: str, origin: Origin, learned_labels: SoftLabels | None = None
) -> Encode:
    """How the set that `save_condensed` would write is encoded, by coding."""
    stored, owner = store(videos, channels(origin.mean), channels(origin.std))
    labels = videos.labels[owner]
    if learned_labels is None:
        return partial(encode_stored, stored, labels, codec, origin)
    origin = replace(origin, labelling={"kind": LEARNED})
    return partial(encode_stored, stored, labels, codec, origin, soft_labels=learned_labels[owner])


def save_stored(
    folder: Path,
    stored: Stored,
    labels: Labels,
    codec: str,
    origin: Origin,
    coding: Coding | None = None,
    soft_labels: SoftLabels | None = None,
    budget: int | None = None,
) -> None:
    """Write what is stored of a set, such as `CondensedDataset.stored`; see `save_condensed`.

    Args:
        folder: exists or is made.
        stored: in pixel units.
        labels: of the rendered videos.
        codec: a key of `CODECS`.
        origin: the rest of the manifest.
        coding: how the codec is used; default: quality 75, a range a video.
        soft_labels: of the rendered videos, whose origin is `origin.labelling`.
        budget: as of `save_condensed`.
    """
    encode = partial(encode_stored, stored, labels, codec, origin, soft_labels=soft_labels)
    write_encoded(folder, encode, codec, coding or Coding(), budget)


def encode_stored(
    stored: Stored,
    labels: Labels,
    codec: str,
    origin: Origin,
    coding: Coding,
    soft_labels: SoftLabels | None = None,
) -> Encoded:
    """The files of a set in memory; see `save_stored`."""
    check_coding(codec, coding)
    check_packed(codec, stored.num_values)
    encoded = stored.payload(CODECS[codec], coding)
    # Clips from the cache lie in memory as T, H, W, C, which safetensors refuses.
    payload = {name: values.contiguous() for name, values in encoded.items()}
    if not all(map(_has_values, payload.values())):
        largest = max(map(abs, stored.extremes))
        raise LimitError(
            f"--codec {codec} cannot hold frames with values up to {largest:.3g}; "
            "use a smaller --lr, or --codec float32"
        )
    if soft_labels is not None:
        payload[SOFT_LABELS] = soft_labels.contiguous()
    fields = stored.fields()
    name, content = KINDS[fields["representation"]].payload, save(payload)
    entry = {"file": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return Encoded(
        name,
        content,
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "method": origin.method,
            "options": dict(origin.options),
            "seed": origin.seed,
            "classes": list(origin.classes),
            "labels": labels.tolist(),
            **fields,
            "shape": list(stored.clips(torch.tensor([0])).shape[1:]),
            "mean": list(origin.mean),
            "std": list(origin.std),
            "flip": origin.flip,
            "codec": codec,
            **vars(coding),
            "labelling": dict(origin.labelling),
            "learned": dict(origin.learned),
            "data": dict(origin.data),
            "versions": dict(origin.versions),
            "payload": [entry],
        },
    )


def save_labelled(
    folder: Path, made: CondensedDataset, soft_labels: SoftLabels, labelling: Mapping[str, Any]
) -> None:
    """Write a set again with soft labels; its frames are copied as they are stored, so nothing is lost twice.

    Args:
        folder: exists or is made.
        made: the set; older soft labels are replaced.
        soft_labels: probabilities of its videos.
        labelling: where they come from.
    """
    path = folder / KINDS[made.representation].payload
    payload = {**load_file(made.folder / path.name), SOFT_LABELS: soft_labels.contiguous()}
    write_bytes(path, save(payload))
    kept = {name: value for name, value in made.manifest.items() if name != "sha256"}
    write_manifest(
        folder,
        {
            **kept,
            "format_version": FORMAT_VERSION,
            "labelling": dict(labelling),
            "payload": [{"file": path.name, "bytes": path.stat().st_size, "sha256": sha256_of_file(path)}],
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
        stored: what was read: `StoredKeyFrames` or `StoredStaticDynamic`.
        soft_labels: a row for every video, `[N, K]`, of the kind `label_kind`; None where none are stored.
    """

    def __init__(
        self,
        folder: Path,
        manifest: dict[str, Any],
        stored: Stored,
        *,
        normalise: bool,
        soft_labels: SoftLabels | None = None,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.normalise = normalise
        self.stored = stored
        self.soft_labels = soft_labels
        self._labels = torch.tensor(manifest["labels"])

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
    def representation(self) -> str:
        """How the videos are stored: `key-frames` or `static-dynamic`."""
        return str(self.manifest["representation"])

    @property
    def label_kind(self) -> str:
        """What its own labels are: `hard`, or soft ones: `learned` with the videos, or a `teacher`'s."""
        return str(self.manifest["labelling"].get("kind", HARD))

    @property
    def video_labels(self) -> SoftLabels | None:
        """The soft labels of the videos themselves, `[N, K]`; None where there are none, or of views."""
        return None if self.manifest["labelling"].get("views") else self.soft_labels

    def own_labelled(self) -> SoftLabelled:
        """The same videos, to be trained on with their soft labels; `UsageError` where there are none."""
        if self.soft_labels is None:
            raise UsageError(
                f"--labels own: {self.folder} has hard labels only; make soft ones: vidcondense relabel"
            )
        return SoftLabelled(self.views(), self.soft_labels, regression=self.label_kind == LEARNED)

    def views(self) -> ClipSource:
        """What the rows of `soft_labels` belong to: the videos, or augmented views of each."""
        return labelled_views(self, self.manifest["labelling"], mirror=self.flip)

    @property
    def positions(self) -> list[list[int]]:
        """The key frames of every video, counted from 0; none of a set of another representation."""
        return [list(row) for row in self.manifest.get("positions", [[]] * len(self))]

    @property
    def key_frames(self) -> Frames:
        """The stored frames, `[M, C, h, w]` in pixel units, of a set of key frames."""
        return self._stored_key_frames().frames

    @property
    def mask(self) -> KeyMask:
        """The key frames of every video, `[N, T]`, of a set of key frames."""
        return self._stored_key_frames().mask

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`(T, C, H, W)` of a rendered clip."""
        frames, channels, height, width = self.manifest["shape"]
        return frames, channels, height, width

    @property
    def key_frame_size(self) -> tuple[int, int]:
        """Height and width of the stored key frames; they are upsampled to `shape`."""
        height, width = self._stored_key_frames().frames.shape[2:]
        return height, width

    @property
    def vpc(self) -> float:
        """Videos per class that were learned, on average; of a static-dynamic set not the pairs they make."""
        images = self.manifest.get("static_images")
        return (len(self) if images is None else images / OWN) / len(self.classes)

    @property
    def paper_mb(self) -> float:
        """MiB of all that is stored as raw float32, soft labels too, as the papers count."""
        num_labels = 0 if self.soft_labels is None else self.soft_labels.numel()
        return mib_as_float32(self.stored.num_values + num_labels)

    @property
    def bytes(self) -> int:
        """Bytes on disk: payload files and manifest."""
        files = [MANIFEST, *(entry["file"] for entry in self.manifest["payload"])]
        return sum((self.folder / name).stat().st_size for name in files)

    @property
    def origin(self) -> Origin:
        """What the manifest says beside the videos, to store the same set in another way."""
        manifest = self.manifest
        return Origin(
            method=manifest["method"],
            options=manifest["options"],
            seed=manifest["seed"],
            classes=self.classes,
            mean=tuple(manifest["mean"]),
            std=tuple(manifest["std"]),
            flip=self.flip,
            data=manifest["data"],
            versions=manifest["versions"],
            labelling=manifest["labelling"],
            learned=manifest["learned"],
        )

    @property
    def provenance(self) -> dict[str, Any]:
        """How the set came to be: method, options, seed, data, versions."""
        return {key: self.manifest[key] for key in ("method", "options", "seed", "data", "versions")}

    def clips(self, indices: Sequence[int] | Tensor) -> Videos:
        """The videos at `indices`, rendered, in pixel units."""
        return self.stored.clips(torch.as_tensor(indices))

    def batch(self, indices: Sequence[int] | Tensor) -> Videos:
        """The videos at `indices`, rendered, in network units."""
        return (self.clips(indices) - channels(self.manifest["mean"])) / channels(self.manifest["std"])

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"video {index} of a set of {len(self)}")
        index %= len(self)
        clip = (self.batch if self.normalise else self.clips)([index])[0]
        return clip, int(self._labels[index])

    def _repr_html_(self) -> str:
        """What Jupyter shows: facts, and the first video of each of the first classes, playing."""
        labels = self._labels.tolist()
        first = sorted({label: video for video, label in reversed(list(enumerate(labels)))}.items())
        facts = {
            "method": str(self.manifest["method"]),
            "videos": f"{len(self)} of {len(self.classes)} classes",
            "clip": f"{self.shape[0]} frames, {self.shape[3]}×{self.shape[2]}",
            "on disk": size_text(self.bytes),
        }
        shown = [(self.classes[label], viewable(self.clips([video]))) for label, video in first[:_PREVIEWED]]
        return preview_html(str(self.folder), facts, shown)

    def _stored_key_frames(self) -> StoredKeyFrames:
        if not isinstance(self.stored, StoredKeyFrames):
            raise UsageError(f"{self.folder} is a set of kind {self.representation}: it has no key frames")
        return self.stored


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
    kind, codec = KINDS[manifest["representation"]], CODECS[manifest["codec"]]
    expected = dict(kind.expected(manifest, codec))
    if manifest["labelling"]:
        rows = len(manifest["labels"]) * max(1, manifest["labelling"].get("views", 0))
        expected[SOFT_LABELS] = (torch.float32, (rows, len(manifest["classes"])))
    payload = _read_payload(folder / kind.payload, manifest, expected)
    try:
        check_coding(manifest["codec"], coding_of(manifest))
        check_packed(manifest["codec"], kind.num_values(manifest))
        stored = kind.read(manifest, payload, codec)
    except (FormatError, LimitError, UsageError) as error:
        raise FormatError(f"{folder / kind.payload}: {error}") from error
    for name, values in vars(stored).items():  # a finite range may still be too wide
        if isinstance(values, Tensor) and not _has_values(values):
            raise FormatError(
                f"{folder / kind.payload}: {name!r} holds values that are not finite, or too large"
            )
    soft_labels = payload.get(SOFT_LABELS)
    if soft_labels is not None and not are_labels(soft_labels, manifest["labelling"]["kind"]):
        raise FormatError(f"{folder / kind.payload}: {SOFT_LABELS!r} holds rows that are no probabilities")
    return CondensedDataset(folder, manifest, stored, normalise=normalise, soft_labels=soft_labels)


def put_in_place(work: Path, out: Path) -> None:
    """Let the set that was written to `work` take the place of what is at `out`, if it can be read back.

    Raises:
        FormatError: it cannot; what is at `out` stays.
        OutputError: `out` cannot be written.
    """
    load_condensed(work)
    replace_folder(work, out)


def _read_payload(path: Path, manifest: dict[str, Any], expected: Expected) -> dict[str, Tensor]:
    """The tensors of the payload, once size, hash, names, types and shapes are what they must be."""
    entries = manifest["payload"]
    if not (len(entries) == 1 and isinstance(entries[0], dict) and entries[0].get("file") == path.name):
        raise FormatError(f"{path.with_name(MANIFEST)}: 'payload' must name {path.name} alone")
    if check_regular(path, _MAX_PAYLOAD) != entries[0].get("bytes"):
        raise FormatError(f"{path} has not the size that {MANIFEST} states; copy the set again")
    try:
        if sha256_of_file(path) != entries[0].get("sha256"):
            raise FormatError(f"{path} is damaged: {MANIFEST} has another sha256; copy the set again")
        with safe_open(path, framework="pt") as file:
            if set(file.keys()) != set(expected):
                raise FormatError(f"{path} holds {sorted(file.keys())}, not {sorted(expected)}")
            for name, (_, shape) in expected.items():
                if not _fits(file.get_slice(name).get_shape(), shape):
                    raise FormatError(f"{path}: {name!r} has not the shape {shape}")
            payload = {name: file.get_tensor(name) for name in expected}
    except (OSError, SafetensorError) as error:
        raise FormatError(f"cannot read {path}: {error}") from error
    for name, (dtype, _) in expected.items():
        if payload[name].dtype != dtype:
            raise FormatError(f"{path}: {name!r} is {payload[name].dtype}, not {dtype}")
    return payload


def _has_values(values: Tensor) -> bool:
    """Whether numbers are finite, and stay so in a network's units, and where two are multiplied."""
    if not values.is_floating_point():
        return True
    # In float16 the bound itself is infinite.
    return bool(values.isfinite().all()) and bool((values.abs() <= _MOST_VALUE).all())


def _fits(shape: Sequence[int], expected: Sequence[int | None]) -> bool:
    """Whether a shape is the expected one; None fits any length."""
    return len(shape) == len(expected) and all(
        wanted in (None, side) for side, wanted in zip(shape, expected, strict=True)
    )
