"""The features of clips in a network, chunk by chunk: in the memory of one chunk, however many clips."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from vidcondense.compute import Compute
from vidcondense.interfaces import Indices, Videos
from vidcondense.models import VideoNetwork
from vidcondense.video.fetch import Fetch

_CHUNK = 64  # real clips a forward pass, at most


Embed = Callable[[Videos, Indices], Tensor]
"""Some of the videos, `[m, T, C, H, W]`, and their numbers, `[m]` → their features, `[m, d]`."""


def synthetic_features(embed: Embed, videos: Videos, chunk: int, compute: Compute) -> Float[Tensor, "n d"]:
    """The features of synthetic videos, differentiable in them.

    Of more than a chunk no activations are kept: each chunk's forward pass is done again when its gradient
    is wanted.
    """
    numbers = torch.arange(len(videos))
    with compute.autocast():
        if len(videos) <= chunk:
            return embed(videos, numbers)
        again = partial(checkpoint, embed, use_reentrant=False, preserve_rng_state=False)
        parts = zip(torch.split(videos, chunk), torch.split(numbers, chunk), strict=True)
        return torch.cat([again(part, own) for part, own in parts])


@torch.no_grad()
def real_features(
    network: VideoNetwork, fetch: Fetch, indices: Indices, chunk: int, compute: Compute
) -> Float[Tensor, "n d"]:
    """The features of the real clips at `indices`, which `fetch` brings to the device, without a graph."""
    with compute.autocast():
        parts = torch.split(indices, min(chunk, _CHUNK))
        return torch.cat([network.embed(fetch(part)) for part in parts])
