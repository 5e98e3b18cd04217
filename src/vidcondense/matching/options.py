"""The options of matching."""

from __future__ import annotations

from dataclasses import dataclass

from vidcondense.matching.targets import TargetKind
from vidcondense.options import require


@dataclass(frozen=True, kw_only=True)
class MatchOptions:
    """What is matched, and in which networks."""

    real_batch: int = 64
    """Real clips a target and iteration (all, where it has fewer)."""

    match_targets: TargetKind = "class"
    """Whose mean a video must match: its class's, or that of its own cluster of the class's real clips."""

    model: str = "convnet3d"
    """The network in which videos are matched, newly initialised every iteration; also of coresets."""

    def __post_init__(self) -> None:
        require(self.real_batch >= 1, "real_batch", self.real_batch, "must be at least 1")
