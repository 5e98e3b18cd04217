"""Stopped at a random moment, by SIGTERM or SIGKILL, one process or two: going on gives the unbroken bytes.

One stop of each kind here; `make stops` makes 20.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from marks import fault
from vidcondense import rng
from vidcondense.checkpoint import load_checkpoint
from vidcondense.storage.workspace import CHECKPOINT

ITERATIONS = 30
STOPS = int(os.environ.get("VIDCONDENSE_STOPS", "1"))
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
LIMIT = 400

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3 * LIMIT),
    pytest.mark.skipif(sys.platform != "linux", reason="finds ranks in /proc"),
]


class Runs:
    """Condensations in processes of their own."""

    def __init__(self, toy, cache, folder):
        options = ["--num-frames", 8, "--stride", 1, "--size", 44, "--workers", 0, "--real-batch", 2]
        schedule = [
            "--iterations",
            ITERATIONS,
            "--epsilon",
            0.5,
            "--precision",
            "float32",
            "--checkpoint-every",
            1,
        ]
        self.words = ["condense", toy, "--cache-dir", cache, *options, *schedule]
        self.folder = folder
        self.started: list[subprocess.Popen] = []

    def start(self, ranks, out, *more):
        torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", ranks, "-m"]
        command = [*(torchrun if ranks > 1 else []), "vidcondense", *self.words, "--out", out, *more]
        process = subprocess.Popen(
            [sys.executable, "-m", *map(str, command)], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
        )
        self.started.append(process)
        return process

    def finish(self, ranks, out, *more):
        process = self.start(ranks, out, *more)
        _, error = process.communicate(timeout=LIMIT)
        assert process.returncode == 0, error

    def unbroken(self, ranks):
        out = self.folder / f"unbroken-{ranks}"
        if not out.exists():
            self.finish(ranks, out)
        return out


@pytest.fixture(scope="module")
def runs(toy, cache, tmp_path_factory):
    return Runs(toy, cache, tmp_path_factory.mktemp("stops"))


@pytest.fixture(autouse=True)
def none_is_left(runs):
    """A test that fails must not leave a process behind, for another test to warn of."""
    yield
    for process in runs.started:
        process.kill()
        process.wait()
        process.stderr.close()
    runs.started.clear()


def iteration_of(out):
    """How far a run is, by its checkpoint; -1 before the first."""
    path = out.with_name(out.name + ".partial") / CHECKPOINT
    return load_checkpoint(path)[1]["iteration"] if path.exists() else -1


def wait_for(process, out, iteration):
    deadline = time.monotonic() + LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        if iteration_of(out) >= iteration:
            return
        time.sleep(0.005)
    raise AssertionError(f"the run never came to iteration {iteration}: {process.communicate()[1]}")


def check_same(out, whole):
    assert not out.with_name(out.name + ".partial").exists()
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in whole.iterdir())
    for path in whole.iterdir():
        assert path.read_bytes() == (out / path.name).read_bytes(), path.name


def ranks_of(process):
    """The processes that torchrun started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children]


def random_step(kind, ranks, number):
    stream = rng.generator(0, f"stop by {kind}", ranks, number)
    return int(torch.randint(ITERATIONS - 5, (), generator=stream))


@fault(
    "57c",
    "SIGTERM to one of several processes, or to torchrun",
    "all stop after one iteration; resumed, the same bytes",
)
@pytest.mark.parametrize("number", range(STOPS))
@pytest.mark.parametrize("ranks", [1, 2])
def test_sigterm(runs, tmp_path, ranks, number):
    out, step = tmp_path / "out", random_step("SIGTERM", ranks, number)
    process = runs.start(ranks, out)
    wait_for(process, out, step)
    process.terminate()
    _, error = process.communicate(timeout=LIMIT)
    assert process.returncode == (143 if ranks == 1 else 1), error  # torchrun's own code
    assert "--resume goes on there" in error
    assert "vidcondense/cli/main.py" not in error, "a traceback of ours; torchrun's own is no matter"
    assert step <= iteration_of(out) < ITERATIONS
    runs.finish(ranks, out, "--resume")
    check_same(out, runs.unbroken(ranks))


@fault(
    "58d",
    "SIGKILL at any step of a condensation, alone or of one of two processes",
    "resumed, the same bytes",
)
@pytest.mark.parametrize("number", range(STOPS))
@pytest.mark.parametrize("ranks", [1, 2])
def test_sigkill(runs, tmp_path, ranks, number):
    out, step = tmp_path / "out", random_step("SIGKILL", ranks, number)
    process = runs.start(ranks, out)
    wait_for(process, out, step)
    time.sleep(0.1 * float(torch.rand((), generator=rng.generator(0, "moment", ranks, number))))
    os.kill(process.pid if ranks == 1 else ranks_of(process)[number % ranks], signal.SIGKILL)
    _, error = process.communicate(timeout=LIMIT)
    assert process.returncode != 0
    if ranks > 1:
        assert "vidcondense: error: another rank ended without giving a reason" in error
        assert "SIGKILL" in error  # torchrun says which
    assert step <= iteration_of(out)
    runs.finish(ranks, out, "--resume")
    check_same(out, runs.unbroken(ranks))
