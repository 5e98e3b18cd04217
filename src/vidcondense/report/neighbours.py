"""Which real clips are nearest to condensed videos: in the features of a network, within the class."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.errors import DataError
from vidcondense.interfaces import ClipSource, RealClips
from vidcondense.models import VideoNetwork, network_for
from vidcondense.models.saved import NetworkDescription
from vidcondense.training.units import change_units

MAX_REAL = 64
"""Real clips of a class that are looked at, drawn at random where there are more."""

_CHUNK = 16


class Lens:
    """A network that clips are compared in.

    Args:
        network: in evaluation mode, on the device of `compute`.
        mean: of the channels, as the network wants them.
        std: likewise.
        compute: where it runs.
    """

    def __init__(self, network: VideoNetwork, mean: Tensor, std: Tensor, compute: Compute) -> None:
        self.network, self.mean, self.std, self.compute = network, mean, std, compute

    @torch.no_grad()
    def features(self, clips: ClipSource, indices: Sequence[int]) -> Float[Tensor, "n d"]:
        """Features of length one of the clips at `indices`."""
        prepare = change_units(clips.mean, clips.std, self.mean, self.std)
        parts = []
        for part in torch.split(torch.tensor(indices), _CHUNK):
            videos = prepare(self.compute.move(clips.batch(part)))
            with self.compute.autocast():
                parts.append(self.network.embed(videos).float().cpu())
        return F.normalize(torch.cat(parts), dim=1)


def random_lens(real: RealClips, seed: int, compute: Compute) -> Lens:
    """A random ConvNet3D: what condensation by distribution matching compares clips in."""
    network = network_for("convnet3d", real.shape, len(real.classes), seed=seed, compute=compute)
    return Lens(network.eval(), real.mean, real.std, compute)


def trained_lens(network: VideoNetwork, description: NetworkDescription, compute: Compute) -> Lens:
    """A network that `vidcondense train` wrote."""
    return Lens(network, torch.tensor(description.mean), torch.tensor(description.std), compute)


def nearest(
    clips: ClipSource, indices: Sequence[int], real: RealClips, lens: Lens, *, count: int, seed: int
) -> list[list[tuple[int, float]]]:
    """The real clips nearest to each video, of its class, by cosine of their features.

    Args:
        clips: condensed videos.
        indices: which of them.
        real: real clips of the same classes and shape.
        lens: what they are compared in.
        count: how many for each video.
        seed: of the draw from classes of more than `MAX_REAL` clips.

    Returns:
        For each video (number of the clip, cosine), the nearest first.

    Raises:
        DataError: a video has a class of which there is no real clip.
    """
    labels = [int(clips.labels[index]) for index in indices]
    found: dict[int, list[tuple[int, float]]] = {}
    for label in sorted(set(labels)):
        members = _some(real, label, seed)
        if not members:
            raise DataError(
                f"the real videos have no clip of class {clips.classes[label]!r}; use other --data"
            )
        own = [index for index, its in zip(indices, labels, strict=True) if its == label]
        cosines = lens.features(clips, own) @ lens.features(real, members).T
        best = cosines.topk(min(count, len(members)), dim=1)
        for index, values, places in zip(own, best.values.tolist(), best.indices.tolist(), strict=True):
            found[index] = [(members[place], value) for place, value in zip(places, values, strict=True)]
    return [found[index] for index in indices]


def _some(real: RealClips, label: int, seed: int) -> list[int]:
    members = real.indices_of(label)
    order = torch.randperm(len(members), generator=rng.generator(seed, "report", label))
    return sorted(members[order[:MAX_REAL]].tolist())
