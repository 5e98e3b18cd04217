"""Ctrl-C in the middle: a checkpoint stays, and going on from it gives the bytes of an unbroken run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from marks import fault
from vidcondense.storage.condensed import PAYLOAD
from vidcondense.storage.workspace import CHECKPOINT, LOG

ITERATIONS = 40


def command(toy, cache, out):
    options = ["--num-frames", 8, "--stride", 1, "--size", 44, "--workers", 0, "--real-batch", 2]
    schedule = ["--iterations", ITERATIONS, "--epsilon", 0.5, "--precision", "float32", "--seed", 3]
    arguments = ["condense", toy, "--out", out, "--cache-dir", cache, *options, *schedule]
    return [sys.executable, "-m", "vidcondense", *map(str, arguments)]


def interrupt(process, checkpoint):
    """Send Ctrl-C once the run has written its first checkpoint: from then on it is interruptible."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if checkpoint.exists():
            process.send_signal(signal.SIGINT)
            return
        time.sleep(0.01)
    raise AssertionError("the run ended before it could be interrupted")


@fault("57b", "SIGTERM or SIGINT to a command", "exit code 143 or 130; resumed, the same bytes")
@pytest.mark.slow
def test_interrupted_and_resumed_is_as_unbroken(toy, cache, tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    whole = subprocess.run(
        command(toy, cache, tmp_path / "whole"), env=environment, capture_output=True, timeout=200
    )
    assert whole.returncode == 0, whole.stderr
    process = subprocess.Popen(
        command(toy, cache, tmp_path / "broken"), env=environment, stderr=subprocess.PIPE, text=True
    )
    partial = tmp_path / "broken.partial"
    interrupt(process, partial / CHECKPOINT)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "--resume" in error
    assert "Traceback" not in error
    assert (partial / CHECKPOINT).is_file()
    assert not (tmp_path / "broken").exists()
    resumed = subprocess.run(
        [*command(toy, cache, tmp_path / "broken"), "--resume"],
        env=environment,
        capture_output=True,
        timeout=200,
    )
    assert resumed.returncode == 0, resumed.stderr
    assert not partial.exists()
    for name in (PAYLOAD, "condensed.json", LOG):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "broken" / name).read_bytes(), name
