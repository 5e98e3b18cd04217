"""Signals, crashes, odd machines: nothing is lost, nothing hangs, and the same input gives the same bytes."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from commands import CLIP, in_child, run
from marks import case, fault
from vidcondense.cli import main as module
from vidcondense.condensation import condense
from vidcondense.errors import Interrupted, LimitError
from vidcondense.media.read import try_read_clips
from vidcondense.settings import CondenseOptions
from vidcondense.storage.condensed import PAYLOAD, load_condensed
from vidcondense.storage.manifest import MANIFEST
from vidcondense.video.cache import building, clear_cache
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions

pytestmark = pytest.mark.timeout(300)

STEPS = 4


def content(folder):
    return {name: (folder / name).read_bytes() for name in (MANIFEST, PAYLOAD)}


def stop_at(iteration, number):
    def listen(event):
        if event["kind"] == "iteration" and event["iteration"] == iteration:
            os.kill(os.getpid(), number)

    return listen


@fault("57", "SIGTERM or SIGINT at any step", "a checkpoint; resumed, the result has the same bytes")
def test_a_signal_at_every_step(memory_clips, tmp_path):
    options = CondenseOptions(iterations=STEPS, lr=1.0)
    condense(memory_clips(), tmp_path / "whole", options)
    for step in range(STEPS):
        number = (signal.SIGTERM, signal.SIGINT)[step % 2]
        out = tmp_path / f"out{step}"
        with pytest.raises(Interrupted) as caught:
            condense(memory_clips(), out, options, listener=stop_at(step, number))
        assert caught.value.exit_code == 128 + number
        condense(memory_clips(), out, options, resume=True)
        assert content(out) == content(tmp_path / "whole")


@fault("62", "the loss is not finite", "exit code 5; the older set stays")
def test_infinite_loss(memory_clips, tmp_path):
    options = CondenseOptions(iterations=2, lr=1.0)
    condense(memory_clips(), tmp_path / "out", options)
    old = content(tmp_path / "out")
    with pytest.raises(LimitError, match="not finite") as caught:
        wild = CondenseOptions(iterations=9, lr=1e30)
        condense(memory_clips(), tmp_path / "out", wild, overwrite=True)
    assert caught.value.exit_code == 5
    assert content(tmp_path / "out") == old


@fault("63", "the GPU has too little memory", "exit code 5, naming the options that need less")
def test_gpu_out_of_memory(monkeypatch):
    def fail(arguments):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(module, "_run", fail)
    refused = run("doctor")
    assert refused.code == 5
    for option in ("--chunk", "--real-batch", "--num-frames", "--size"):
        assert option in refused.line


def no_home():
    os.environ.pop("HOME", None)


def home_that_may_not_be_written():
    os.environ["HOME"] = "/proc"


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def strict_mask():
    os.umask(0o077)


@pytest.mark.parametrize(
    "prepare",
    [
        case("64", "no HOME", "works", no_home),
        case(
            "64b",
            "HOME may not be written",
            "works with a cache folder that is named",
            home_that_may_not_be_written,
        ),
        case("64c", "64 open files", "works", few_files),
        case("64d", "umask 077", "works", strict_mask),
    ],
)
def test_odd_machines(prepare, small_root, tmp_path):
    command = ["condense", small_root, "--out", tmp_path / "out", *CLIP, "--method", "random"]

    def attempt():
        prepare()
        outcome = run(*command, "--cache-dir", tmp_path / "cache")
        return outcome.code, outcome.err

    code, said = in_child(attempt)
    assert code == 0, said
    assert len(load_condensed(tmp_path / "out")) == 2


@fault("64e", "the user's cache folder may not be made", "exit code 4, one line")
def test_no_home_to_write(small_root, tmp_path):
    def attempt():
        del os.environ["VIDCONDENSE_CACHE"]
        os.environ["HOME"] = "/proc"
        os.environ.pop("XDG_CACHE_HOME", None)
        outcome = run("condense", small_root, "--out", tmp_path / "out", *CLIP, "--method", "random")
        return outcome.code, outcome.line

    code, line = in_child(attempt)
    assert code == 4
    assert "cannot write /proc" in line


@pytest.mark.slow
@fault("65", "other workers, hash seed, folder, time zone, locale, clock", "the same bytes")
@fault("42", "the clock jumps", "the same bytes: no result depends on it")
def test_same_bytes_everywhere(small_root, tmp_path):
    """In processes of their own, for most of that is read when Python starts."""
    options = [word for word in CLIP if word not in ("--workers", "0")]
    for number, (workers, change) in enumerate(
        [
            ("0", {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"}),
            ("2", {"PYTHONHASHSEED": "7", "TZ": "Asia/Kathmandu", "LC_ALL": "C", "HOME": "/"}),
        ]
    ):
        (tmp_path / str(number)).mkdir()
        command = ["condense", small_root, "--out", "out", *options, "--iterations", "2"]
        done = subprocess.run(
            [sys.executable, "-m", "vidcondense", *map(str, command), "--workers", workers],
            env={**os.environ, **change, "VIDCONDENSE_CACHE": str(tmp_path / str(number) / "cache")},
            cwd=tmp_path / str(number),
            capture_output=True,
            text=True,
            timeout=250,
        )
        assert done.returncode == 0, done.stderr
    assert content(tmp_path / "0" / "out") == content(tmp_path / "1" / "out")


@fault("42b", "the clock jumps back during a condensation", "the same bytes")
def test_clock_jumps(memory_clips, tmp_path, monkeypatch):
    options = CondenseOptions(iterations=3, lr=1.0)
    condense(memory_clips(), tmp_path / "whole", options)
    jumps = iter(range(10**9, 0, -(10**6)))
    monkeypatch.setattr(time, "time", lambda: float(next(jumps)))
    condense(memory_clips(), tmp_path / "out", options)
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def hang(path, size, pick, limits, skim, decoder):
    if path.name == "bad.mp4":
        threading.Event().wait(600)
    return try_read_clips(path, size, pick, limits)


def die(path, size, pick, limits, skim, decoder):
    if path.name == "bad.mp4":
        os.kill(os.getpid(), signal.SIGKILL)
    return try_read_clips(path, size, pick, limits)


@pytest.mark.parametrize(
    ("read", "code"),
    [
        case("7b", "a file whose decoding never ends", "`timeout`: its process is killed", hang, "timeout"),
        case("60", "a worker is killed", "`crashed`, naming the file; no hang", die, "crashed"),
    ],
)
def test_a_file_costs_itself_alone(root, monkeypatch, read, code):
    source = root / "train" / "a" / "0.mp4"
    (root / "train" / "a" / "bad.mp4").write_bytes(source.read_bytes())
    monkeypatch.setattr("vidcondense.video.index.try_read_clips", read)
    data = load_data(
        root,
        DataOptions(max_bad=0.5, workers=1, time_limit=3.0),
        ClipOptions(num_frames=4, stride=1, size=8),
    )
    assert {item.path: item.code for item in data.quarantined} == {"train/a/bad.mp4": code}
    assert len(data.train) == 4


@fault("56l", "the cache is cleared while another process builds in it", "that dataset is left; exit code 4")
def test_clear_during_a_build(tmp_path):
    key, other = "0" * 64, "1" * 64
    (tmp_path / other).mkdir()
    (tmp_path / other / "clips.u8").write_bytes(b"12345")
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        with building(tmp_path / key, pytest.fail) as partial:
            (partial / "clips.u8").write_bytes(b"123")
            os.write(ready[1], b"x")
            os.read(done[0], 1)
            os._exit(0 if (partial / "clips.u8").exists() else 1)
    os.read(ready[0], 1)
    refused = run("cache", "clear", "--yes", "--cache-dir", tmp_path)
    os.write(done[1], b"x")
    assert os.waitpid(child, 0)[1] == 0, "the build still has its files"
    assert refused.code == 4
    assert "1 of 2 datasets" in refused.line
    assert not (tmp_path / other).exists()
    assert clear_cache(tmp_path) == 3
    assert list(tmp_path.iterdir()) == []


@fault("68", "connections to other machines", "refused in all tests; nothing needs any")
def test_the_guard_against_connections_works():
    import socket

    with socket.socket() as made, pytest.raises(RuntimeError, match="a test connects"):
        made.connect(("192.0.2.1", 80))  # of the addresses that are nobody's


@fault("60b", "`--workers 0` and a file that fails", "as with workers, but for limits of time and memory")
def test_without_workers(root):
    Path(root / "train" / "a" / "bad.mp4").write_text("no video")
    data = load_data(root, DataOptions(max_bad=0.5, workers=0), ClipOptions(num_frames=4, stride=1, size=8))
    assert [item.code for item in data.quarantined] == ["not-a-video"]
