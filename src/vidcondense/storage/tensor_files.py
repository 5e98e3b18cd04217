"""Tensors that other programs stored: .pt, .safetensors, .npy; all of them treated as hostile.

Files of `torch.save` are pickles. They are read with `weights_only`, and before that the pickle inside is
gone through without running it: a name in it that is not one of those below is refused, and told.
"""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from vidcondense.errors import FormatError, LimitError, VidcondenseError
from vidcondense.files import size_text
from vidcondense.options import unknown

MAX_BYTES = 4 * 10**9

_MAX_PICKLE = 16 * 2**20
_MAX_MEMBERS = 100_000
_GLOBALS = frozenset(
    {
        "torch._utils _rebuild_tensor_v2",
        "torch._utils _rebuild_parameter",
        "collections OrderedDict",
        *(f"torch {kind}Storage" for kind in ("Float", "Double", "Half", "BFloat16")),
        *(f"torch {kind}Storage" for kind in ("Long", "Int", "Short", "Char", "Byte", "Bool")),
        # Accuracies that published code stores beside its images are numpy's numbers.
        "numpy.core.multiarray scalar",
        "numpy._core.multiarray scalar",
        "numpy dtype",
        "_codecs encode",
    }
)
"""All that a pickle of tensors and numbers refers to."""

_HIDDEN = frozenset({"STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4"})
"""Operations of a pickle that refer to something without naming it in one place; `torch.save` uses none."""


def read_tensors(path: Path, max_bytes: int = MAX_BYTES) -> Any:  # noqa: ANN401 - whatever was stored
    """What a file holds: a tensor, or containers of tensors.

    Args:
        path: ends in .pt, .pth, .safetensors or .npy.
        max_bytes: the most that it may hold, also once it is unpacked.

    Raises:
        FormatError: it is no such file, damaged, or holds more than tensors and numbers.
        LimitError: it is too large.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise FormatError(f"{path}: {unknown(path.suffix, _READERS, 'ending')}")
    if not path.is_file():
        raise FormatError(f"{path} is no file")
    _check_size(path, path.stat().st_size, max_bytes)
    try:
        return read(path, max_bytes)
    except VidcondenseError:
        raise
    except Exception as error:  # torch and numpy raise anything for a damaged file: KeyError, TokenError
        first = str(error).partition("\n")[0]
        raise FormatError(f"cannot read {path}: {first:.200}") from error


def check_tensor(path: Path, what: str, value: object, max_bytes: int = MAX_BYTES) -> Tensor:
    """The tensor that `value` must be, safe to work with.

    Raises:
        FormatError: it is none, or a sparse or quantised one, or one without values.
        LimitError: it stands for more than `max_bytes`, as a small one repeated may.
    """
    if not isinstance(value, Tensor):
        raise FormatError(f"{path}: the {what} are {type(value).__name__}, no tensor")
    if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized:
        raise FormatError(f"{path}: the {what} are no plain tensor")
    _check_size(path, value.numel() * max(value.element_size(), 4), max_bytes)
    return value.detach()


def _check_size(path: Path, size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise LimitError(f"{path} holds {size_text(size)}, more than {size_text(max_bytes)}; raise --max-gb")


def _read_pt(path: Path, max_bytes: int) -> Any:  # noqa: ANN401
    _check_archive(path, max_bytes)
    with torch.serialization.safe_globals(_numpy_numbers()):
        return torch.load(path, map_location="cpu", weights_only=True)


def _check_archive(path: Path, max_bytes: int) -> None:
    """Refuse what is no archive of `torch.save`, would unpack to too much, or names more than tensors."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > _MAX_MEMBERS or any(member.compress_type for member in members):
            raise FormatError(f"{path} is no file of torch.save: it has compressed parts, or too many")
        _check_size(path, sum(member.file_size for member in members), max_bytes)
        pickles = [member for member in members if member.filename.endswith("data.pkl")]
        if len(pickles) != 1:
            raise FormatError(f"{path} is no file of torch.save: it has {len(pickles)} data.pkl, not 1")
        if pickles[0].file_size > _MAX_PICKLE:
            raise LimitError(f"{path} holds a pickle of more than {size_text(_MAX_PICKLE)}")
        _check_pickle(path, archive.read(pickles[0]))


def _check_pickle(path: Path, content: bytes) -> None:
    for operation, argument, _ in pickletools.genops(content):
        if operation.name in _HIDDEN or (operation.name == "GLOBAL" and argument not in _GLOBALS):
            raise FormatError(
                f"{path} holds more than tensors and numbers ({argument or operation.name}); nothing of it "
                "was run. If you trust it, load it with torch and save the tensors alone"
            )


def _numpy_numbers() -> list[Any]:
    """What numpy's numbers are made by."""
    scalar = np.float64(0).__reduce__()[0]
    kinds = [type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64)]
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
    return [*((scalar, name) for name in names), np.dtype, *kinds]


def _read_safetensors(path: Path, max_bytes: int) -> Mapping[str, Tensor]:
    return load_file(path)


def _read_npy(path: Path, max_bytes: int) -> Tensor:
    # A memory map: nothing is allocated before the shape has been compared with the file. No pickles.
    values = np.lib.format.open_memmap(path, mode="r")
    return torch.from_numpy(np.array(values, dtype=values.dtype.newbyteorder("=")))


_READERS: Mapping[str, Callable[[Path, int], Any]] = {
    ".pt": _read_pt,
    ".pth": _read_pt,
    ".safetensors": _read_safetensors,
    ".npy": _read_npy,
}
