from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from quick import SMALL
from vidcondense.cli.sets import seed_groups
from vidcondense.storage.condensed import load_condensed
from vidcondense.storage.merge import merge
from vidcondense.storage.subset import subset

FAST = ["--steps", "3", "--repeats", "2", *SMALL]
CLIP = ["--num-frames", "8", "--stride", "1", "--size", "44", "--workers", "0"]


@pytest.fixture(scope="session")
def random_sets(toy, cache, tmp_path_factory):
    """Random real clips, three seeds."""
    from vidcondense.cli.main import main

    folder = tmp_path_factory.mktemp("random")
    for seed in range(3):
        arguments = ["--out", folder / str(seed), "--cache-dir", cache, "--method", "random", "--seed", seed]
        assert main(["condense", str(toy), *map(str, arguments), *CLIP]) == 0
    return [folder / str(seed) for seed in range(3)]


def test_more_contrast_than_real_clips_have_is_told(run, condensed, toy, cache, tmp_path):
    """It acts as a higher learning rate, but where batches are standardised."""
    places = ["--cache-dir", cache, "--out", tmp_path / "loud"]
    loud = ["--init-scale", "9", "--iterations", "1", "--insertion", "none", "--real-batch", "2"]
    assert run("condense", toy, *places, *CLIP, *loud).code == 0
    arguments = [condensed, tmp_path / "loud", "--data", toy, "--cache-dir", cache, *FAST]
    told = run("evaluate", *arguments).err
    assert re.search(r"loud: pixels deviate \d\.\d times as much as those of real clips", told)
    assert told.count("pixels deviate") == 1
    assert "pixels deviate" not in run("evaluate", *arguments[1:], "--protocol", "paper", "--epochs", "2").err


def test_plain_clips_are_told(run, condensed, toy, cache, tmp_path):
    arguments = [condensed, "--data", toy, "--cache-dir", cache, *FAST, "--out", tmp_path / "results"]
    outcome = run("evaluate", *arguments, "--no-augment")
    assert outcome.code == 0
    assert "protocol strict, 3 steps at learning rate" in outcome.out
    found = json.loads((tmp_path / "results" / "results.json").read_text())
    assert found["sets"][0]["evaluation"]["options"]["augment"] is False


def test_results_are_in_json_csv_and_table(run, condensed, toy, cache, tmp_path):
    arguments = [condensed, "--data", toy, "--cache-dir", cache, *FAST, "--out", tmp_path / "results"]
    control = ["--full-data", "--full-data-steps", "2"]
    outcome = run("evaluate", *arguments, *control, "--per-class")
    assert outcome.code == 0
    assert (
        "top-1, chance level 50.0 %; 4 test clips from 4 source groups; protocol strict, 3 steps "
        "of augmented clips at learning rate" in outcome.out
    )
    assert "full data (2 steps)" in outcome.out
    assert "\nleft " in outcome.out  # per class
    found = json.loads((tmp_path / "results" / "results.json").read_text())
    rows = list(csv.DictReader((tmp_path / "results" / "results.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == [str(condensed), "full data (2 steps)"]
    repeats = found["sets"][0]["evaluation"]["repeats"]
    accuracies = [np.mean(repeat["correct"]) for repeat in repeats]
    assert float(rows[0]["accuracy"]) == pytest.approx(100 * np.mean(accuracies))
    assert float(rows[0]["std"]) == pytest.approx(100 * np.std(accuracies, ddof=1))
    made = load_condensed(condensed)
    assert int(rows[0]["bytes"]) == made.bytes
    assert float(rows[0]["paper_mb"]) == pytest.approx(made.paper_mb)
    assert rows[1]["clips"] == "6"
    assert rows[1]["bytes"] == ""
    assert found["controls"][0]["evaluation"]["training"]["steps"] == 2


def test_same_command_same_results(run, condensed, toy, cache):
    command = ["evaluate", condensed, "--data", toy, "--cache-dir", cache, *FAST, "--json"]
    first = run(*command).out
    assert json.loads(first)["test_clips"] == 4
    assert run(*command).out == first
    assert run(*command, "--seed", "1").out != first


def test_seeds_of_one_recipe_are_summed_up(run, condensed, random_sets, toy, cache):
    """The set of another method stays outside; the interval is over the means of the sets."""
    command = ["evaluate", *random_sets, condensed, "--data", toy, "--cache-dir", cache, *FAST]
    found = json.loads(run(*command, "--json").out)
    assert list(found["groups"]) == ["random: 3 seeds"]
    group = found["groups"]["random: 3 seeds"]
    assert group["sets"] == [str(path) for path in random_sets]
    means = [
        np.mean([np.mean(repeat["correct"]) for repeat in each["evaluation"]["repeats"]])
        for each in found["sets"][:3]
    ]
    assert group["summary"]["unit"] == "set"
    assert group["summary"]["accuracy"] == pytest.approx(np.mean(means))
    assert group["summary"]["std"] == pytest.approx(np.std(means, ddof=1))
    seeds = [repeat["seed"] for each in found["sets"][:3] for repeat in each["evaluation"]["repeats"]]
    assert len(set(seeds)) == 6  # new networks for every condensation seed


@pytest.fixture
def own_networks(tmp_path, monkeypatch):
    """The names of two linear networks that are a module of the user's."""
    (tmp_path / "own_linear.py").write_text(
        "from torch.nn import AvgPool3d, Flatten, Linear, Sequential\n"
        "def pixels(num_classes, num_frames, size):\n"
        "    return Sequential(Flatten(), Linear(num_frames * 3 * size * size, num_classes))\n"
        "def colours(num_classes, num_frames, size):\n"
        "    return Sequential(AvgPool3d((1, size, size)), Flatten(), Linear(num_frames * 3, num_classes))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return ["own_linear:pixels", "own_linear:colours"]


def test_several_networks_are_a_matrix_of_single_evaluations(
    run, random_sets, toy, cache, own_networks, monkeypatch
):
    monkeypatch.chdir(random_sets[0].parent)
    command = ["evaluate", "0", "1", "--data", toy, "--cache-dir", cache, *FAST]
    outcome = run(*command, "--json", "--model", *own_networks)
    found = json.loads(outcome.out)
    for name in own_networks:
        alone = json.loads(run(*command, "--json", "--model", name).out)
        assert [row for row in found["table"] if row["model"] == name] == alone["table"]
        kept = [each for each in found["sets"] if each["evaluation"]["options"]["model"] == name]
        assert kept == alone["sets"]
        group = found["groups"][f"random: 2 seeds, {name}"]
        assert group == alone["groups"]["random: 2 seeds"]
    parameters = [each["parameters"] for each in found["models"].values()]
    assert parameters == [8 * 3 * 44 * 44 * 2 + 2, 8 * 3 * 2 + 2]
    assert "own_linear:pixels: 0.1 million parameters" in outcome.err
    assert "8 networks to train and test, about " in outcome.err
    shown = run(*command, "--model", *own_networks, "--per-class").out
    (titles,) = (line for line in shown.splitlines() if "condensed with" in line)
    assert titles.split() == ["accuracy", "%", "condensed", "with", *own_networks]
    assert f"0, {own_networks[0]}" in shown  # a column of the table of classes


def test_cost_is_told_before_anything_is_trained(run, condensed, toy, cache, monkeypatch):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("vidcondense.cli.evaluate.evaluate", stop)
    outcome = run("evaluate", condensed, "--data", toy, "--cache-dir", cache, *FAST)
    assert outcome.code == 130
    told = [line for line in outcome.err.splitlines() if line.startswith("vidcondense: ")]
    assert told[0].startswith("vidcondense: convnet3d-16: 0.2 million parameters, ")
    assert told[1].startswith("vidcondense: 2 networks to train and test, about ")


def test_seeds_of_derived_sets_are_summed_up(random_sets, tmp_path):
    sets = {str(path): load_condensed(path) for path in random_sets}
    parts = {name: subset(made, tmp_path / Path(name).name, vpc=1) for name, made in sets.items()}
    assert list(seed_groups(parts).values()) == [[*sets]]
    twice = {"both": merge([*sets.values()][:2], tmp_path / "both"), **parts}
    assert list(seed_groups(twice).values()) == [[*sets]]
    first = subset(sets[str(random_sets[0])], tmp_path / "first", vpc=1, codec="float32")
    assert seed_groups({"first": first, **dict([*parts.items()][1:2])}) == {}


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (["cnn-gru"], "--size 44: cnn-gru needs at least 64×64"),
        (["convnet3d", "cnn-gru"], "--size 44: cnn-gru needs at least 64×64"),
        (["convnet3d", "convnet3d"], "--model convnet3d, convnet3d: each network once"),
        (["no_such_module:make"], "No module named 'no_such_module'"),
        (["convnet3"], "did you mean convnet3d"),
        ([], "--model : name at least one network"),
    ],
)
def test_network_that_does_not_fit_is_refused(run, condensed, toy, models, words):
    outcome = run("evaluate", condensed, "--data", toy, "--model", *models)
    assert outcome.code == 2
    assert words in outcome.line


def test_recorded_stride_is_used_and_can_be_overruled(run, toy, cache, tmp_path):
    options = ["--num-frames", "8", "--size", "44", "--stride", "1", "--method", "random", "--workers", "0"]
    assert run("condense", toy, "--out", tmp_path / "set", "--cache-dir", cache, *options).code == 0
    command = ["evaluate", tmp_path / "set", "--data", toy, "--cache-dir", cache, *FAST]
    assert run(*command).code == 0
    outcome = run(*command, "--stride", "2", "--short", "reject")  # 8 frames do not hold 15
    assert outcome.code == 3
    assert "too-short" in outcome.line


def test_paper_protocol_uses_several_clips(run, condensed, toy, cache):
    fast = ["--epochs", "2", "--repeats", "1", "--points", "2", "--workers", "0"]
    command = ["evaluate", condensed, "--data", toy, "--cache-dir", cache, "--protocol", "paper", *fast]
    found = json.loads(run(*command, "--json", "--full-data").out)
    evaluation = found["sets"][0]["evaluation"]
    assert evaluation["repeats"][0]["curve"]
    assert found["table"][0]["best_of_points_on_test"] is not None
    assert found["controls"][0]["evaluation"]["num_train"] == 6


def test_divergence_is_told(run, condensed, toy, cache):
    command = ["evaluate", condensed, "--data", toy, "--cache-dir", cache, "--workers", "0"]
    outcome = run(*command, "--steps", "12", "--repeats", "1", "--lr", "1e30", "--json")
    found = json.loads(outcome.out)
    assert found["table"][0]["diverged"] == 1
    assert found["table"][0]["accuracy"] is None
    assert "1 of 1 networks diverged, in no average" in outcome.err


def test_other_classes_are_refused(run, condensed, cache, tmp_path):
    options = ["--mode", "kinds", "--pairs", "2", "--train-per-class", "1", "--test-per-class", "1"]
    small = ["--num-frames", "8", "--size", "44", "--workers", "0"]
    assert run("toy", tmp_path / "other", *options, *small).code == 0
    outcome = run("evaluate", condensed, "--data", tmp_path / "other", "--cache-dir", cache, *FAST)
    assert outcome.code == 3
    assert "only in the set: left, right" in outcome.line


def test_sets_of_different_data_are_refused(run, condensed, toy, cache, tmp_path):
    options = ["--num-frames", "8", "--size", "48", "--stride", "1", "--method", "random", "--workers", "0"]
    assert run("condense", toy, "--out", tmp_path / "set", "--cache-dir", cache, *options).code == 0
    outcome = run("evaluate", condensed, tmp_path / "set", "--data", toy, "--cache-dir", cache)
    assert outcome.code == 2
    assert "size: 44 → 48" in outcome.line


@pytest.mark.parametrize("name", ["missing", "file", "empty"])
def test_what_is_no_set_is_refused(run, toy, tmp_path, name):
    (tmp_path / "file").write_text("{}")
    (tmp_path / "empty").mkdir()
    outcome = run("evaluate", tmp_path / name, "--data", toy)
    assert outcome.code == 3
    assert ("does not exist" if name == "missing" else "no condensed set") in outcome.line


def test_missing_data_is_refused(run, condensed, tmp_path):
    outcome = run("evaluate", condensed, "--data", tmp_path / "nowhere")
    assert outcome.code == 3
    assert f"{tmp_path / 'nowhere'} does not exist" in outcome.line


def test_existing_results_are_kept(run, condensed, toy, cache, tmp_path):
    (tmp_path / "results.csv").write_text("mine")
    command = ["evaluate", condensed, "--data", toy, "--cache-dir", cache, *FAST, "--out", tmp_path]
    outcome = run(*command)
    assert outcome.code == 4
    assert "--overwrite" in outcome.line
    assert (tmp_path / "results.csv").read_text() == "mine"
    assert run(*command, "--overwrite").code == 0
    assert (tmp_path / "results.csv").read_text().startswith("name,")


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_read(
    run, condensed, tmp_path, monkeypatch
):
    monkeypatch.setattr("vidcondense.files.os.access", lambda path, mode: path != tmp_path)
    outcome = run("evaluate", condensed, "--data", tmp_path / "nowhere", "--out", tmp_path / "a" / "b")
    assert outcome.code == 4
    assert (
        f"cannot write {tmp_path / 'a' / 'b'}: this user may not write in {tmp_path}; choose another"
        in outcome.line
    )
    outcome = run("train", condensed, "--out", tmp_path / "network")
    assert outcome.code == 4
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_two_ranks_find_what_one_process_finds(run, random_sets, toy, cache, tmp_path):
    sets = [*random_sets[:2], "--data", toy, "--cache-dir", cache, *FAST[:2], *FAST[4:], "--repeats", 3]
    assert run("evaluate", *sets, "--out", tmp_path / "one").code == 0
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2, "-m", "vidcondense"]
    words = [*torchrun, "evaluate", *sets, "--out", tmp_path / "two"]
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    assert "about" in done.stderr
    assert done.stdout.count("chance level") == 1, "only rank 0 speaks"
    for name in ("results.json", "results.csv"):
        assert (tmp_path / "two" / name).read_text() == (tmp_path / "one" / name).read_text()
