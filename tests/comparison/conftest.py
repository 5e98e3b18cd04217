"""A toy set, and a place to compare things on it in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidcondense.comparison.cells import Place
from vidcondense.comparison.plan import Plan, make_plan
from vidcondense.compute import Compute, choose_compute
from vidcondense.video.index import DataOptions
from vidcondense.video.toy import ToyOptions, make_toy

COMMON = {"num-frames": 8, "stride": 1, "size": 44, "iterations": 3, "real-batch": 2}


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, four training and two test videos each, 8 frames of 44×44."""
    out = tmp_path_factory.mktemp("comparison") / "toy"
    make_toy(out, ToyOptions(pairs=1, train_per_class=4, test_per_class=2, num_frames=8, size=44, workers=0))
    return out


@pytest.fixture
def place(toy: Path, tmp_path: Path) -> Place:
    return Place(data=toy, out=tmp_path / "out", reading=DataOptions(workers=0, cache_dir=tmp_path / "cache"))


@pytest.fixture
def plan() -> Plan:
    tables = {
        "repeats": 2,
        "networks": 2,
        "baseline": "random",
        "condense": COMMON,
        "evaluate": {"steps": 2},
        "full-data": {"repeats": 1},
        "sets": {"random": {"method": "random"}, "PRISM": {"codec": ["float32", "uint8"]}},
    }
    return make_plan(tables, Path())


@pytest.fixture
def compute() -> Compute:
    return choose_compute("cpu", "float32")
