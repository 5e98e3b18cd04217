from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from quick import SMALL

FAST = ["--steps", "2", "--repeats", "2", "--shots", "1", *SMALL]


def test_table_json_and_csv(run, condensed, toy, cache, tmp_path):
    command = ["transfer", condensed, "--data", toy, "--cache-dir", cache, *FAST, "--full-data"]
    outcome = run(*command, "--out", tmp_path / "results")
    assert outcome.code == 0
    assert "4 test clips from 4 source groups, 2 classes" in outcome.out
    assert "6 training clips to retrieve from and to probe with" in outcome.out
    found = json.loads((tmp_path / "results" / "results.json").read_text())
    names = [str(condensed), "untrained network", "full data"]
    assert list(found["summary"]) == names
    rows = list(csv.DictReader((tmp_path / "results" / "results.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == names
    for row, details in zip(rows, found["rows"], strict=True):
        for measurement in ("R@1", "R@5", "probe", "1-shot"):
            values = [np.mean(network[measurement]) for network in details["networks"]]
            assert float(row[measurement]) == pytest.approx(100 * np.mean(values))
            assert found["summary"][row["name"]][measurement]["mean"] == pytest.approx(np.mean(values))
        assert "R@10" not in row  # of six clips
    assert [details["num_train"] for details in found["rows"]] == [2, 0, 6]
    assert run(*command, "--out", tmp_path / "results").code == 4


def test_same_command_same_results(run, condensed, toy, cache):
    command = ["transfer", condensed, "--data", toy, "--cache-dir", cache, *FAST, "--json"]
    first = run(*command).out
    assert run(*command).out == first


def test_too_many_shots_are_refused(run, condensed, toy, cache):
    outcome = run("transfer", condensed, "--data", toy, "--cache-dir", cache, *FAST, "--shots", "4")
    assert outcome.code == 3
    assert "has 3 training clips, 4 are needed" in outcome.line


def test_divergence_is_told(run, condensed, toy, cache):
    command = ["transfer", condensed, "--data", toy, "--cache-dir", cache, *FAST]
    outcome = run(*command, "--lr", "1e30", "--steps", "12", "--repeats", "1")
    assert outcome.code == 0
    assert f"{condensed}: 1 of 1 networks diverged; what they lack is in no average" in outcome.err
