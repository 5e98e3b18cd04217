"""The benchmark of compiled networks: every way it measures runs, and is told in the table."""

from __future__ import annotations

import importlib
import json

import pytest
import torch

from vidcondense.compute import Compute, choose_compute

script, tables = (importlib.import_module(name) for name in ("compile", "tables"))
WAYS = {"seconds_compiled", "ratio", "seconds_compiling", "relative_difference"}


@pytest.fixture
def quick(monkeypatch):
    for name, value in {"MODEL": "convnet3d-16", "SECONDS": 0.0, "VIDEOS": 1}.items():
        monkeypatch.setattr(script, name, value)


@pytest.fixture
def uncompiled(quick, monkeypatch):
    """Compiling takes a minute."""
    modes = []
    monkeypatch.setattr(torch, "compile", lambda function, mode=None: modes.append(mode) or function)
    return modes


def test_a_processor_compiles_and_has_no_graphs(uncompiled):
    row = script.row_of(8, 44, choose_compute("cpu", "float32"))
    assert uncompiled == [None]
    assert row.keys() == {"shape", "precision", "seconds_eager", "passes"} | WAYS
    assert row["relative_difference"] == 0
    assert row["passes"] == script.LEAST


def test_graphs_are_measured_beside_and_told(uncompiled, tmp_path, monkeypatch):
    """Those of a GPU, on the processor."""
    network = script.network_of(0, 8, 44, choose_compute("cpu", "float32"))
    ways = script.compiled_ways(network, Compute(torch.device("cuda"), "float32"))
    assert uncompiled == [None, "reduce-overhead"]
    monkeypatch.setattr(script, "compiled_ways", lambda held, compute: dict.fromkeys(ways, held.embed))
    begun = []
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: begun.append(True))
    row = script.row_of(8, 44, choose_compute("cpu", "float32"))
    assert len(begun) == script.FIRST["graphs"] + 1 + script.LEAST, "every pass with graphs, no other"
    assert row["graphs"].keys() == WAYS
    assert row["graphs"]["relative_difference"] == 0
    machine = {"processor": "P", "cores": 1, "torch": "2", "python": "3", "date": "today"}
    result = {"settings": "S", "benchmark": "compile", "device": "cuda", "videos": 1, "rows": [row]}
    (tmp_path / "compile.json").write_text(json.dumps({**result, "machine": machine}))
    made = tables._compile(tmp_path / "compile.json")
    assert "| 8×44×44 | float32 | " in made
    assert "| 8×44×44 | float32, CUDA graphs | " in made


@pytest.mark.cuda
@pytest.mark.filterwarnings("ignore")  # of torch's own, while it compiles
def test_compiled_on_a_gpu(quick):
    pytest.importorskip("triton")
    row = script.row_of(8, 44, choose_compute("cuda", "float32"))
    for found in (row, row["graphs"]):
        assert found["relative_difference"] < 0.05
