from __future__ import annotations

import json

import pytest

from vidcondense.errors import FormatError
from vidcondense.report.accuracy import accuracy_charts, class_tables, confusions, title_of
from vidcondense.report.results import read_results
from vidcondense.report.runs import read_runs


def test_an_evaluation_is_read_and_belongs_to_its_run(condensed, results):
    found, runs = read_results(results), read_runs([condensed.folder])
    assert (found.chance, found.protocol, found.seed) == (0.5, "strict", 7)
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


def test_a_comparison_has_rows_by_codec_and_no_classes(comparison, condensed):
    found, runs = read_results(comparison), read_runs([condensed.folder])
    assert [title_of(row, found, runs) for row in found.rows] == ["prism, uint8", "prism, webp"]
    assert class_tables(found, runs) is None
    assert confusions(found, runs) == []


def test_a_folder_without_results_fails(tmp_path):
    with pytest.raises(FormatError, match=r"neither results\.json nor compare\.json"):
        read_results(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"videos": [], "networks": {}}', '{"table": 1}'])
def test_what_another_command_wrote_fails(tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(FormatError, match=r"results\.json holds no results"):
        read_results(tmp_path)


def test_a_confusion_outside_the_classes_fails(written, tmp_path):
    written["sets"][0]["evaluation"]["repeats"][0]["confusion"] = [[0, 2, 1]]
    (tmp_path / "results.json").write_text(json.dumps(written))
    with pytest.raises(FormatError, match="classes that do not exist"):
        read_results(tmp_path)
