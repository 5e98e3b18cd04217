"""What is done to a batch on its way into a network: change of normalisation, standardisation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from vidcondense.interfaces import ClipSource, Videos

Prepare = Callable[[Tensor], Tensor]
"""Videos to videos, applied to each batch on the network's device."""

Channels = Float[Tensor, " c"]
"""One value a colour channel."""

_SAMPLE = 64  # clips that tell the contrast of a set

_TINY = 1e-4  # a batch of one colour has no deviation to divide by


def unchanged(videos: Videos) -> Videos:
    """The preparation that does nothing."""
    return videos


def change_units(mean: Channels, std: Channels, new_mean: Channels, new_std: Channels) -> Prepare:
    """From network units of one recorded `mean` and `std` to those of another.

    A set must be tested in the units it was trained in; sets from different indexes may differ in these.
    """
    if torch.equal(mean, new_mean) and torch.equal(std, new_std):
        return unchanged
    scale = (std / new_std).reshape(1, 1, -1, 1, 1)
    shift = ((mean - new_mean) / new_std).reshape(1, 1, -1, 1, 1)
    return lambda videos: videos * scale.to(videos.device) + shift.to(videos.device)


def standardise(videos: Videos) -> Videos:
    """The whole batch minus its own mean, over its own deviation (one number each), as the field does."""
    return (videos - videos.mean()) / videos.std().clamp_min(_TINY)


def contrast(clips: ClipSource) -> float:
    """How much pixels deviate from their mean, in network units: about 1 for all real clips of a dataset.

    Of at most 64 clips, evenly spread. A network without normalisation learns from videos of more contrast as
    it would at a higher learning rate.
    """
    step = -(-len(clips) // _SAMPLE)
    return float(clips.batch(range(0, len(clips), step)).std())


def chain(first: Prepare, second: Prepare) -> Prepare:
    """`second` after `first`."""
    return lambda videos: second(first(videos))
