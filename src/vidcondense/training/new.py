"""A new network, trained on clips, with the description under which it can be saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.errors import LimitError
from vidcondense.events import Listener, ignore
from vidcondense.interfaces import ClipSource
from vidcondense.models import VideoNetwork, check_size, network_for
from vidcondense.models.saved import NetworkDescription
from vidcondense.options import as_json
from vidcondense.training.options import TrainOptions
from vidcondense.training.predict import predict
from vidcondense.training.train import TrainResult, train


def train_new(
    model: str,
    clips: ClipSource,
    options: TrainOptions,
    *,
    shape: tuple[int, int, int, int],
    seed: int,
    compute: Compute,
    origin: Mapping[str, Any],
    mirror: bool,
    listener: Listener = ignore,
) -> tuple[VideoNetwork, NetworkDescription, TrainResult]:
    """Build a network and train it.

    Args:
        model: a key of `MODELS`, or `package.module:factory`.
        clips: what to learn, with hard labels.
        options: how.
        shape: `(T, C, H, W)` of a clip.
        seed: of the weights, the order of the clips, dropout and augmentation.
        compute: device and precision.
        origin: where the clips come from, for the description.
        mirror: whether mirroring a clip keeps its label, for augmentation.
        listener: gets the events of the training.

    Raises:
        UsageError: the model does not fit the clips.
        LimitError: the training diverged.
    """
    num_frames, _, size, _ = shape
    check_size(model, num_frames, size)
    network = network_for(
        model, shape, len(clips.classes), seed=rng.derive_seed(seed, "network"), compute=compute
    )
    result = train(network, clips, options, seed=seed, compute=compute, listener=listener, mirror=mirror)
    if result.diverged:
        raise LimitError(
            f"the training diverged after {result.steps_done} of {options.num_steps(len(clips))} steps "
            f"(--lr {options.lr}); use a smaller --lr"
        )
    right = predict(network, clips, compute=compute).argmax(dim=1) == clips.labels
    description = NetworkDescription(
        model=model,
        classes=clips.classes,
        num_frames=num_frames,
        size=size,
        mean=tuple(clips.mean.tolist()),
        std=tuple(clips.std.tolist()),
        origin={
            **origin,
            "training": as_json(options),
            "seed": seed,
            "train_accuracy": float(right.double().mean()),
        },
    )
    return network, description, result
