"""What published code stores: videos or still images, and their labels, in a few known forms.

A tensor alone, with labels in a second file or in the order of the classes (`images_best.pt` and
`labels_best.pt` of trajectory matching, github.com/GeorgeCazenavette/mtt-distillation, and of the code of
static-dynamic disentanglement, github.com/yuz1wan/video_distillation); a mapping with `image` and `label`;
and `{"data": [[images, labels], …]}`, an entry an experiment (github.com/VICO-UoE/DatasetCondensation).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vidcondense.errors import FormatError, UsageError
from vidcondense.interfaces import Labels
from vidcondense.storage.labels import SoftLabels, are_probabilities

MAX_SIDE = 8192
_IMAGES, _LABELS = ("images", "image", "videos"), ("labels", "label")


def images_and_labels(path: Path, stored: object, experiment: int) -> tuple[object, object | None]:
    """Which part of what a file holds are the images, and which the labels; None where it has none.

    Raises:
        FormatError: the file has another form.
        UsageError: there is no such experiment.
    """
    if isinstance(stored, Tensor):
        return stored, None
    if not isinstance(stored, Mapping):
        raise FormatError(
            f"{path} holds a {type(stored).__name__}, neither a tensor nor a mapping with images"
        )
    if isinstance(stored.get("data"), list):
        return _experiment(path, stored["data"], experiment)
    images = [stored[name] for name in _IMAGES if name in stored]
    labels = [stored[name] for name in _LABELS if name in stored]
    if len(images) != 1 or len(labels) > 1:
        names = ", ".join(sorted(map(str, stored)))
        raise FormatError(f"{path} holds {names:.200}; expected 'images', and 'labels' where it has them")
    return images[0], labels[0] if labels else None


def as_videos(path: Path, images: Tensor) -> Tensor:
    """Images as videos, `[N, T, 3, H, W]`; a still image is a video of one frame.

    Raises:
        FormatError: they have another shape or type, none at all, or values that are not finite.
    """
    videos = images[:, None] if images.ndim == 4 else images
    if videos.ndim != 5 or videos.shape[2] != 3:
        hint = "; permute [N, 3, T, H, W] first" if videos.ndim == 5 and videos.shape[1] == 3 else ""
        raise FormatError(
            f"{path} holds images of shape {list(images.shape)}, not [N, T, 3, H, W] or [N, 3, H, W]{hint}"
        )
    if not len(videos) or not all(0 < side <= MAX_SIDE for side in videos.shape[1:]):
        raise FormatError(f"{path} holds images of shape {list(images.shape)}; sides are 1 to {MAX_SIDE}")
    if not (videos.is_floating_point() or videos.dtype == torch.uint8):
        raise FormatError(f"{path} holds images of type {videos.dtype}, neither floats nor bytes")
    if not bool(videos.isfinite().all()):
        raise FormatError(f"{path} holds values that are not finite")
    return videos


def as_labels(
    path: Path, rows: Tensor | None, num_videos: int, num_classes: int
) -> tuple[Labels, SoftLabels | None]:
    """The label of every video; and its probabilities, where these are stored.

    Args:
        path: of the file, for messages.
        rows: `[N]` numbers, or `[N, K]` probabilities; None means as many videos of each class, in order.
        num_videos: N.
        num_classes: K.

    Raises:
        UsageError: the videos cannot be shared out evenly.
        FormatError: labels of another shape, no whole numbers below K, or rows that are no probabilities.
    """
    if rows is None:
        if num_videos % num_classes:
            raise UsageError(
                f"{path} has no labels, and its {num_videos} videos cannot be shared out evenly among "
                f"{num_classes} classes; give --labels, or other --classes"
            )
        return torch.arange(num_classes).repeat_interleave(num_videos // num_classes), None
    if rows.shape == (num_videos, num_classes) and rows.is_floating_point():
        soft = rows.float()
        if not are_probabilities(soft):
            raise FormatError(f"{path} holds soft labels that are no probabilities; apply the softmax first")
        return soft.argmax(dim=1), soft
    if rows.shape != (num_videos,):
        raise FormatError(
            f"{path} holds labels of shape {list(rows.shape)}, not [{num_videos}] "
            f"or [{num_videos}, {num_classes}]"
        )
    labels = rows.long()
    if not bool(((labels == rows) & (labels >= 0) & (labels < num_classes)).all()):
        raise FormatError(f"{path} holds labels other than 0 to {num_classes - 1}, the --classes")
    return labels, None


def _experiment(path: Path, experiments: list[Any], index: int) -> tuple[object, object]:
    if index >= len(experiments):
        raise UsageError(f"--experiment {index}: {path} holds {len(experiments)}, counted from 0")
    pair = experiments[index]
    if not (isinstance(pair, (list, tuple)) and len(pair) == 2):
        raise FormatError(f"{path}: its 'data' holds no pairs of images and labels")
    return pair[0], pair[1]
