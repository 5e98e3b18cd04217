"""The options of representations."""

from __future__ import annotations

from dataclasses import dataclass

from vidcondense.options import require


@dataclass(frozen=True, kw_only=True)
class StaticDynamicOptions:
    """How static images and the convolution of static-dynamic sets are learned."""

    static_iterations: int = 1000
    """Optimisation steps of stage one: still images from single frames, by gradient matching."""

    static_lr: float = 0.1
    """Learning rate of the still images."""

    static_model: str = "convnet"
    """The network of stage one; it sees one frame at a time."""

    convolution_lr: float = 1e-5
    """Learning rate of the convolution in stage two; that of the dynamic memories is --lr."""

    def __post_init__(self) -> None:
        steps = self.static_iterations
        require(steps >= 1, "static_iterations", steps, "must be at least 1")
        for name in ("static_lr", "convolution_lr"):
            require(getattr(self, name) > 0, name, getattr(self, name), "must be a positive number")
