from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from vidcondense.cli import doctor
from vidcondense.compute import choose_compute
from vidcondense.models.saved import load_network
from vidcondense.storage.condensed import load_condensed
from vidcondense.training.predict import predict

CLIP = ["--num-frames", "8", "--stride", "1", "--size", "44", "--workers", "0"]


def test_inspect_shows_every_key_frame(run, condensed):
    outcome = run("inspect", condensed)
    assert outcome.code == 0
    assert "verified    yes" in outcome.out
    assert all(len(line) == len(line.rstrip()) for line in outcome.out.splitlines())
    for positions in load_condensed(condensed).positions:
        timeline = "".join("●" if frame in positions else "·" for frame in range(8))
        assert f"{timeline} {len(positions)}\n" in outcome.out


def test_inspect_json(run, condensed):
    told = json.loads(run("inspect", condensed, "--json").out)
    made = load_condensed(condensed)
    assert told["verified"] is True
    assert told["positions"] == made.positions
    assert told["bytes"] == made.bytes
    assert told["seed"] == 0


@pytest.mark.parametrize("animation", ["webp", "gif"])
def test_inspect_writes_pictures(run, condensed, tmp_path, animation):
    command = ["inspect", condensed, "--pictures", tmp_path / "pictures", "--animation", animation]
    assert run(*command).code == 0
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names == sorted(
        f"00{label}-{name}.{end}"
        for label, name in enumerate(("left", "right"))
        for end in ("png", animation)
    )
    with Image.open(tmp_path / "pictures" / f"000-left.{animation}") as moving:
        assert moving.n_frames == 8
        assert moving.size == (176, 176)  # 44 pixels, four times
    outcome = run(*command)
    assert outcome.code == 4
    assert "--overwrite" in outcome.line
    assert run(*command, "--overwrite").code == 0


@pytest.mark.parametrize("victim", ["condensed.json", "key_frames.safetensors"])
def test_inspect_refuses_a_damaged_set(run, condensed, tmp_path, victim):
    shutil.copytree(condensed, tmp_path / "set")
    content = bytearray((tmp_path / "set" / victim).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "set" / victim).write_bytes(content)
    outcome = run("inspect", tmp_path / "set")
    assert outcome.code == 3
    assert str(tmp_path / "set") in outcome.line


def test_train_writes_a_network_that_works(run, condensed, tmp_path):
    out = tmp_path / "network"
    outcome = run("train", condensed, "--out", out, "--steps", "5", "--precision", "float32", "--json")
    told = json.loads(outcome.out)
    clips = load_condensed(condensed)
    compute = choose_compute("cpu", "float32")
    network, description = load_network(out, compute)
    assert description.classes == clips.classes
    assert description.mean == pytest.approx(clips.mean.tolist())
    right = predict(network, clips, compute=compute).argmax(dim=1) == clips.labels
    assert told["train_accuracy"] == pytest.approx(float(right.double().mean()))
    assert told["steps"] == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["network"]
    assert run("train", condensed, "--out", out, "--steps", "5").code == 4
    assert run("train", condensed, "--out", out, "--steps", "6", "--overwrite").code == 0
    again, _ = load_network(out, compute)
    pairs = zip(network.parameters(), again.parameters(), strict=True)
    assert not all(torch.equal(old, new) for old, new in pairs)


def test_train_that_diverges_writes_nothing(run, condensed, tmp_path):
    outcome = run("train", condensed, "--out", tmp_path / "network", "--steps", "12", "--lr", "1e30")
    assert outcome.code == 5
    assert "diverged" in outcome.line
    assert list(tmp_path.iterdir()) == []


def test_toy_makes_what_it_says(run, tmp_path):
    options = ["--pairs", "1", "--train-per-class", "2", "--test-per-class", "1", "--size", "44"]
    told = json.loads(run("toy", tmp_path / "toy", *options, "--workers", "0", "--json").out)
    assert (told["train"], told["test"], told["classes"]) == (4, 2, ["left", "right"])
    assert len(list((tmp_path / "toy").rglob("*.mp4"))) == 6
    outcome = run("toy", tmp_path / "toy", *options)
    assert outcome.code == 4
    assert str(tmp_path / "toy") in outcome.line


def test_cache_is_listed_and_cleared(run, toy, tmp_path):
    cache = tmp_path / "cache"
    command = ["condense", toy, "--out", tmp_path / "set", "--cache-dir", cache, "--method", "random", *CLIP]
    assert run(*command).code == 0
    listed = json.loads(run("cache", "list", "--cache-dir", cache, "--json").out)
    (entry,) = listed["entries"]
    assert entry["clips"] == 10
    assert entry["bytes"] > 10 * 8 * 44 * 44 * 3
    text = run("cache", "list", "--cache-dir", cache).out
    assert str(toy) in text
    outcome = run("cache", "clear", "--cache-dir", cache)  # standard input is no terminal here
    assert outcome.code == 2
    assert "--yes" in outcome.line
    freed = json.loads(run("cache", "clear", "--cache-dir", cache, "--yes", "--json").out)["freed"]
    assert freed == entry["bytes"]
    assert json.loads(run("cache", "list", "--cache-dir", cache, "--json").out)["entries"] == []


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_clear_asks_on_a_terminal(run, toy, tmp_path, monkeypatch, answer, left):
    cache = tmp_path / "cache"
    command = ["condense", toy, "--out", tmp_path / "set", "--cache-dir", cache, "--method", "random", *CLIP]
    assert run(*command).code == 0
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    outcome = run("cache", "clear", "--cache-dir", cache)
    assert outcome.code == 0
    assert "[y/N]" in outcome.err
    assert len(list(cache.iterdir())) == left


class Terminal:
    def __init__(self, answer):
        self.answer = answer

    def isatty(self):
        return True

    def readline(self):
        return self.answer


def test_doctor_reports_each_check(run):
    outcome = run("doctor")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert len(lines) == len(doctor.CHECKS)
    assert all(line.startswith("OK ") for line in lines)


def test_doctor_reports_a_failure(run, monkeypatch):
    def broken(path, **options):
        decoded = real(path, **options)
        decoded.clips[0, 0, 0, 0] ^= np.uint8(1)
        return decoded

    real = doctor.read_clips
    monkeypatch.setattr(doctor, "read_clips", broken)
    outcome = run("doctor")
    assert outcome.code == 1
    assert "failed decoding: RuntimeError: a generated mp4 decodes to other pixels" in outcome.out
