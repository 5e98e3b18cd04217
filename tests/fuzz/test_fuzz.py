"""The fuzzing itself: what it counts, and a first slice of it."""

from __future__ import annotations

import os
import time

import pytest

from properties import PROPERTY_TARGETS
from readers import file_targets
from trial import try_inputs

FILE_TARGETS = (
    *("videos", "folders of images", "condensed sets", "checkpoints", "experts", "networks"),
    *("tensors of other programs", "lists", "recipes", "plans", "results", "logs"),
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    return {**file_targets(tmp_path_factory.mktemp("seeds")), **PROPERTY_TARGETS}


def test_all_targets_are_tested(targets):
    assert {*targets} == {*FILE_TARGETS, *PROPERTY_TARGETS}


@pytest.mark.parametrize("name", FILE_TARGETS)
def test_what_is_not_changed_is_accepted(targets, tmp_path, name):
    """Else all that is tried would be refused for one and the same reason."""
    for number, files in enumerate(targets[name].seeds):
        folder = tmp_path / str(number)
        folder.mkdir()
        for file, content in files.items():
            (folder / file.replace("/", "\\")).write_bytes(content)
        targets[name].read(folder)


@pytest.mark.parametrize("name", [*FILE_TARGETS, *PROPERTY_TARGETS])
def test_nothing_crashes(targets, name):
    trial = try_inputs(targets[name], 0, 100, most=8 if name in FILE_TARGETS else 1)
    assert trial.crashes == {}
    assert trial.inputs >= 8


@pytest.mark.parametrize("name", FILE_TARGETS)
def test_inputs_differ_and_come_again(targets, name):
    made = [targets[name].make(3, number) for number in range(10)]
    assert made == [targets[name].make(3, number) for number in range(10)]
    assert len({str(files) for files in made}) > 5
    assert sum(files in targets[name].seeds for files in made) < 5


class Victim:
    """Does something bad with input 2."""

    def __init__(self, bad):
        self.bad = bad

    def attempt(self, seed, number):
        if number == 2:
            self.bad()
        return 1, number % 2


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda: 1 / 0, "ZeroDivisionError"),
        (lambda: bytearray(2**28), "MemoryError"),
        (lambda: os.abort(), "SIGABRT"),
        (lambda: os._exit(3), "code 3"),
        (lambda: time.sleep(60), "no end after 2 seconds"),
    ],
)
def test_crashes_are_counted(bad, words):
    trial = try_inputs(Victim(bad), 0, 100, most=6, memory=2**27, hang=2.0)
    assert list(trial.crashes) == [2]
    assert words in trial.crashes[2]
    assert trial.inputs >= 4, "the inputs behind it are tried as well"
    assert trial.since_crash == 3


def test_what_nothing_is_wrong_with():
    trial = try_inputs(Victim(int), 0, 100, most=6)
    assert (trial.inputs, trial.accepted, trial.crashes, trial.since_crash) == (6, 3, {}, 6)
    assert trial.peak_mib > 1


def test_time_is_kept():
    trial = try_inputs(Victim(lambda: time.sleep(0.1)), 0, 0.5)
    assert trial.inputs > 3
    assert trial.seconds < 60
