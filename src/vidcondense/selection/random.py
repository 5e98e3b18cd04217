"""Random real clips: the control."""

from __future__ import annotations

import torch

from vidcondense import rng
from vidcondense.interfaces import Labels, RealClips


def select_random(real: RealClips, vpc: int, seed: int) -> Labels:
    """`vpc` different clips of every class, drawn evenly; a smaller `vpc` takes a part of a larger one's."""
    chosen = []
    for label in range(len(real.classes)):
        members = real.indices_of(label)
        order = torch.randperm(len(members), generator=rng.generator(seed, "select", label))
        chosen.append(members[order[:vpc]])
    return torch.cat(chosen)
