"""The options of selecting real clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vidcondense.options import check_choices, require

_NETWORKS = {"random": 4, "trained": 1}


@dataclass(frozen=True, kw_only=True)
class SelectOptions:
    """How real clips are chosen."""

    features: Literal["random", "trained"] = "random"
    """Features that herding and k-center measure in: of random networks, or trained on the real clips."""

    feature_networks: int | None = None
    """Networks whose features are joined (default: 4 random ones, or 1 trained one)."""

    feature_steps: int = 500
    """Training steps of each trained network."""

    draws: int = 8
    """Random draws that best-of-random chooses from."""

    draw_networks: int = 1
    """Networks trained on each draw; their accuracies are averaged."""

    draw_steps: int = 200
    """Training steps of each of these networks."""

    def __post_init__(self) -> None:
        check_choices(self)
        given = self.feature_networks
        require(given is None or given >= 1, "feature_networks", given, "must be at least 1")
        for name in ("feature_steps", "draws", "draw_networks", "draw_steps"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "must be at least 1")

    @property
    def num_feature_networks(self) -> int:
        """Networks whose features are joined."""
        return self.feature_networks or _NETWORKS[self.features]
