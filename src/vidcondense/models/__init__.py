"""The networks: a table of names, and how one is made ready to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.models import convnet, convnet3d
from vidcondense.models.convnet import ConvNet
from vidcondense.models.convnet3d import ConvNet3D
from vidcondense.models.network import Features, Logits, VideoNetwork
from vidcondense.options import choose, require

__all__ = [
    "MODELS",
    "Architecture",
    "ConvNet",
    "ConvNet3D",
    "Features",
    "Logits",
    "VideoNetwork",
    "build_network",
    "check_size",
]


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One entry of the table.

    Attributes:
        build: `(num_classes, num_frames, size)` → the network, initialised from torch's global random state.
        min_frames: the fewest frames of a clip it takes.
        min_size: the smallest side of a clip it takes, in pixels.
    """

    build: Callable[[int, int, int], VideoNetwork]
    min_frames: int
    min_size: int


MODELS: dict[str, Architecture] = {
    "convnet3d": Architecture(
        build=lambda num_classes, num_frames, size: ConvNet3D(num_classes),
        min_frames=convnet3d.MIN_FRAMES,
        min_size=convnet3d.MIN_SIZE,
    ),
    "convnet": Architecture(
        build=lambda num_classes, num_frames, size: ConvNet(num_classes, size),
        min_frames=1,
        min_size=convnet.MIN_SIZE,
    ),
}
"""Every network by its name."""


def check_size(name: str, num_frames: int, size: int) -> None:
    """Raise `UsageError` unless `name` is known and takes clips of `num_frames` × `size` × `size`."""
    architecture = choose(MODELS, name, "model")
    fewest, smallest = architecture.min_frames, architecture.min_size
    require(num_frames >= fewest, "num_frames", num_frames, f"{name} needs at least {fewest} frames a clip")
    require(size >= smallest, "size", size, f"{name} needs clips of at least {smallest}×{smallest} pixels")


def build_network(
    name: str, num_classes: int, num_frames: int, size: int, seed: int, compute: Compute
) -> VideoNetwork:
    """A newly initialised network (torch's default initialisers), in training mode, on its device.

    The weights are drawn on the CPU: they are the same on every device, and depend on `seed` alone.

    Args:
        name: a key of `MODELS`.
        num_classes: K.
        num_frames: T of the clips.
        size: their height and width in pixels.
        seed: of the weights.
        compute: where it will run.

    Raises:
        UsageError: no such network, or it does not take such clips.
    """
    check_size(name, num_frames, size)
    with rng.isolated(seed, torch.device("cpu")):
        network = MODELS[name].build(num_classes, num_frames, size)
    return compute.place(network)
