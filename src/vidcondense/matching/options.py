"""The options of matching."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from vidcondense.matching.targets import TargetKind
from vidcondense.options import require

MatcherName = Literal["dm", "dc", "dsa"]

LEARNING_RATES: dict[MatcherName, float] = {"dm": 10.0, "dc": 0.1, "dsa": 0.1}
"""Of the frames, by what is matched: gradients differ in size. DC's is that of its published code."""

_CHUNK_VALUES = 64 * 16 * 3 * 112 * 112


@dataclass(frozen=True, kw_only=True)
class MatchOptions:
    """What is matched, and in which networks."""

    match: MatcherName | None = None
    """What is matched: mean features (dm), a network's gradients (dc), or these under augmentation (dsa)
    (default: the method's)."""

    real_batch: int = 64
    """Real clips a target and iteration (all, where it has fewer)."""

    match_targets: TargetKind = "class"
    """Whose mean a video must match: its class's, or that of its own cluster of the class's real clips."""

    model: str = "convnet3d"
    """The network in which videos are matched, new every iteration; also of coresets. For a network of your
    own: package.module:factory."""

    pool: int = 1
    """Random networks kept at a time and used in turn (dm); 1 with --uses 1 is a new one each iteration."""

    uses: int = 1
    """Iterations that use a random network before another takes its place (dm); real clips pass it once."""

    outer_steps: int = 1
    """Iterations in a row that dc and dsa match in the same network, which is trained between them."""

    inner_steps: int = 1
    """Training steps of that network on the synthetic videos between two iterations."""

    network_lr: float = 0.01
    """Learning rate of that training."""

    chunk: int | None = None
    """Videos a forward pass; fewer take less memory (default: as many as 64 of 16 frames of 112×112)."""

    def __post_init__(self) -> None:
        for name in ("real_batch", "pool", "uses", "outer_steps", "inner_steps"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "must be at least 1")
        require(self.network_lr > 0, "network_lr", self.network_lr, "must be a positive number")
        require(self.chunk is None or self.chunk >= 1, "chunk", self.chunk, "must be at least 1 video")

    def chunk_of(self, shape: tuple[int, int, int, int]) -> int:
        """How many videos of a shape `(T, C, H, W)` go through a network at once."""
        return self.chunk or max(1, _CHUNK_VALUES // math.prod(shape))
