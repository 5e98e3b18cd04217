from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from vidcondense.comparison.run import Jobs
from vidcondense.errors import Interrupted, UsageError
from vidcondense.jobs import run_commands
from vidcondense.ray_jobs import run_on_ray
from vidcondense.storage.workspace import CHECKPOINT
from vidcondense.video.toy import ToyOptions, make_toy

COMMANDS = {
    "good": ["datasets", "--json"],
    "bad": ["inspect", "nowhere"],
    "worse": ["no-command"],
}


def by_name(outcomes):
    return sorted(outcomes, key=lambda outcome: outcome.name)


def told(outcome):
    return outcome.name, outcome.reason


@pytest.mark.usefixtures("cluster")
@pytest.mark.filterwarnings("default")  # Ray's own
def test_ray_runs_what_processes_run(tmp_path):
    here = run_commands(COMMANDS.items(), logs=tmp_path / "here", jobs=2, threads=1)
    there = run_on_ray(COMMANDS.items(), logs=tmp_path / "there", jobs=2, threads=1, gpu=True)
    outcomes = by_name(there)
    assert [told(each) for each in outcomes] == [told(each) for each in by_name(here)]
    assert told(outcomes[1]) == ("good", "")
    assert all(each.seconds > 0 for each in outcomes)
    assert "nowhere" in outcomes[0].reason
    for name in COMMANDS:
        assert (tmp_path / "there" / f"{name}.log").read_text() == (
            tmp_path / "here" / f"{name}.log"
        ).read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
@pytest.mark.filterwarnings("default")
def test_ctrl_c_stops_commands_which_leave_their_checkpoints(tmp_path):
    make_toy(
        tmp_path / "toy", ToyOptions(pairs=1, train_per_class=3, test_per_class=2, num_frames=8, size=44)
    )
    clip = ["--num-frames", "8", "--stride", "1", "--size", "44", "--real-batch", "2", "--workers", "0"]
    commands = {
        name: [
            *("condense", str(tmp_path / "toy"), "--out", str(tmp_path / name), *clip),
            *("--iterations", "100000", "--cache-dir", str(tmp_path / "cache")),
        ]
        for name in ("one", "two")
    }
    checkpoints = [tmp_path / f"{name}.partial" / CHECKPOINT for name in commands]

    def interrupt():
        deadline = time.monotonic() + 120
        while not all(path.exists() for path in checkpoints) and time.monotonic() < deadline:
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(Interrupted):
        list(run_on_ray(commands.items(), logs=tmp_path / "logs", jobs=2, threads=1, gpu=False))
    assert all(path.exists() for path in checkpoints)
    for name in commands:
        assert "--resume goes on there" in (tmp_path / "logs" / f"{name}.log").read_text()


@pytest.mark.usefixtures("cluster")
@pytest.mark.filterwarnings("default")
def test_more_threads_than_a_machine_has_are_refused_instead_of_waited_for(tmp_path):
    with pytest.raises(UsageError, match="--threads 3: no machine of the Ray cluster has more than 2 cores"):
        list(run_on_ray(COMMANDS.items(), logs=tmp_path, jobs=1, threads=3, gpu=False))


def test_without_ray_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'vidcondense\[ray\]'"):
        list(run_on_ray(COMMANDS.items(), logs=tmp_path, jobs=1, threads=1, gpu=False))


def test_unknown_engine_is_refused():
    jobs = Jobs()
    object.__setattr__(jobs, "engine", "rays")  # where types are not checked
    with pytest.raises(UsageError, match="unknown engine 'rays'; did you mean ray"):
        jobs.__post_init__()
