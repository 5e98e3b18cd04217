"""Where and in which precision networks run."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from vidcondense import __version__
from vidcondense.errors import UsageError

M = TypeVar("M", bound=nn.Module)
Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class Compute:
    """A device and the precision of the forward passes on it; losses and cosines are float32 everywhere."""

    device: torch.device
    precision: Literal["float32", "bfloat16"]

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """The context in which to run a network."""
        if self.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def place(self, network: M) -> M:
        """Move a network to the device; 3-D convolutions get the memory format that is fastest there."""
        network.to(device=self.device)
        for module in network.modules():
            if isinstance(module, nn.Conv3d):
                module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        return network

    def move(self, tensor: Tensor) -> Tensor:
        """Move a tensor to the device."""
        return tensor.to(self.device, non_blocking=True)


def choose_compute(device: str = "auto", precision: Precision = "auto") -> Compute:
    """Resolve `auto`: a GPU when there is one; bfloat16 where the processor has instructions for it.

    The choice rests on what the machine *has*, never on a timing, so that one machine always chooses alike.

    Args:
        device: `auto`, `cpu`, `cuda`, `cuda:1`.
        precision: `auto`, `float32`, or `bfloat16` (autocast: parameters stay float32).

    Raises:
        UsageError: no such device here.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise UsageError(f"--device {device} is unknown to torch; use auto, cpu, cuda or cuda:1") from error
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise UsageError(
            f"--device {device}: this torch sees {torch.cuda.device_count()} CUDA devices; "
            "use --device cpu, or install a CUDA build of torch"
        )
    if chosen.type not in ("cpu", "cuda"):
        raise UsageError(f"--device {device} is not supported; use auto, cpu or cuda")
    if precision == "auto":
        precision = "bfloat16" if has_bfloat16(chosen) else "float32"
    return Compute(chosen, precision)


def versions_of(compute: Compute) -> dict[str, Any]:
    """What the bytes of a result depend on beside the options, as JSON."""
    return {
        "vidcondense": __version__,
        "torch": torch.__version__,
        "device": compute.device.type,
        "precision": compute.precision,
        "threads": torch.get_num_threads(),
    }


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16; without them it is emulated, slowly."""
    if device.type == "cuda":
        supported: bool = torch.cuda.is_bf16_supported(including_emulation=False)
        return supported
    return torch.cpu._is_avx512_bf16_supported()
