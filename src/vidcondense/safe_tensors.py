"""Safetensors files that others made: one handle, and the header first; no size is taken on trust."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from vidcondense.errors import FormatError
from vidcondense.files import check_regular, parse_json

_MAX_HEADER = 2**26
_LENGTH = 8  # bytes at the start, which say how long the header is
_METADATA = "__metadata__"
_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}

_Size = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


@dataclass(frozen=True, kw_only=True)
class _Declared:
    dtype: str
    shape: list[_Size]
    data_offsets: tuple[_Size, _Size]


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file says of itself; that types, shapes and offsets fit together is checked by `read_tensors`.

    Attributes:
        tensors: by name, type and shape: `["F32", 3, 4]`.
        metadata: text by name.
    """

    tensors: Mapping[str, list[str | int]]
    metadata: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Content:
    """A whole file.

    Attributes:
        tensors: by name, on the CPU.
        metadata: text by name.
        sha256: of the bytes that were read, in hex.
    """

    tensors: dict[str, Tensor] = field(repr=False)
    metadata: Mapping[str, str]
    sha256: str


def described(tensor: Tensor) -> list[str | int]:
    """The type and shape of a tensor as a `Header` has them."""
    return [_NAMES.get(tensor.dtype, str(tensor.dtype)), *tensor.shape]


def read_header(path: Path, most: int) -> Header:
    """The header of a file of at most `most` bytes. Raises `FormatError`, see `read_tensors`."""
    check_regular(path, most)
    try:
        with path.open("rb") as file:
            return _header(file, most)[0]
    except (OSError, ValueError) as error:
        raise FormatError(f"cannot read {path}: {error}") from error


def read_tensors(path: Path, most: int, check: Callable[[Header], object] = lambda header: None) -> Content:
    """Read a whole file; one that is replaced meanwhile is the old one or the new one.

    Args:
        path: the file.
        most: bytes it may have.
        check: looks at the header before anything else is read; may raise.

    Raises:
        FormatError: it is missing, no regular file, larger, damaged, or no such file.
    """
    check_regular(path, most)
    try:
        with path.open("rb") as file:
            header, start, size = _header(file, most)
            check(header)
            content = start + file.read(size - len(start))
        return Content(
            tensors=load(content), metadata=header.metadata, sha256=hashlib.sha256(content).hexdigest()
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise FormatError(f"cannot read {path}: {error}") from error


def _header(file: BinaryIO, most: int) -> tuple[Header, bytes, int]:
    """The header, its bytes with those of its length, and the size of the file. Raises `ValueError`."""
    size = os.fstat(file.fileno()).st_size
    first = file.read(_LENGTH)
    length = int.from_bytes(first, "little")
    if len(first) < _LENGTH or length > min(size - _LENGTH, _MAX_HEADER) or size > most:
        raise ValueError("its size does not fit its header")
    text = file.read(length)
    found = msgspec.convert(parse_json(text.decode()), dict[str, object])
    metadata = msgspec.convert(found.pop(_METADATA, {}), dict[str, str])
    declared = msgspec.convert(found, dict[str, _Declared])
    end = max((each.data_offsets[1] for each in declared.values()), default=0)
    if _LENGTH + length + end != size:
        raise ValueError(f"it has {size} bytes, and its header tells of {_LENGTH + length + end}")
    tensors: dict[str, list[str | int]] = {name: [each.dtype, *each.shape] for name, each in declared.items()}
    return Header(tensors=tensors, metadata=metadata), first + text, size
