from __future__ import annotations

import json

import torch

from vidcondense.compute import has_bfloat16

QUICK = ["--num-frames", "8", "--stride", "1", "--size", "44", "--real-batch", "2", "--batch-size", "2"]


def test_without_data_a_toy_set_is_measured(run, tmp_path):
    arguments = [*QUICK, "--seconds", "0.01", "--workers", "0", "--layout", "ucf101"]  # of no importance here
    outcome = run("bench", *arguments, "--out", tmp_path / "bench.json", "--json")
    assert outcome.code == 0
    told = json.loads(outcome.out)
    assert told == json.loads((tmp_path / "bench.json").read_text())
    assert told["settings"]["classes"] == 2
    assert told["machine"]["torch"]
    for part in ("decode", "real", "synthetic", "training", "iterations", "iteration_real"):
        assert told[part]["per_second"] > 0, part
    assert told["iterations"]["share"] > 0


def test_the_lines_name_every_part(run, toy):
    outcome = run("bench", toy, *QUICK, "--seconds", "0.01", "--workers", "0", "--precision", "float32")
    assert outcome.code == 0
    names = ("matrix peak, bfloat16", "decoding", "real clips", "training", "condensation", "peak memory")
    assert all(f"\n{name} " in f"\n{outcome.out}" for name in names)
    assert "% of the peak" in outcome.out
    assert ("not in hardware" in outcome.out) != has_bfloat16(torch.device("cpu"))


def test_a_folder_that_is_no_dataset_fails(run, tmp_path):
    outcome = run("bench", tmp_path / "nowhere", *QUICK, "--seconds", "0.01")
    assert outcome.code == 3
    assert "does not exist" in outcome.line
