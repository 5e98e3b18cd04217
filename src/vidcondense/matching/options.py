"""The options of matching."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vidcondense.matching.targets import TargetKind
from vidcondense.options import check_choices, require

MatcherName = Literal["dm", "dc", "dsa", "mtt", "frepo"]

LEARNING_RATES: dict[MatcherName, float] = {"dm": 10.0, "dc": 0.1, "dsa": 0.1, "mtt": 100.0, "frepo": 0.01}
"""Of the frames, by what is matched: gradients differ in size. DC's is that of its published code; MTT's
with momentum 0.95 goes as far in the long run as the 1000 with momentum 0.5 of its published code."""

REAL_BATCH, REAL_BATCH_OF_MEANS = 64, 4
"""Real clips a target and iteration. Sets of distribution matching were not shown to be worse for 4 than for
all clips (benchmarks/plans/pool.toml) or 16 (defaults.toml), which take most of the time, and 4 were soonest
at the same accuracy (benchmarks/published_loop.py); what else is matched was not measured. Sets and recipes
hold no number where none was asked for: another one here needs another table of option defaults."""

OptimiserName = Literal["sgd", "adam"]

OPTIMISERS: dict[MatcherName, OptimiserName] = {
    "dm": "sgd",
    "dc": "sgd",
    "dsa": "sgd",
    "mtt": "sgd",
    "frepo": "adam",
}
"""What steps all that is learned. FRePo's frames and labels have gradients of unlike sizes, which change with
the number of pixels and of videos; Adam's steps do not, and the published code takes it."""

_CHUNK_VALUES = 64 * 16 * 3 * 112 * 112


@dataclass(frozen=True, kw_only=True)
class TrajectoryOptions:
    """How students follow experts (mtt)."""

    experts: Path | None = None
    """Folder of expert trajectories: what `vidcondense experts` made (mtt)."""

    expert_epochs: int = 2
    """Epochs of an expert that a student must catch up with (mtt)."""

    max_start_epoch: int = 10
    """Last epoch of an expert that a student may start from (mtt)."""

    synthetic_steps: int = 10
    """Training steps of a student on the synthetic videos (mtt)."""

    synthetic_batch: int = 64
    """Synthetic videos a training step (all, where they are fewer) (mtt)."""

    step_size: float = 0.01
    """Step size of the student at the start; it is learned (mtt)."""

    step_size_lr: float = 0.05
    """Learning rate of the step size's logarithm; 0 keeps the step size (mtt)."""

    def __post_init__(self) -> None:
        for name in ("expert_epochs", "synthetic_steps", "synthetic_batch"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "must be at least 1")
        require(self.max_start_epoch >= 0, "max_start_epoch", self.max_start_epoch, "must not be negative")
        require(self.step_size > 0, "step_size", self.step_size, "must be a positive number")
        require(self.step_size_lr >= 0, "step_size_lr", self.step_size_lr, "must not be negative")


@dataclass(frozen=True, kw_only=True)
class MatchOptions:
    """What is matched, and in which networks."""

    match: MatcherName | None = None
    """What is matched: mean features (dm), a network's gradients (dc), these under augmentation (dsa), where
    training leads (mtt), or the labels of real clips, by kernel ridge regression (frepo) (default: the
    method's)."""

    real_batch: int | None = None
    """Real clips a target (of frepo: a class) and iteration; all, where it has fewer (default: of dm 4, of
    dc, dsa and frepo 64)."""

    match_targets: TargetKind = "class"
    """Whose mean a video must match: its class's, or that of its own cluster of the class's real clips."""

    siamese: bool = False
    """Where mean features are matched (dm): alter a target's real clips and videos alike before, by colour,
    crop, cutout, flip, scale or rotation, drawn for each target and network. dsa always does so."""

    model: str = "convnet3d"
    """The network in which videos are matched, new every iteration (frepo: in training); also of coresets.
    For a network of your own: package.module:factory."""

    pool: int = 1
    """Random networks kept at a time and used in turn (dm); 1 with --uses 1 is a new one each iteration."""

    uses: int = 1
    """Iterations that use a random network before another takes its place (dm); real clips pass it once."""

    outer_steps: int = 1
    """Iterations in a row that dc and dsa match in the same network, which is trained between them."""

    inner_steps: int = 1
    """Training steps of that network on the synthetic videos between two iterations (dc, dsa, frepo)."""

    network_lr: float = 0.01
    """Learning rate of that training (dc, dsa; SGD)."""

    chunk: int | None = None
    """Videos a forward pass; fewer take less memory (default: as many as 64 of 16 frames of 112×112)."""

    trajectory: TrajectoryOptions = field(default_factory=TrajectoryOptions)
    """How students follow experts."""

    def __post_init__(self) -> None:
        check_choices(self)
        batch = self.real_batch
        require(batch is None or batch >= 1, "real_batch", batch, "must be at least 1")
        for name in ("pool", "uses", "outer_steps", "inner_steps"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "must be at least 1")
        require(self.network_lr > 0, "network_lr", self.network_lr, "must be a positive number")
        require(self.chunk is None or self.chunk >= 1, "chunk", self.chunk, "must be at least 1 video")

    def real_batch_of(self, matcher: MatcherName) -> int:
        """How many real clips a target and iteration has."""
        return self.real_batch or (REAL_BATCH_OF_MEANS if matcher == "dm" else REAL_BATCH)

    def chunk_of(self, shape: tuple[int, int, int, int]) -> int:
        """How many videos of a shape `(T, C, H, W)` go through a network at once."""
        return self.chunk or max(1, _CHUNK_VALUES // math.prod(shape))


@dataclass(frozen=True, kw_only=True)
class KernelOptions:
    """How labels of real clips are predicted by kernel ridge regression (--match frepo)."""

    label_lr: float = 0.01
    """Learning rate of the labels (frepo; Adam); 0 keeps each video's class and stores no other labels."""

    ridge: float = 1e-6
    """Ridge of the regression, times the mean of the kernel's diagonal (frepo)."""

    online_pool: int = 10
    """Networks in training kept at a time, of which each iteration draws one (frepo)."""

    max_online: int = 100
    """Training steps of a network of that pool before a new one takes its place (frepo)."""

    online_lr: float = 3e-4
    """Learning rate of these networks (frepo; Adam)."""

    def __post_init__(self) -> None:
        require(self.label_lr >= 0, "label_lr", self.label_lr, "must not be negative")
        require(self.ridge >= 1e-10, "ridge", self.ridge, "must be at least 1e-10")
        for name in ("online_pool", "max_online"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "must be at least 1")
        require(self.online_lr > 0, "online_lr", self.online_lr, "must be a positive number")
