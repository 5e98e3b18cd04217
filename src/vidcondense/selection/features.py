"""The features in which clips are compared: of several random networks, or of trained ones, side by side.

Random networks agree on nothing but distances, so their features are joined and not averaged: a squared
distance between joined features is the sum of those in each network.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.errors import LimitError
from vidcondense.interfaces import Indices, RealClips
from vidcondense.models import VideoNetwork, network_for
from vidcondense.selection.options import SelectOptions
from vidcondense.training import TrainOptions, train
from vidcondense.video.fetch import once


def feature_networks(
    real: RealClips, model: str, options: SelectOptions, *, seed: int, compute: Compute
) -> list[VideoNetwork]:
    """The networks to compare clips in, in evaluation mode.

    Args:
        real: the training clips.
        model: a key of `MODELS`.
        options: how many, and whether they are trained on all of `real` first.
        seed: of their weights and their training.
        compute: where they run.

    Raises:
        LimitError: a training diverged.
    """
    networks = []
    for number in range(options.num_feature_networks):
        own = rng.derive_seed(seed, "features", number)
        network = network_for(model, real.shape, len(real.classes), seed=own, compute=compute)
        if options.features == "trained":
            training = TrainOptions(steps=options.feature_steps)
            result = train(network, real, training, seed=own, compute=compute, mirror=real.flip)
            if result.diverged:
                raise LimitError(
                    f"the training of feature network {number} diverged; use --features random, "
                    "or another --seed"
                )
        networks.append(network.eval().requires_grad_(False))
    return networks


def clips_seen(real: RealClips, options: SelectOptions) -> int:
    """How many clips go through networks until every clip of `real` has its features."""
    training = TrainOptions(steps=options.feature_steps)
    trained_on = training.steps * training.batch_of(len(real)) if options.features == "trained" else 0
    return options.num_feature_networks * (trained_on + len(real))


@torch.no_grad()
def features_of(
    networks: list[VideoNetwork], real: RealClips, indices: Indices, compute: Compute, chunk: int = 64
) -> Float[Tensor, "n d"]:
    """The joined features of the clips at `indices`, `chunk` of them at once; float32 on the CPU."""
    fetch, parts = once(real, compute), []
    for part in torch.split(indices, chunk):
        videos = fetch(part)
        with compute.autocast():
            parts.append(torch.cat([network.embed(videos).float() for network in networks], dim=1).cpu())
    return torch.cat(parts)
