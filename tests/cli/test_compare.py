from __future__ import annotations

import csv
import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

import pytest

from quick import COMPARISON, CONDENSE
from vidcondense.storage.condensed import load_condensed

PLAN = f"""{COMPARISON}[sets.greedy]
vpc = 99
"""


ENDLESS = f"""{CONDENSE}iterations = 100_000
[sets.greedy]
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


@pytest.fixture
def arguments(plan, toy, cache, tmp_path):
    places = ["--data", toy, "--out", tmp_path / "out", "--cache-dir", cache]
    return [plan, *places, "--workers", "0", "--precision", "float32"]


@pytest.mark.slow
def test_a_failed_cell_is_shown_and_costs_no_other(run, arguments, tmp_path):
    outcome = run("compare", *arguments, "--jobs", "2", "--json")
    told = json.loads(outcome.out)
    assert outcome.code == 1
    assert "fewer than --vpc 99" in told["failures"]["greedy-0"]
    (row,) = told["rows"]
    assert row["name"] == "random"
    made = load_condensed(tmp_path / "out" / "sets" / "random-0" / "uint8")
    assert row["bytes"] == made.bytes
    again, failed = csv.DictReader(io.StringIO((tmp_path / "out" / "compare.csv").read_text()))
    assert float(again["accuracy"]) == row["accuracy"]
    assert (failed["accuracy"], failed["n"]) == ("", "0")
    assert "fewer than --vpc 99" in failed["failed"]
    page = (tmp_path / "out" / "compare.md").read_text()
    assert f"\nJudged by {told['judged']}.\n" in page
    assert "| greedy | 99 | 0 of 1 | failed |" in page
    assert "    # greedy-0 failed: " in page
    by_itself = shlex.join(told["commands"]["greedy-0"])
    assert f"    {by_itself}\n" in page
    assert f"; by itself: {by_itself}\n" in outcome.err
    assert json.loads((tmp_path / "out" / "compare.json").read_text())["rows"] == told["rows"]
    assert (tmp_path / "out" / "compare.toml").read_text() == PLAN

    listed = run("compare", *arguments, "--list", "--json")
    assert json.loads(listed.out) == {"cells": {"random-0": True, "greedy-0": False}}

    (shown,) = (words for name, words in told["commands"].items() if name == "random-0")
    (tmp_path / "out" / "cells" / "random-0.json").unlink()
    assert shown[0] == "vidcondense"
    assert run(*shown[1:]).code == 0, "the command that is told computes the cell"
    assert (tmp_path / "out" / "cells" / "random-0.json").exists()


def test_mistakes_are_one_line(run, arguments, plan, tmp_path):
    assert "did you mean random-0?" in run("compare", *arguments, "--only", "randum-0").line
    assert "cannot read" in run("compare", tmp_path / "none.toml", *arguments[1:]).line
    outcome = run("compare", plan, "--data", tmp_path / "nowhere", "--out", tmp_path / "out")
    assert outcome.code == 3
    assert f"{tmp_path / 'nowhere'} is no folder" in outcome.line
    cell = tmp_path / "out" / "cells" / "random-0.json"
    cell.parent.mkdir(parents=True)
    cell.write_text("{}")
    outcome = run("compare", plan, "--data", tmp_path / "nowhere", "--out", tmp_path / "out", "--overwrite")
    assert outcome.code == 3
    assert cell.exists(), "a mistyped folder costs no result"
    shutil.rmtree(tmp_path / "out")
    plan.write_text("[sets.a]\nmethods = 3")
    assert "did you mean method?" in run("compare", *arguments).line
    assert not (tmp_path / "out").exists()


def test_progress_counts_the_iterations_of_all_stages(run, arguments, plan, monkeypatch):
    monkeypatch.setattr("vidcondense.cli.progress.QUIET_SECONDS", 0.0)
    staged = 'method = "static-dynamic"\nstatic-model = "convnet-32"\nstatic-iterations = 1\niterations = 2'
    plan.write_text(f"{COMPARISON}[sets.staged]\n{staged}\n")
    told = run("compare", *arguments, "--only", "staged-0").err
    assert "condensing staged-0: 3 of 3" in told


@pytest.mark.slow
def test_an_interrupted_comparison_leaves_a_checkpoint_and_goes_on(plan, arguments, tmp_path):
    plan.write_text(ENDLESS)
    words = [sys.executable, "-m", "vidcondense", "compare", *map(str, arguments), "--jobs", "2"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})
    partial = tmp_path / "out" / "sets" / "greedy-0" / "uint8.partial"
    while process.poll() is None and not (partial / "checkpoint.safetensors").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said
    assert (partial / "checkpoint.safetensors").exists()
    log = (tmp_path / "out" / "logs" / "greedy-0.log").read_text()
    assert "with --resume goes on" in log
