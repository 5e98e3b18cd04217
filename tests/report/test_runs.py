from __future__ import annotations

import json
import os
import shutil

import pytest

from marks import fault
from vidcondense.errors import FormatError
from vidcondense.events import read_events
from vidcondense.report.runs import read_runs


def hole(path):
    path.touch()
    os.truncate(path, 10**11)


def test_names_are_the_shortest_that_differ(condensed, tmp_path):
    for name in ("a/small", "b/small"):
        shutil.copytree(condensed.folder, tmp_path / name)
    assert [run.name for run in read_runs([tmp_path / "a/small"])] == ["small"]
    runs = read_runs([tmp_path / "a/small", tmp_path / "b/small"])
    assert [run.name for run in runs] == ["a/small", "b/small"]


def test_key_frames_tell_their_story(condensed):
    """Against a naive replay of the log, one event after the other."""
    (run,) = read_runs([condensed.folder])
    assert [[key.frame for key in row] for row in run.key_frames] == condensed.positions
    present = [{0, 7} for _ in condensed.positions]
    count = 0
    for event in read_events(condensed.folder / "events.jsonl"):
        if event["kind"] != "insertion":
            continue
        count += 1
        video, frame = event["video"], event["frame"]
        key = next(key for key in run.key_frames[video] if key.frame == frame)
        assert (key.iteration, key.cosine_before) == (event["iteration"], event["cosine_before"])
        assert key.before == max(each for each in present[video] if each < frame)
        assert key.after == min(each for each in present[video] if each > frame)
        present[video].add(frame)
    assert count >= 8
    assert all(row[0].iteration is None and row[-1].iteration is None for row in run.key_frames)


def test_several_insertions_of_one_iteration_have_the_neighbours_of_before(condensed):
    path = condensed.folder / "events.jsonl"
    video = max(range(4), key=lambda index: len(condensed.positions[index]))
    middle = condensed.positions[video][1:-1]
    cosines = {"cosine_before": -0.5, "cosine_after": -0.25}
    events = [{"kind": "insertion", "iteration": 3, "video": video, "frame": f, **cosines} for f in middle]
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    (run,) = read_runs([condensed.folder])
    inserted = [key for key in run.key_frames[video] if key.iteration is not None]
    assert len(inserted) > 1
    assert {(key.before, key.after) for key in inserted} == {(0, 7)}


def test_a_set_without_a_log(hostile):
    (hostile.folder / "events.jsonl").unlink()
    (run,) = read_runs([hostile.folder])
    assert run.events == ()
    assert [key.iteration for key in run.key_frames[0]] == [None] * 8


INSERTION = {
    "kind": "insertion",
    "iteration": 1,
    "video": 0,
    "frame": 1,
    "cosine_before": 0,
    "cosine_after": 1,
}


@fault("47j", "a log of others: NaN, 1e999, numbers of 400 digits, wrong types", "refused by name")
@pytest.mark.parametrize(
    "line",
    [
        '{"kind": "iteration", "iteration": 1, "loss": NaN}',
        '{"kind": "iteration", "iteration": 1, "loss": 1e999}',
        '{"kind": "iteration", "iteration": 1, "loss": 1e300}',
        f'{{"kind": "iteration", "iteration": 1, "loss": {"9" * 400}}}',
        f'{{"kind": "iteration", "iteration": {"9" * 400}, "loss": 1}}',
        '{"kind": "iteration", "iteration": "1", "loss": 1}',
        '{"kind": "iteration", "iteration": 1, "loss": 1, "\\ud800": 1}',
        '{"kind": "iteration", "iteration": 1, "loss": 1, "paper_mb": "many"}',
        *(json.dumps({**INSERTION, **more}) for more in ({"video": -1}, {"frame": [1]}, {"iteration": 1.5})),
        "[" * 100_000,
        "{",
        '{"kind": "insertion", "iteration": 1, "video": 0}',
        '{"kind": "insertion", "iteration":1, "video": 9, "frame": 1, "cosine_before": 0, "cosine_after": 1}',
        '{"kind": "iteration", "iteration": 1, "loss": "high"}',
        '{"iteration": 1}',
        "[]",
    ],
)
def test_a_log_that_does_not_fit_fails(condensed, line):
    path = condensed.folder / "events.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(FormatError, match="delete it to do without"):
        read_runs([condensed.folder])


@fault("53g", "a log that is a link, a named pipe, or a hole of 100 GB", "refused, at once")
@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc/passwd"), os.mkfifo, hole])
def test_a_log_that_is_no_file_of_ours(condensed, make):
    path = condensed.folder / "events.jsonl"
    path.unlink()
    make(path)
    with pytest.raises(FormatError, match=r"events\.jsonl"):
        read_runs([condensed.folder])
