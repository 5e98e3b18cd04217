"""Checkpoints: one safetensors file that is replaced atomically, so a kill leaves the last good one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.optim import Optimizer

from vidcondense.errors import FormatError
from vidcondense.files import write_file

_STATE = "state"


def save_checkpoint(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write tensors and a JSON-able state to `path`.

    Raises:
        OutputError: the file cannot be written; an older checkpoint is then still whole.
    """
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {_STATE: json.dumps(state, allow_nan=False)}
    write_file(path, lambda temporary: temporary.write_bytes(save(held, metadata)))


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_checkpoint` wrote: tensors on the CPU, and the state.

    Raises:
        FormatError: the file is missing or is no checkpoint of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            return tensors, json.loads((file.metadata() or {})[_STATE])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise FormatError(f"cannot read the checkpoint {path}: {error}") from error


def optimiser_tensors(optimiser: Optimizer) -> dict[str, Tensor]:
    """All that an optimiser remembers (momentum, Adam's moments and steps), by number of the parameter."""
    return {
        f"{number}.{name}": tensor
        for number, parameter in enumerate(_parameters(optimiser))
        for name, tensor in optimiser.state[parameter].items()
        if isinstance(tensor, Tensor)
    }


def load_optimiser_tensors(optimiser: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Take on what `optimiser_tensors` gave; moments go to the device of their parameters."""
    parameters = _parameters(optimiser)
    for key, tensor in tensors.items():
        number, _, name = key.partition(".")
        parameter = parameters[int(number)]
        device = parameter.device if tensor.shape == parameter.shape else tensor.device
        optimiser.state[parameter][name] = tensor.to(device, copy=True)


def _parameters(optimiser: Optimizer) -> list[Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
