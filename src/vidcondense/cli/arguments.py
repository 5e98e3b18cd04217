"""Arguments that several commands have in common, beside the library's own options."""

from __future__ import annotations

from dataclasses import dataclass

from vidcondense.compute import Compute, Precision, choose_compute


@dataclass(frozen=True, kw_only=True)
class ComputeArguments:
    """Where networks run."""

    device: str = "auto"
    """auto (a GPU when there is one), cpu, cuda, or cuda:1."""

    precision: Precision = "auto"
    """Of the forward passes: float32, bfloat16, or auto (bfloat16 where the processor has it)."""

    def choose(self) -> Compute:
        """What these arguments stand for here. Raises `UsageError`: no such device."""
        return choose_compute(self.device, self.precision)
