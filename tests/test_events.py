from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from vidcondense.errors import FormatError, OutputError
from vidcondense.events import EventLog, broadcast, ignore, read_events


def test_log_round_trip_and_broadcast(tmp_path):
    path = tmp_path / "log.jsonl"
    seen = []
    with EventLog(path) as log:
        listen = broadcast(log, ignore, seen.append)
        for index in range(3):
            listen({"kind": "step", "index": index})
    assert read_events(path) == seen == [{"kind": "step", "index": index} for index in range(3)]


def test_log_of_a_resumed_run_drops_what_came_after_the_checkpoint(tmp_path):
    path = tmp_path / "log.jsonl"
    with EventLog(path) as log:
        for index in range(5):
            log({"index": index})
    with EventLog(path, keep=2) as log:
        log({"index": "again"})
        assert log.lines == 3
    assert read_events(path) == [{"index": 0}, {"index": 1}, {"index": "again"}]
    with EventLog(path):
        pass
    assert read_events(path) == []


def test_log_that_has_fewer_lines_than_are_kept_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "log.jsonl"
    with EventLog(path) as log:
        log({"index": 0})
    with pytest.raises(
        FormatError, match="has 1 lines, its checkpoint tells of 1000000000000; use --overwrite"
    ):
        EventLog(path, keep=10**12)
    assert read_events(path) == [{"index": 0}]


def test_log_that_cannot_be_written_fails(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*log\.jsonl"):
        EventLog(tmp_path / "missing" / "log.jsonl")


@pytest.mark.parametrize("under_way", [None, ValueError("the first error")])
def test_log_that_cannot_be_closed_does_not_hide_another_error(tmp_path, monkeypatch, under_way):
    def refuse():
        close()
        raise OSError("no space left")

    with pytest.raises(type(under_way) if under_way else OutputError, match=r"first error|cannot write"):
        with EventLog(tmp_path / "log.jsonl") as log:
            close = log._file.close
            monkeypatch.setattr(log, "_file", SimpleNamespace(close=refuse))
            if under_way:
                raise under_way


@pytest.mark.parametrize("line", ["{", "[]", "7", "\x00"])
def test_a_line_that_is_no_event_fails(tmp_path, line):
    path = tmp_path / "log.jsonl"
    path.write_text(f'{{"kind": "step"}}\n{line}\n')
    with pytest.raises(FormatError, match=re.escape(str(path))):
        read_events(path)
