from __future__ import annotations

import os
import signal
import subprocess

import pytest

from vidcondense import jobs
from vidcondense.errors import Interrupted
from vidcondense.jobs import run_commands


def test_commands_are_asked_for_when_one_can_begin(tmp_path):
    asked, ended = [], []

    def commands():
        for number in range(5):
            asked.append(number)
            yield str(number), ["--version"]

    for outcome in run_commands(commands(), logs=tmp_path, jobs=2, threads=1):
        ended.append(outcome)
        assert len(asked) <= len(ended) + 1, "two run at a time, one of which has ended"
    assert sorted(each.name for each in ended) == [str(number) for number in range(5)]
    assert all(each.reason == "" and each.seconds > 0 for each in ended)


def test_a_command_that_fails_tells_why_and_the_others_go_on(tmp_path):
    commands = [("bad", ["inspect", "nowhere"]), ("good", ["--version"])]
    outcomes = {each.name: each.reason for each in run_commands(commands, logs=tmp_path, jobs=1, threads=1)}
    assert "nowhere" in outcomes["bad"]
    assert outcomes["good"] == ""


class Fake(subprocess.Popen):
    """A process that ends when it is asked for the second time, or is told to."""

    def __init__(self):  # of nothing
        self.polls = 0
        self.returncode = 0

    def poll(self):
        self.polls += 1
        return self.returncode if self.polls > 1 else None

    def terminate(self):
        self.polls = 9

    def wait(self, timeout=None):
        assert self.polls > 1, "waited for what nobody stopped"


@pytest.fixture
def processes(monkeypatch):
    started = []

    def start(arguments, log, threads):
        started.append(Fake())
        log.write_bytes(b"")
        return jobs._Running(started[-1], log, 0.0)

    monkeypatch.setattr(jobs, "_start", start)
    return started


def test_who_stops_listening_stops_the_commands(processes, tmp_path):
    commands = ((str(number), []) for number in range(9))
    outcomes = run_commands(commands, logs=tmp_path, jobs=3, threads=1)
    next(outcomes)
    outcomes.close()
    assert [each.polls for each in processes].count(9) == 2
    assert len(processes) == 3


@pytest.mark.parametrize("last", [False, True])
def test_a_signal_at_the_end_of_a_command_begins_no_other(processes, tmp_path, last):
    commands = [("one", [])] if last else [("one", []), ("two", [])]
    with pytest.raises(Interrupted):
        for _ in run_commands(commands, logs=tmp_path, jobs=1, threads=1):
            os.kill(os.getpid(), signal.SIGINT)
    assert len(processes) == 1


def test_commands_that_cannot_be_told_stop_those_that_run(processes, tmp_path):
    def commands():
        yield "one", []
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(run_commands(commands(), logs=tmp_path, jobs=2, threads=1))
    assert processes[0].polls == 9
