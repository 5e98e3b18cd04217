"""Cells are computed once, and go on in another clone from what was published."""

from __future__ import annotations

import subprocess
import sys

import cells
import pytest

HOLD = """
import sys
from pathlib import Path
from vidcondense.files import locked
with locked(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(cells, "RESULTS", tmp_path / "results")
    cells.restore.cache_clear()


def move_to_another_clone(tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "RUNS", tmp_path / "other")
    cells.restore.cache_clear()


def test_a_cell_is_computed_once(capsys):
    first = cells.cell("b", "one", lambda: {"value": 1})
    assert cells.cell("b", "one", lambda: {"value": 2}) == first
    assert first["value"] == 1
    assert "b/one: " in capsys.readouterr().out


def test_published_cells_go_on_in_another_clone(tmp_path, monkeypatch):
    found = {name: cells.cell("b", name, lambda name=name: {"value": name}) for name in ("one", "two")}
    cells.publish("b", {"rows": []})
    packed = (tmp_path / "results" / "cells" / "b.tar.xz").read_bytes()
    move_to_another_clone(tmp_path, monkeypatch)
    for name, before in found.items():
        assert cells.cell("b", name, None) == before
    assert cells.cell("b", "three", None) is None
    cells.publish("b", {"rows": []})
    assert (tmp_path / "results" / "cells" / "b.tar.xz").read_bytes() == packed


def test_what_is_computed_here_stays(tmp_path, monkeypatch):
    cells.cell("b", "one", lambda: {"value": 1})
    cells.publish("b", {"rows": []})
    move_to_another_clone(tmp_path, monkeypatch)
    own = tmp_path / "other" / "b" / "one.json"
    own.parent.mkdir(parents=True)
    own.write_text('{"value": 2}')
    assert cells.cell("b", "one", None) == {"value": 2}


def test_what_another_process_is_at_is_left_to_it():
    (cells.RUNS / "b").mkdir(parents=True)
    command = [sys.executable, "-c", HOLD, str(cells.RUNS / "b" / ".one.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        cells.compute_cells("b", {"one": lambda: {"value": 1}, "two": lambda: {"value": 2}})
        other.communicate()
    assert cells.cell("b", "one", None) is None
    assert cells.cell("b", "two", None)["value"] == 2


def test_an_error_of_a_cell_is_told_as_it_is():
    def fail():
        raise BlockingIOError("not of the lock")

    with pytest.raises(BlockingIOError, match="not of the lock"):
        cells.compute_cells("b", {"one": fail})
