from __future__ import annotations

import importlib
import json

import pytest
import torch

from quick import SMALL
from vidcondense.storage.condensed import load_condensed
from vidcondense.training import train

FAST = ["--steps", "3", "--repeats", "1", *SMALL]


@pytest.fixture
def relabelled(run, condensed, tmp_path):
    teacher, out = tmp_path / "teacher", tmp_path / "relabelled"
    assert run("train", condensed, "--out", teacher, "--steps", "2", "--precision", "float32").code == 0
    outcome = run(
        "relabel", condensed, "--teacher", teacher, "--out", out, "--precision", "float32", "--json"
    )
    assert outcome.code == 0
    told = json.loads(outcome.out)
    assert told["bytes"] == load_condensed(out).bytes > told["bytes_before"]
    return out


def test_evaluation_trains_on_the_labels_it_says(run, relabelled, toy, cache, monkeypatch):
    """And no row of one kind of label hides among those of another."""
    seen = []

    def watching(network, clips, *arguments, **options):
        seen.append(clips.labels)
        return train(network, clips, *arguments, **options)

    monkeypatch.setattr(importlib.import_module("vidcondense.evaluation.evaluate"), "train", watching)
    command = ["evaluate", relabelled, "--data", toy, "--cache-dir", cache, *FAST]
    soft = json.loads(run(*command, "--labels", "own", "--full-data", "--json").out)
    hard = json.loads(run(*command, "--json").out)
    made = load_condensed(relabelled)
    assert seen[0].equal(made.soft_labels)
    assert seen[1].equal(torch.tensor([0, 0, 0, 1, 1, 1]))
    assert seen[2].equal(made.labels)
    assert [row["labels"] for row in soft["table"]] == ["teacher", "hard"]
    assert [row["labels"] for row in hard["table"]] == ["hard"]
    assert soft["sets"][0]["labelling"] == made.manifest["labelling"]
    assert "labels" in run(*command).out
    assert "teacher convnet3d" in run("inspect", relabelled).out


def test_a_teacher_of_real_clips_labels_views_that_students_are_trained_on(
    run, condensed, toy, cache, tmp_path, monkeypatch
):
    teacher, out = tmp_path / "teacher", tmp_path / "views"
    real = ["--data", toy, "--cache-dir", cache, "--workers", "0"]
    command = ["train", condensed, "--out", teacher, *real, "--steps", "2", "--precision", "float32"]
    assert json.loads(run(*command, "--json").out)["clips"] == 6
    assert json.loads((teacher / "network.json").read_text())["origin"]["trained_on"] == "real clips"
    labelling = ["--teacher", teacher, "--views", "3", "--seed", "1", "--precision", "float32"]
    assert "3 views each" in run("relabel", condensed, *labelling, "--out", out).out
    seen = []

    def watching(network, clips, *arguments, **options):
        seen.append(clips)
        return train(network, clips, *arguments, **options)

    monkeypatch.setattr(importlib.import_module("vidcondense.evaluation.evaluate"), "train", watching)
    told = json.loads(run("evaluate", out, *real[:4], *FAST, "--labels", "own", "--json").out)
    made = load_condensed(out)
    assert len(seen[0]) == 3 * len(made)
    assert seen[0].labels.equal(made.soft_labels)
    assert told["table"][0]["labels"] == "teacher"


def test_how_clips_are_read_says_nothing_of_a_training_on_the_set(run, condensed, tmp_path):
    outcome = run("train", condensed, "--out", tmp_path / "network", "--stride", "2")
    assert outcome.code == 2
    assert "without --data" in outcome.line


def test_soft_labels_of_a_set_without_them_fail(run, condensed, toy, cache):
    outcome = run("evaluate", condensed, "--data", toy, "--cache-dir", cache, *FAST, "--labels", "own")
    assert outcome.code == 2
    assert "vidcondense relabel" in outcome.line


def test_no_teacher_and_no_place_fail(run, condensed, tmp_path):
    outcome = run("relabel", condensed, "--teacher", tmp_path, "--out", tmp_path / "out")
    assert outcome.code == 3
    assert f"{tmp_path} holds no network: no network.json; `vidcondense train` makes one" in outcome.line
    outcome = run(
        "relabel", condensed, "--teacher", tmp_path, "--out", tmp_path / "out", "--temperature", "0"
    )
    assert outcome.code == 2
    assert "--temperature 0" in outcome.line
