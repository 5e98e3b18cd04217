"""The networks: a table of names, and how one is made ready to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.errors import UsageError
from vidcondense.extras import require_extra
from vidcondense.models import convnet, convnet3d, recurrent, resnet3d, videomae
from vidcondense.models.convnet import ConvNet
from vidcondense.models.convnet3d import ConvNet3D
from vidcondense.models.custom import build_custom, is_custom, try_custom
from vidcondense.models.network import Features, Logits, VideoNetwork
from vidcondense.models.recurrent import ConvRecurrent
from vidcondense.models.resnet3d import ResNet3D
from vidcondense.models.videomae import VideoMAE
from vidcondense.options import require, unknown

__all__ = [
    "MODELS",
    "Architecture",
    "ConvNet",
    "ConvNet3D",
    "ConvRecurrent",
    "Features",
    "Logits",
    "ResNet3D",
    "VideoMAE",
    "VideoNetwork",
    "build_network",
    "check_features",
    "check_size",
    "initialise",
    "network_for",
]


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One entry of the table.

    Attributes:
        summary: one line for a person.
        build: `(num_classes, num_frames, size)` → the network, initialised from torch's global random state.
        min_frames: the fewest frames of a clip it takes.
        min_size: the smallest side of a clip it takes, in pixels.
        frame_step: the number of frames must be a multiple of it.
        size_step: so must the side, of this one.
        extra: the package it needs, which an extra of the same name installs.
    """

    summary: str
    build: Callable[[int, int, int], VideoNetwork]
    min_frames: int
    min_size: int
    frame_step: int = 1
    size_step: int = 1
    extra: str | None = None


MODELS: dict[str, Architecture] = {
    "convnet3d": Architecture(
        summary="the papers' small 3-D convolutional network, 3.6 million parameters",
        build=lambda num_classes, num_frames, size: ConvNet3D(num_classes),
        min_frames=convnet3d.MIN_FRAMES,
        min_size=convnet3d.MIN_SIZE,
    ),
    "convnet3d-16": Architecture(
        summary="the same at a quarter of its width: 0.2 million parameters, a tenth of the time",
        build=lambda num_classes, num_frames, size: ConvNet3D(num_classes, width=16),
        min_frames=convnet3d.MIN_FRAMES,
        min_size=convnet3d.MIN_SIZE,
    ),
    "convnet": Architecture(
        summary="a 2-D convolutional network a frame, averaged: blind to motion; 1.6 million",
        build=lambda num_classes, num_frames, size: ConvNet(num_classes, size),
        min_frames=1,
        min_size=convnet.MIN_SIZE,
    ),
    "convnet-32": Architecture(
        summary="the same at a quarter of its width: 0.3 million parameters",
        build=lambda num_classes, num_frames, size: ConvNet(num_classes, size, width=32),
        min_frames=1,
        min_size=convnet.MIN_SIZE,
    ),
    "cnn-gru": Architecture(
        summary="a 2-D convolutional network a frame, then a GRU of width 1 024, 28.7 million",
        build=lambda num_classes, num_frames, size: ConvRecurrent(num_classes, layer="gru", hidden=1024),
        min_frames=1,
        min_size=recurrent.CROP,
    ),
    "cnn-lstm": Architecture(
        summary="likewise with an LSTM of width 1 024, not the papers' 8 192; 38.1 million",
        build=lambda num_classes, num_frames, size: ConvRecurrent(num_classes, layer="lstm", hidden=1024),
        min_frames=1,
        min_size=recurrent.CROP,
    ),
    "cnn-lstm-8192": Architecture(
        summary="the papers' CNN+LSTM: 537.6 million parameters, 8.6 GB to train",
        build=lambda num_classes, num_frames, size: ConvRecurrent(num_classes, layer="lstm", hidden=8192),
        min_frames=1,
        min_size=recurrent.CROP,
    ),
    "resnet3d-18": Architecture(
        summary="3-D ResNet-18 of MONAI, 33.2 million",
        build=lambda num_classes, num_frames, size: ResNet3D(num_classes),
        min_frames=1,
        min_size=resnet3d.MIN_SIZE,
        extra="monai",
    ),
    "videomae-small": Architecture(
        summary="a transformer of VideoMAE's kind, untrained, 21.9 million",
        build=VideoMAE,
        min_frames=videomae.TUBELET,
        min_size=videomae.PATCH,
        frame_step=videomae.TUBELET,
        size_step=videomae.PATCH,
        extra="transformers",
    ),
}
"""Every network by its name; `package.module:factory` stands for one of the user's own (models/custom.py)."""


def check_size(name: str, num_frames: int, size: int) -> None:
    """Raise `UsageError` unless `name` is known, usable here, and takes clips of such frames and size.

    A network of the user's own is built and tried once.
    """
    if is_custom(name):
        try_custom(name, num_frames, size, features=False)
        return
    _check_known(name, num_frames, size)


def check_features(name: str, num_frames: int, size: int) -> None:
    """As `check_size`, and raise `UsageError` also where the network has no features to match or compare."""
    if is_custom(name):
        try_custom(name, num_frames, size, features=True)
        return
    _check_known(name, num_frames, size)


def build_network(
    name: str, num_classes: int, num_frames: int, size: int, seed: int, compute: Compute
) -> VideoNetwork:
    """A newly initialised network (torch's default initialisers), in training mode, on its device.

    The weights are drawn on the CPU: they are the same on every device, and depend on `seed` alone.

    Args:
        name: a key of `MODELS`, or `package.module:factory`.
        num_classes: K.
        num_frames: T of the clips.
        size: their height and width in pixels.
        seed: of the weights.
        compute: where it will run.

    Raises:
        UsageError: no such network, or it does not take such clips.
    """
    with rng.isolated(seed, torch.device("cpu")):
        network = initialise(name, num_classes, num_frames, size)
    return compute.place(network)


def network_for(
    name: str, shape: tuple[int, int, int, int], num_classes: int, *, seed: int, compute: Compute
) -> VideoNetwork:
    """The `build_network` for square clips of `shape`, `(T, C, H, W)`."""
    num_frames, _, size, _ = shape
    return build_network(name, num_classes, num_frames, size, seed, compute)


def initialise(name: str, num_classes: int, num_frames: int, size: int) -> VideoNetwork:
    """A network drawn from torch's global random state, where it is; see `build_network`."""
    if is_custom(name):
        return build_custom(name, num_classes, num_frames, size).train()
    _check_known(name, num_frames, size)
    return MODELS[name].build(num_classes, num_frames, size)


def _check_known(name: str, num_frames: int, size: int) -> None:
    if name not in MODELS:
        raise UsageError(f"{unknown(name, MODELS, 'model')[:-1]}; or package.module:factory)")
    model = MODELS[name]
    rules = (
        ("num_frames", num_frames, model.min_frames, model.frame_step, f"{model.min_frames} frames a clip"),
        ("size", size, model.min_size, model.size_step, f"{model.min_size}×{model.min_size} pixels a clip"),
    )
    for option, value, least, step, words in rules:
        require(value >= least, option, value, f"{name} needs at least {words}")
        require(value % step == 0, option, value, f"{name} needs a multiple of {step}")
    if model.extra is not None:
        require_extra(model.extra, f"--model {name}")
