"""A small set with a log, made by PRISM from clips in memory; results as `evaluate` writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from vidcondense.compute import Compute
from vidcondense.condensation import condense
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.options import MatchOptions
from vidcondense.settings import CondenseOptions
from vidcondense.storage.condensed import CondensedDataset

HOSTILE = '</script><img src=x onerror="document.title=1">{{ 7 * 7 }}'


@pytest.fixture
def condensed(memory_clips, tmp_path) -> CondensedDataset:
    """Two classes, two videos each, 8 frames; ε of 1, so that every frame is in conflict at once."""
    options = CondenseOptions(
        iterations=5,
        vpc=2,
        lr=1.0,
        match=MatchOptions(real_batch=2, model="convnet3d-16"),
        insert=InsertionOptions(epsilon=1.0, max_per_iteration=1, warmup=0.0, cooldown=0.2),
    )
    return condense(
        memory_clips(), tmp_path / "prism", options, compute=Compute(torch.device("cpu"), "float32")
    )


@pytest.fixture
def hostile(memory_clips, tmp_path) -> CondensedDataset:
    """Real clips of two classes with names that try to be HTML, script and template."""
    clips = memory_clips()
    clips.classes = (HOSTILE, "'\"><svg onload=alert(1)>")
    return condense(clips, tmp_path / "hostile", CondenseOptions(method="random", vpc=2))


@pytest.fixture
def written(condensed) -> dict[str, Any]:
    """What results.json of one set and a control holds."""
    return evaluation_file(condensed)


@pytest.fixture
def results(written, tmp_path) -> Path:
    """A folder with these results."""
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps(written))
    return folder


@pytest.fixture
def comparison(written, tmp_path) -> Path:
    """A folder with compare.json."""
    folder = tmp_path / "compared"
    folder.mkdir()
    rows = [{**row("prism"), "codec": "uint8"}, {**row("prism"), "codec": "webp"}]
    commands = {"prism-0": ["vidcondense", "compare", "a plan.toml", "--only", "prism-0"]}
    (folder / "compare.json").write_text(json.dumps({"rows": rows, "commands": commands}))
    return folder


@pytest.fixture
def hostile_name() -> str:
    return HOSTILE


def row(name, **more):
    values = dict.fromkeys(
        ["std", "ci_low", "ci_high", "group_ci_low", "group_ci_high", "vpc", "paper_mb", "bytes"]
    )
    fixed = {"repeat": "network", "n": 2, "model": "convnet3d", "clips": 4, "networks": 2, "diverged": 0}
    return {"name": name, "accuracy": 75.0, "train_accuracy": 100.0, **fixed, **values, **more}


def judged(name, classes, confusion, steps=20, **more):
    options = {"protocol": "strict", "model": "convnet3d", "repeats": 2, "seed": 99, "steps": steps}
    evaluation = {
        "options": options,
        "classes": list(classes),
        "per_class": [0.5, None],
        "repeats": [{"confusion": confusion}, {"confusion": confusion}],
    }
    return {"name": name, "evaluation": evaluation, **more}


def evaluation_file(condensed):
    sha256 = condensed.manifest["sha256"]
    return {
        "chance": 0.5,
        "protocol": "strict",
        "seed": 7,
        "table": [
            row("a/prism", std=2.0, ci_low=70.0, ci_high=80.0, bytes=condensed.bytes),
            row("full data (30 steps)", accuracy=None),
        ],
        "sets": [judged("a/prism", condensed.classes, [[0, 0, 3], [0, 1, 1], [1, 1, 4]], sha256=sha256)],
        "controls": [judged("full data (30 steps)", condensed.classes, [], steps=30)],
    }
