from __future__ import annotations

import json
import os
import threading
import time
import tracemalloc

import pytest
import torch
from safetensors.torch import save_file

from marks import fault
from vidcondense.checkpoint import (
    load_checkpoint,
    load_optimiser_tensors,
    optimiser_tensors,
    save_checkpoint,
)
from vidcondense.errors import FormatError


def test_round_trip_is_exact(tmp_path):
    tensors = {
        "a": torch.randn(3, 4, dtype=torch.float64).T,
        "mask": torch.tensor([[True, False]]),
        "leaf": torch.randn(2, requires_grad=True),
    }
    state = {"iteration": 3, "settings": {"lr": 0.1, "names": ["ü"]}}
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, tensors, state)
    loaded, found = load_checkpoint(path)
    assert found == state
    assert loaded.keys() == tensors.keys()
    assert all(
        loaded[name].equal(tensor) and not loaded[name].requires_grad for name, tensor in tensors.items()
    )


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_an_optimiser_goes_on_alike(kind):
    def begin():
        parameters = [torch.ones(3, requires_grad=True), torch.ones(2, 2, requires_grad=True)]
        settings = {"momentum": 0.9} if kind is torch.optim.SGD else {}
        return parameters, kind([{"params": [each]} for each in parameters], lr=0.1, **settings)

    def step(parameters, optimiser, number):
        for each in parameters:
            each.grad = torch.full_like(each, float(number - 3) ** 2)
        optimiser.step()

    one, first = begin()
    for number in range(4):
        step(one, first, number)
    other, second = begin()
    with torch.no_grad():
        for mine, its in zip(other, one, strict=True):
            mine.copy_(its)
    load_optimiser_tensors(second, optimiser_tensors(first))
    for number in range(4, 7):
        step(one, first, number)
        step(other, second, number)
    assert all(mine.equal(its) for mine, its in zip(other, one, strict=True))


@pytest.mark.parametrize("content", [b"", b"text", b"\xff" * 100])
def test_broken_file_fails(tmp_path, content):
    path = tmp_path / "c.safetensors"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"c\.safetensors.*--overwrite starts anew"):
        load_checkpoint(path)


def test_missing_or_foreign_file_fails(tmp_path):
    with pytest.raises(FormatError):
        load_checkpoint(tmp_path / "none")
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign")
    with pytest.raises(FormatError):
        load_checkpoint(tmp_path / "foreign")


def test_a_file_that_is_replaced_meanwhile_is_read_whole(tmp_path):
    path = tmp_path / "c.safetensors"
    number, stop = 0, threading.Event()

    def replace_again_and_again():
        nonlocal number
        while not stop.is_set():
            number += 1
            save_checkpoint(path, {"a": torch.full((100_000,), float(number))}, {"number": number})

    save_checkpoint(path, {"a": torch.zeros(100_000)}, {"number": 0})
    writer = threading.Thread(target=replace_again_and_again)
    writer.start()
    try:
        while number < 30:
            tensors, state = load_checkpoint(path)
            assert tensors["a"].eq(state["number"]).all()
            time.sleep(0.001)  # the writer needs a turn, too
    finally:
        stop.set()
        writer.join()


@fault("56o", "a checkpoint that is a hole, with a header that fits or not", "refused before it is read")
@pytest.mark.parametrize("size", [30 * 10**9, 10**9])
@pytest.mark.parametrize("fits", [True, False])
def test_a_hole_is_not_read(tmp_path, size, fits):
    path = tmp_path / "c.safetensors"
    told = size if fits else 10**6
    text = json.dumps({"a": {"dtype": "U8", "shape": [told], "data_offsets": [0, told]}}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    os.truncate(path, 8 + len(text) + size)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match=r"c\.safetensors.*--overwrite starts anew"):
            load_checkpoint(path, 5 * 10**8)
        assert tracemalloc.get_traced_memory()[1] < 10**7
    finally:
        tracemalloc.stop()
    if not fits:
        with pytest.raises(FormatError, match=r"header tells of|limit"):
            load_checkpoint(path)


@pytest.mark.parametrize("length", [2**62, 2**27, 10**6])
def test_a_header_is_not_read_where_it_cannot_be_one(tmp_path, length):
    path = tmp_path / "c.safetensors"
    path.write_bytes(length.to_bytes(8, "little"))
    os.truncate(path, 10**6)
    with pytest.raises(FormatError, match="does not fit its header"):
        load_checkpoint(path)
