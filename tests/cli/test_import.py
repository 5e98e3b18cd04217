from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from vidcondense.storage.condensed import load_condensed

COLOURS = ["--mean", "0.25", "0.5", "0.75", "--std", "0.5", "0.25", "0.125"]


@pytest.fixture
def stored(tmp_path):
    torch.save(torch.zeros(4, 6, 3, 8, 8), tmp_path / "images_best.pt")
    return tmp_path / "images_best.pt"


def test_import_tells_what_came(run, stored, tmp_path):
    (tmp_path / "names.txt").write_text("jump\nwave\n")
    torch.save(torch.tensor([1, 1, 0, 0]), tmp_path / "labels.pt")
    options = ["--classes-file", tmp_path / "names.txt", "--labels", tmp_path / "labels.pt", *COLOURS]
    outcome = run("import", stored, "--out", tmp_path / "set", *options, "--json")
    assert outcome.code == 0
    told = json.loads(outcome.out)
    made = load_condensed(tmp_path / "set")
    assert (told["videos"], told["classes"], told["shape"]) == (4, ["jump", "wave"], [6, 3, 8, 8])
    assert told["bytes"] == made.bytes
    assert made.labels.tolist() == [1, 1, 0, 0]
    assert np.allclose(made.clips([0])[0, 0, :, 0, 0], [0.25, 0.5, 0.75])
    assert run("inspect", tmp_path / "set").code == 0


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--units", "pixels"], 2, "--classes, or --classes-file"),
        (["--classes", "a", "b"], 2, "--units pixels"),
        (["--classes", "a", "b", "c", *COLOURS], 2, "shared out evenly"),
        (["--classes", "a", "b", *COLOURS, "--max-gb", "1e-6"], 5, "--max-gb"),
        (["--classes", "a", "b", *COLOURS, "--codec", "wepb"], 2, "did you mean webp"),
    ],
)
def test_bad_options_write_nothing(run, stored, tmp_path, options, code, message):
    outcome = run("import", stored, "--out", tmp_path / "set", *options)
    assert outcome.code == code
    assert message in outcome.line
    assert [path.name for path in tmp_path.iterdir()] == [stored.name]
