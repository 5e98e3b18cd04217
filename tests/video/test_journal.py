from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcondense.errors import VideoError
from vidcondense.video.journal import JOURNAL, Journal

PATHS = ["a", "b\n", "\udcff", "d"]
SIZE = 6


def clips(value):
    return np.full((1, SIZE), value, np.uint8)


@pytest.fixture
def fill(tmp_path):
    """Two good videos with a bad one between them."""
    with Journal(tmp_path, PATHS, SIZE, pytest.fail) as journal:
        journal.add_clips("a", clips(1), {"fps": 25.0})
        journal.add_error("b\n", VideoError("corrupt", "why"))
        journal.add_clips("\udcff", clips(2), {"fps": None})
        return tmp_path, list(journal.entries)


def reopen(folder, paths=PATHS):
    seen = []
    with Journal(
        folder, paths, SIZE, lambda entry, held: seen.append((entry["path"], held.tolist()))
    ) as journal:
        return journal.entries, seen


def sizes(folder):
    return (folder / "clips.u8").stat().st_size, len((folder / JOURNAL).read_bytes().splitlines())


def test_all_is_there_again(fill):
    folder, entries = fill
    assert reopen(folder) == (entries, [("a", [1] * SIZE), ("\udcff", [2] * SIZE)])
    assert sizes(folder) == (2 * SIZE, 3)


def test_it_goes_on_behind_the_last(fill):
    folder, _ = fill
    with Journal(folder, PATHS, SIZE, lambda entry, held: None) as journal:
        journal.add_clips("d", clips(3), {})
    assert [path for path, _ in reopen(folder)[1]] == ["a", "\udcff", "d"]
    assert (folder / "clips.u8").read_bytes() == bytes([1] * SIZE + [2] * SIZE + [3] * SIZE)


@pytest.mark.parametrize("fails", range(1, 5))
def test_no_file_stays_open_when_one_cannot_be_opened(tmp_path, monkeypatch, fails):
    handles, really = [], Path.open

    def opened(path, *args, **kwargs):
        if len(handles) == fails - 1:
            raise OSError("no more")
        handles.append(really(path, *args, **kwargs))
        return handles[-1]

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(OSError, match="no more"):
        Journal(tmp_path, PATHS, SIZE, pytest.fail)
    assert [handle.closed for handle in handles] == [True] * (fails - 1)


@pytest.mark.parametrize("cut", range(1, 3 * SIZE))
def test_clips_that_were_cut(fill, cut):
    folder, entries = fill
    data = (folder / "clips.u8").read_bytes()
    (folder / "clips.u8").write_bytes(data[: max(len(data) - cut, 0)])
    kept = 2 if cut <= SIZE else 0
    assert reopen(folder)[0] == entries[:kept]
    assert sizes(folder) == (SIZE * (kept > 0), kept)


def test_a_line_that_was_cut_anywhere(fill):
    folder, entries = fill
    text = (folder / JOURNAL).read_bytes()
    clip_bytes = (folder / "clips.u8").read_bytes()
    for end in range(len(text)):
        (folder / JOURNAL).write_bytes(text[:end])
        (folder / "clips.u8").write_bytes(clip_bytes)
        whole = text[:end].count(b"\n")
        assert reopen(folder)[0] == entries[:whole]
        assert sizes(folder) == (SIZE * len([e for e in entries[:whole] if "crc" in e]), whole)


def test_changed_clips_are_not_believed(fill):
    folder, entries = fill
    data = bytearray((folder / "clips.u8").read_bytes())
    data[SIZE] ^= 1
    (folder / "clips.u8").write_bytes(data)
    assert reopen(folder)[0] == entries[:2]


def test_lines_about_other_videos_are_not_believed(fill):
    folder, entries = fill
    assert reopen(folder, ["a", "x", "\udcff"])[0] == entries[:1]
    assert reopen(folder, [])[0] == []


@given(st.lists(st.binary(max_size=20) | st.sampled_from([b"1", b"[]", b'{"path": "a"}']), max_size=4))
def test_any_journal_is_survived(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("journal")
    (folder / JOURNAL).write_bytes(b"\n".join(lines))
    assert reopen(folder) == ([], [])
    (folder / JOURNAL).write_bytes(json.dumps({"path": "a", "code": 1, "detail": 2}).encode() + b"\n")
    assert len(reopen(folder)[0]) == 1
