"""Changing valid input so that it is nearly valid: the same number always gives the same change."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

TOKENS = (
    *(
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\n",
        b"\r",
        b"\t",
        b'"',
        b"'",
        b"'''",
        b"\\",
        b"\\u0000",
        b"\\ud800",
    ),
    *(b"[", b"]", b"{", b"}", b",", b"=", b":", b"::", b"#", b".", b"..", b"/", b"../", b"/etc/passwd"),
    *(b"nan", b"inf", b"-inf", b"NaN", b"1e999", b"-1", b"0", b"-0.0", b"1e-320", b"2e4", b"0x10", b"9" * 20),
    *(b"true", b"null", b"none", b"1979-05-27", b"9" * 5000, b"[" * 3000, b"{" * 3000, b"a." * 2000),
    *("٣".encode(), "\u2028".encode(), "é".encode(), "\U0001f600".encode(), b"=cmd()", b"<script>"),
)
"""What parsers stumble over."""

NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)

VALUES = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2,
        3,
        44,
        1024,
        8192,
        2**31,
        2**63,
        2**64,
        10**30,
        0.5,
        -0.0,
        1e-320,
        1e300,
    ),
    *(
        "",
        "a",
        "key-frames",
        "static-dynamic",
        "float32",
        "lzma",
        "png",
        "../x",
        "/etc/passwd",
        "\0",
        "\ud800",
    ),
    *([], [0], [0, 0], [[]], [None], ["a"], [1e300] * 3, [0.5] * 3, [1, 3, 8, 8], [0] * 2000, {}, {"a": {}}),
)
"""What values of JSON become."""


def mutate(data: bytes, stream: random.Random, others: Sequence[bytes]) -> bytes:
    """One to some changes of `data`: bits, bytes, numbers, tokens, cuts, repeats, and pieces of `others`."""
    changed = bytearray(data)
    for _ in range(min(1 + int(stream.expovariate(0.7)), 8)):
        stream.choice(_CHANGES)(changed, stream, others)
    return bytes(changed)


def mutate_json(data: bytes, stream: random.Random) -> bytes:
    """Change, drop or add one value of a JSON text; what is no JSON stays as it is."""
    try:
        value = json.loads(data)
    except ValueError:
        return data
    for _ in range(1 + int(stream.expovariate(1.5))):
        _change_inside(value, stream)
    return json.dumps(value).encode()


def mutate_safetensors(data: bytes, stream: random.Random) -> bytes:
    """Change the header of a safetensors file, with the right length before it."""
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= len(data) - 8:
        return data
    header = mutate_json(data[8 : 8 + length], stream)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def _change_inside(value: Any, stream: random.Random) -> None:
    """Go down from `value` to some place, and change that."""
    while isinstance(value, (dict, list)) and value:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = stream.choice(keys)
        if isinstance(value[key], (dict, list)) and value[key] and stream.random() < 0.7:
            value = value[key]
            continue
        if stream.random() < 0.15:
            del value[key]
        elif stream.random() < 0.15 and isinstance(value, list):
            value.append(copy.deepcopy(value[key]))
        elif isinstance(value[key], (int, float)) and stream.random() < 0.3:
            value[key] = stream.choice((value[key] + 1, value[key] - 1, -value[key], 2 * value[key]))
        else:
            value[key] = copy.deepcopy(stream.choice(VALUES))
        return


def _flip(data: bytearray, stream: random.Random, others: Sequence[bytes]) -> None:
    if data:
        data[stream.randrange(len(data))] ^= 1 << stream.randrange(8)


def _set(data: bytearray, stream: random.Random, others: Sequence[bytes]) -> None:
    if data:
        data[stream.randrange(len(data))] = stream.randrange(256)


def _number(data: bytearray, stream: random.Random, others: Sequence[bytes]) -> None:
    size, order = stream.choice((1, 2, 4, 8)), stream.choice(("little", "big"))
    if len(data) >= size:
        at = stream.randrange(len(data) - size + 1)
        data[at : at + size] = (stream.choice(NUMBERS) % 2 ** (8 * size)).to_bytes(size, order)


def _token(data: bytearray, stream: random.Random, others: Sequence[bytes]) -> None:
    start, end = _range(data, stream, 4)
    data[start : stream.choice((start, end))] = stream.choice(TOKENS)


def _cut(data: bytearray, stream: random.Random, others: Sequence[bytes]) -> None:
    del data[stream.randrange(len(data) + 1) :]


def _drop(data: bytearray, stream: random.Random, others: Sequence[bytes]) -> None:
    start, end = _range(data, stream, 64)
    del data[start:end]


def _repeat(data: bytearray, stream: random.Random, others: Sequence[bytes]) -> None:
    start, end = _range(data, stream, 64)
    data[end:end] = data[start:end] * stream.choice((1, 2, 30))


def _splice(data: bytearray, stream: random.Random, others: Sequence[bytes]) -> None:
    """A piece of another valid input, or all of its end."""
    other = stream.choice(others)
    start, end = _range(other, stream, len(other))
    at = stream.randrange(len(data) + 1)
    data[at : stream.choice((at, at + end - start, len(data)))] = other[start:end]


def _range(data: bytes | bytearray, stream: random.Random, longest: int) -> tuple[int, int]:
    start = stream.randrange(len(data) + 1)
    return start, min(len(data), start + stream.randint(0, longest))


_CHANGES: tuple[Callable[[bytearray, random.Random, Sequence[bytes]], None], ...] = (
    *(_flip, _flip, _set, _set, _number, _number, _token, _cut, _drop, _repeat, _splice),
)
