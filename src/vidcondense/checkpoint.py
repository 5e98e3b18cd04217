"""Checkpoints: one safetensors file that is replaced atomically, so a kill leaves the last good one.

It carries a sha256 of all that it holds, because safetensors itself does not notice a changed number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor
from torch.optim import Optimizer

from vidcondense.errors import FormatError
from vidcondense.files import parse_json, write_bytes
from vidcondense.safe_tensors import read_tensors

_STATE, _SHA256 = "state", "sha256"
_MAX_BYTES = 2**32


def save_checkpoint(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write tensors and a JSON-able state to `path`.

    Raises:
        OutputError: the file cannot be written; an older checkpoint is then still whole.
    """
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(state, allow_nan=False)
    metadata = {_STATE: text, _SHA256: _digest(held, text)}
    write_bytes(path, save(held, metadata))


def load_checkpoint(path: Path, most: int = _MAX_BYTES) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_checkpoint` wrote: tensors on the CPU, and the state.

    Args:
        path: the file.
        most: bytes it may have.

    Raises:
        FormatError: the file is missing, damaged, or no checkpoint of ours.
    """
    try:
        found = read_tensors(path, most)
        tensors, text = found.tensors, found.metadata[_STATE]
        state = parse_json(text)
    except (FormatError, KeyError, ValueError) as error:
        what = str(error) if isinstance(error, FormatError) else f"{path}: {error}"
        raise FormatError(f"{what}; where that cannot be mended, --overwrite starts anew") from error
    if found.metadata.get(_SHA256) != _digest(tensors, text):
        raise FormatError(f"the checkpoint {path} is damaged: its sha256 does not fit; use --overwrite")
    if not isinstance(state, dict):
        raise FormatError(f"the checkpoint {path} holds no state; use --overwrite")
    return tensors, state


def _digest(tensors: Mapping[str, Tensor], state: str) -> str:
    """The sha256 of the state and of all tensors: names, types, shapes and bytes."""
    digest = hashlib.sha256(state.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def part_of(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors of a state whose names begin with `prefix`, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


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
        own = tensor.clone() if name == "step" else torch.empty_like(parameter).copy_(tensor)
        optimiser.state[parameter][name] = own


def _parameters(optimiser: Optimizer) -> list[Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
