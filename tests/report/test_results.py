from __future__ import annotations

import json
import os

import pytest

from commands import run
from marks import fault
from vidcondense.errors import FormatError
from vidcondense.report.accuracy import accuracy_charts, class_tables, confusions, standings, title_of
from vidcondense.report.results import read_results
from vidcondense.report.runs import read_runs


def test_an_evaluation_is_read_and_belongs_to_its_run(condensed, results):
    found, runs = read_results(results), read_runs([condensed.folder])
    assert (found.chance, found.how, found.seed) == (0.5, "protocol strict", 7)
    assert [title_of(row, found, runs) for row in found.rows] == ["prism", "full data (30 steps)"]
    intervals, sizes = accuracy_charts(found, runs)
    (dot,) = intervals.dots  # a control whose networks all diverged has no accuracy
    assert (dot.label, dot.colour) == ("prism", 0)
    assert dot.text == "prism: 75.0 % (95 % interval 70.0 to 80.0)"
    assert str(condensed.bytes) in sizes.dots[0].text.replace(",", "")


def test_classes_and_confusion(condensed, results):
    found, runs = read_results(results), read_runs([condensed.folder])
    table = class_tables(found, runs)
    assert table.names == ["prism", "full data (30 steps)"]
    assert table.rows == [("class 0", [50.0, 50.0]), ("class 1", [None, None])]
    (matrix,) = confusions(found, runs)  # that of the control is not recorded
    assert matrix.shares == [[0.75, 0.25], [0.0, 1.0]]
    assert matrix.pairs == [("class 0", "class 1", 0.25)]


def test_results_of_before_the_confusion_are_read(condensed, written, tmp_path):
    del written["seed"]
    for each in [*written["sets"], *written["controls"]]:
        for repeat in each["evaluation"]["repeats"]:
            del repeat["confusion"]
    (tmp_path / "results.json").write_text(json.dumps(written))
    found = read_results(tmp_path)
    assert confusions(found, []) == []
    assert found.seed is None


def test_how_sets_were_judged_is_told_as_the_file_has_it(written, tmp_path):
    written["judged"] = "protocol strict, 5 steps of augmented clips at learning rate 0.1"
    (tmp_path / "results.json").write_text(json.dumps(written))
    assert read_results(tmp_path).how == written["judged"]


def test_a_comparison_has_rows_by_codec_and_no_classes(comparison, condensed):
    found, runs = read_results(comparison), read_runs([condensed.folder])
    assert [title_of(row, found, runs) for row in found.rows] == ["prism, uint8", "prism, webp"]
    assert class_tables(found, runs) is None
    assert confusions(found, runs) == []


def test_rows_that_differ_in_labels_are_told_apart(condensed, written, comparison, tmp_path):
    compared = json.loads((comparison / "compare.json").read_text())
    for row, labels in zip(compared["rows"], ("hard", "own"), strict=True):
        row |= {"codec": "uint8", "labels": labels}
    (comparison / "compare.json").write_text(json.dumps(compared))
    found = read_results(comparison)
    assert [title_of(row, found, []) for row in found.rows] == ["prism", "prism, own labels"]

    for each in (written["table"][0], written["sets"][0]):
        each["labels"] = "teacher"
    (tmp_path / "results.json").write_text(json.dumps(written))
    found, runs = read_results(tmp_path), read_runs([condensed.folder])
    assert class_tables(found, runs).names == ["prism, teacher labels", "full data (30 steps)"]
    assert standings([found], runs) == [[("convnet3d, teacher labels", "75.0 %", "70.0 to 80.0")]]


def test_a_folder_without_results_fails(tmp_path):
    with pytest.raises(FormatError, match=r"neither results\.json nor compare\.json"):
        read_results(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"videos": [], "networks": {}}', '{"table": 1}'])
def test_what_another_command_wrote_fails(tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(FormatError, match=r"cannot read .*results\.json.* run the command again"):
        read_results(tmp_path)


def test_a_confusion_outside_the_classes_fails(written, tmp_path):
    written["sets"][0]["evaluation"]["repeats"][0]["confusion"] = [[0, 2, 1]]
    (tmp_path / "results.json").write_text(json.dumps(written))
    with pytest.raises(FormatError, match="classes that do not exist"):
        read_results(tmp_path)


def changed(path, value):
    """A change of one value, by the keys that lead to it."""

    def change(written):
        *way, last = path
        for key in way:
            written = written[key]
        written[last] = value

    return change


EVALUATION = ("sets", 0, "evaluation")


@fault("47i", "results of others: counts, accuracies, sizes that cannot be", "exit code 3, one line")
@pytest.mark.parametrize(
    "change",
    [
        changed((*EVALUATION, "repeats", 0, "confusion"), [[0, 1, 10**30]]),
        changed((*EVALUATION, "repeats", 0, "confusion"), [[0, -1, 1]]),
        changed((*EVALUATION, "per_class"), [0.5]),
        changed((*EVALUATION, "per_class"), [0.5, 1e308]),
        changed((*EVALUATION, "options"), {}),
        changed((*EVALUATION, "options", "steps"), []),
        changed((*EVALUATION, "classes"), ["a", "c"]),
        changed((*EVALUATION, "classes"), ["a"] * 200_000),
        changed(("sets", 0, "name"), "\ud800"),
        changed(("table", 0, "accuracy"), float("nan")),
        changed(("table", 0, "accuracy"), 1e308),
        changed(("table", 0, "accuracy"), True),
        changed(("table", 0, "bytes"), -5),
        changed(("table", 0, "bytes"), 10**400),
        changed(("chance",), float("inf")),
        changed(("seed",), 2**70),
    ],
)
def test_hostile_results(condensed, written, tmp_path, change):
    change(written)
    (tmp_path / "results.json").write_text(json.dumps(written))
    done = run("report", condensed.folder, "--results", tmp_path, "--out", tmp_path / "report.html")
    assert done.code == 3
    assert "results.json" in done.line


@pytest.mark.parametrize("name", ["results.json", "compare.json"])
def test_results_that_are_no_regular_file(condensed, tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(FormatError, match="no regular file"):
        read_results(tmp_path)


def test_many_classes_take_little_memory(written, tmp_path):
    """A matrix of all pairs of 60 000 classes would take 29 GB."""
    names = [f"c{number}" for number in range(60_000)]
    for each in [*written["sets"], *written["controls"]]:
        each["evaluation"] |= {"classes": names, "per_class": []}
    written["sets"][0]["evaluation"]["repeats"] = [{"confusion": [[59_999, 7, 3], [59_999, 59_999, 1]]}]
    (tmp_path / "results.json").write_text(json.dumps(written))
    (found,) = confusions(read_results(tmp_path), [])
    assert (found.shares, found.pairs) == ([], [("c59999", "c7", 0.75)])
