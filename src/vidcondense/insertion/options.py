"""The options of key-frame insertion: the paper's choices are the defaults, its ablations are offered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vidcondense.options import check_choices, require


@dataclass(frozen=True, kw_only=True)
class InsertionOptions:
    """How PRISM refines its videos in time."""

    insertion: Literal["conflict", "l2", "random", "none"] = "conflict"
    """Where new key frames go: where gradients conflict (PRISM), or, as many as that rule asks for, where the
    L2 distance of gradients is largest, at random, or nowhere."""

    epsilon: float = 0.0
    """A frame is in conflict when its gradient's cosine with both neighbouring key frames is below this."""

    warmup: float = 0.2
    """Share of the iterations before the first insertion."""

    cooldown: float = 0.2
    """Share of the iterations after the last insertion."""

    max_key_frames: int | None = None
    """At most this many key frames a video (default: every frame)."""

    max_per_iteration: int | None = None
    """At most this many new key frames a video and iteration, strongest conflict first (default: all)."""

    patience: int = 1
    """Insert only after this many iterations of conflict in a row."""

    cosine_ema: float = 0.0
    """Decay of a moving average over each frame's cosines, 0 (none) to below 1."""

    match_gradient: Literal["rendered", "accumulated"] = "rendered"
    """The gradient of a key frame: of the frame as rendered, or as its parameter accumulates it."""

    def __post_init__(self) -> None:
        check_choices(self)
        require(-1 <= self.epsilon <= 1, "epsilon", self.epsilon, "a cosine lies between -1 and 1")
        for name in ("warmup", "cooldown"):
            require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "must be a share from 0 to 1")
        require(self.warmup + self.cooldown <= 1, "warmup", self.warmup, "with --cooldown, more than all")
        cap, burst = self.max_key_frames, self.max_per_iteration
        require(cap is None or cap >= 2, "max_key_frames", cap, "must be at least 2 (first and last frame)")
        require(burst is None or burst >= 1, "max_per_iteration", burst, "must be at least 1")
        require(self.patience >= 1, "patience", self.patience, "must be at least 1")
        require(0 <= self.cosine_ema < 1, "cosine_ema", self.cosine_ema, "must be at least 0 and below 1")


def insertion_window(options: InsertionOptions, iterations: int) -> range:
    """The iterations (counted from 0) in which frames may be inserted: warm-up and cool-down left out."""
    return range(round(options.warmup * iterations), iterations - round(options.cooldown * iterations))
