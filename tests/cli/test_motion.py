from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch

from quick import SMALL
from vidcondense.storage.condensed import load_condensed
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions

FAST = ["--steps", "2", "--repeats", "2", *SMALL]


def energy(clips: torch.Tensor) -> float:
    return float((clips[:, 1:] - clips[:, :-1]).double().square().mean())


def test_both_tables(run, condensed, toy, cache, tmp_path):
    command = ["motion", condensed, "--data", toy, "--cache-dir", cache, *FAST, "--full-data"]
    outcome = run(*command, "--out", tmp_path / "results")
    assert outcome.code == 0
    assert "chance level 50.0 %; 4 test clips from 4 source groups" in outcome.out
    found = json.loads((tmp_path / "results" / "results.json").read_text())
    made = load_condensed(condensed)
    real = load_data(
        toy, DataOptions(workers=0, cache_dir=cache), ClipOptions(num_frames=8, stride=1, size=44)
    ).train
    condensed_row, real_row = found["videos"]
    assert condensed_row["energy"] == pytest.approx(energy(made.clips(range(2))), rel=1e-4)
    assert real_row["energy"] == pytest.approx(energy(real.clips8(range(6)).float() / 255), rel=1e-4)
    assert real_row["speed"] > 0.1
    assert condensed_row["key_frames"] == np.mean([len(each) for each in made.positions])
    rows = list(csv.DictReader((tmp_path / "results" / "results.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == [str(condensed), "real training clips", "full data"]
    assert float(rows[0]["speed"]) == pytest.approx(condensed_row["speed"])
    assert (rows[1]["ordered"], rows[2]["speed"]) == ("", "")
    for row, details in zip([rows[0], rows[2]], found["networks"]["rows"], strict=True):
        for order in ("ordered", "shuffled", "reversed"):
            values = [np.mean(network[order]) for network in details["networks"]]
            assert float(row[order]) == pytest.approx(100 * np.mean(values))


def test_without_training(run, condensed, toy, cache):
    command = ["motion", condensed, "--data", toy, "--cache-dir", cache, "--workers", "0"]
    outcome = run(*command, "--skip-training", "--per-class", "1", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert [row["videos"] for row in found["videos"]] == [2, 2]
    assert "networks" not in found
    assert run(*command, "--skip-training", "--per-class", "1", "--json").out == outcome.out
    text = run(*command, "--skip-training").out
    assert "real training clips" in text
    assert "chance" not in text


def test_videos_of_one_frame_are_refused(run, toy, cache, tmp_path):
    still = ["--num-frames", "1", "--size", "44", "--method", "random", "--model", "convnet"]
    still += ["--initial-key-frames", "1"]
    out = tmp_path / "still"
    assert run("condense", toy, "--out", out, "--cache-dir", cache, "--workers", "0", *still).code == 0
    outcome = run("motion", out, "--data", toy, "--cache-dir", cache, "--skip-training")
    assert outcome.code == 2
    assert "videos of one frame, which do not move" in outcome.line


def test_model_that_does_not_fit_is_refused(run, condensed, toy):
    outcome = run("motion", condensed, "--data", toy, "--model", "cnn-gru")
    assert outcome.code == 2
    assert "--size 44: cnn-gru needs at least 64×64" in outcome.line
