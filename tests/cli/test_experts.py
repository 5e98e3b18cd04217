from __future__ import annotations

import json

import pytest
import torch

from vidcondense.jobs import Outcome
from vidcondense.storage.condensed import load_condensed
from vidcondense.training.trajectories import Experts

CLIP = ["--num-frames", "8", "--stride", "1", "--size", "44", "--workers", "0", "--precision", "float32"]
FEW = ["--experts", "1", "--epochs", "2", "--model", "convnet"]
FOLLOW = ["--model", "convnet", "--expert-epochs", "1", "--max-start-epoch", "1", "--synthetic-steps", "2"]


@pytest.fixture(scope="session")
def experts(toy, cache, tmp_path_factory):
    from vidcondense.cli.main import main

    out = tmp_path_factory.mktemp("experts") / "experts"
    command = ["experts", toy, "--out", out, "--cache-dir", cache, *CLIP, *FEW]
    assert main([str(word) for word in command]) == 0
    return out


def test_from_experts_to_a_set_that_knows_its_step_size(run, toy, cache, experts, tmp_path):
    command = ["condense", toy, "--out", tmp_path / "set", "--cache-dir", cache, *CLIP, *FOLLOW]
    command += ["--method", "mtt", "--experts", experts, "--iterations", "2"]
    assert run(*command).code == 0
    made = load_condensed(tmp_path / "set")
    step_size = made.manifest["learned"]["step_size"]
    assert f"step size   {step_size:.4g}, learned" in run("inspect", tmp_path / "set").out
    # The recipe beside the set makes it again.
    again = ["condense", toy, "--out", tmp_path / "again", "--cache-dir", cache, "--workers", "0"]
    again += ["--precision", "float32", "--recipe", tmp_path / "set" / "recipe.toml"]
    assert run(*again).code == 0
    assert load_condensed(tmp_path / "again").manifest["sha256"] == made.manifest["sha256"]
    trained = ["train", tmp_path / "set", "--out", tmp_path / "network", "--steps", "2", "--lr", step_size]
    assert run(*trained, "--schedule", "constant", "--warmup", "0", "--momentum", "0").code == 0


def test_the_same_command_goes_on_and_another_one_is_refused(run, toy, cache, experts):
    command = ["experts", toy, "--out", experts, "--cache-dir", cache, *CLIP, *FEW]
    told = json.loads(run(*command, "--json").out)
    assert (told["experts"], told["epochs"], told["model"]) == (1, 2, "convnet")
    assert told["bytes"] == (experts / "expert-000.safetensors").stat().st_size
    outcome = run(*command, "--lr", "0.5")
    assert outcome.code == 4
    assert "options.lr: 0.01 → 0.5" in outcome.line


def test_experts_side_by_side_are_those_of_one_process(run, toy, cache, tmp_path):
    # Beside what the others have: a default that is turned off, a number, and a list of paths that is empty.
    command = [toy, "--cache-dir", cache, *CLIP, *FEW, "--experts", "2", "--no-flip", "--lr", "0.02"]
    assert run("experts", "--out", tmp_path / "one", *command).code == 0
    told = run("experts", "--out", tmp_path / "two", *command, "--jobs", "2")
    assert told.code == 0
    assert "ended early" not in told.err
    assert "Traceback" not in "".join(path.read_text() for path in (tmp_path / "two" / "logs").iterdir())
    one, two = (Experts(tmp_path / name) for name in ("one", "two"))
    assert one.record.differences(two.record) == []
    for number in range(2):
        for ours, theirs in zip(
            one.weights(number, 2).values(), two.weights(number, 2).values(), strict=True
        ):
            torch.testing.assert_close(ours, theirs)
    assert run("experts", "--out", tmp_path / "two", *command, "--jobs", "0").code == 2


def test_what_a_process_leaves_is_done_here(run, toy, cache, tmp_path, monkeypatch):
    killed = Outcome(name="0", reason="killed", seconds=1.0)
    monkeypatch.setattr(
        "vidcondense.side_by_side.run_commands", lambda *given, **named: (each for each in [killed])
    )
    told = run("experts", toy, "--out", tmp_path / "o", "--cache-dir", cache, *CLIP, *FEW, "--jobs", "2")
    assert told.code == 0
    assert "process 0 of 1 ended early: killed" in told.err
    assert len(Experts(tmp_path / "o")) == 1


@pytest.mark.parametrize(
    ("folder", "more", "code", "words"),
    [
        (None, [], 2, "--match mtt needs --experts FOLDER"),
        ("empty", [], 3, "vidcondense experts DATA --out"),
        ("experts", ["--model", "convnet3d"], 2, "the experts in"),
        ("experts", ["--expert-epochs", "5"], 2, "have 2"),
        ("experts", ["--no-flip", "--max-per-class", "2"], 3, "training clips of each class: 3, 3, not 2, 2"),
    ],
)
def test_experts_that_do_not_fit_are_one_line(run, toy, cache, experts, tmp_path, folder, more, code, words):
    (tmp_path / "empty").mkdir()
    given = [] if folder is None else ["--experts", experts if folder == "experts" else tmp_path / folder]
    command = ["condense", toy, "--out", tmp_path / "set", "--cache-dir", cache, *CLIP, *FOLLOW]
    outcome = run(*command, "--method", "prism", "--match", "mtt", *given, *more)
    assert outcome.code == code
    assert words in outcome.line
    assert not (tmp_path / "set.partial").exists()


def test_experts_of_folds_have_not_seen_what_is_held_out(run, toy, cache, tmp_path):
    command = ["experts", toy, "--out", tmp_path / "o", "--cache-dir", cache, *CLIP, *FEW, "--folds", "2"]
    told = json.loads(run(*command, "--json").out)
    folds = [Experts(tmp_path / "o" / f"fold-{fold}-of-2") for fold in range(2)]
    assert (told["experts"], told["sha256"]) == (2, [found.sha256 for found in folds])
    assert told["bytes"] == sum(path.stat().st_size for found in folds for path in found.paths)
    assert [sum(found.record.clips) for found in folds] == [3, 3], "half of the six training clips"
    assert [found.record.data["held_out_fold"] for found in folds] == [[0, 2], [1, 2]]
    assert run(*command[:-1], "1").code == 2
