from __future__ import annotations

import json
import os

import pytest
from scipy import stats

from marks import fault
from vidcondense.comparison.pareto import crossings, front, read_comparisons, read_rows, rivals, to_cells
from vidcondense.errors import DataError, FormatError


def row(name, size, *accuracies, method="prism", vpc=1):
    return {
        "name": name,
        "method": method,
        "model": "convnet3d",
        "codec": "uint8",
        "vpc": vpc,
        "bytes": size,
        "accuracy": 100 * sum(accuracies) / len(accuracies),
        "std": None,
        "ci_low": None,
        "ci_high": None,
        "accuracies": {str(seed): accuracy for seed, accuracy in enumerate(accuracies)},
    }


LEARNED = [row("coarse", 100, 0.4, 0.5), row("fine", 900, 0.5, 0.7), row("waste", 1000, 0.3, 0.2)]
REAL = [
    row("random", 50, 0.1, 0.2, method="random"),
    row("random", 400, 0.5, 0.54, method="random", vpc=2),
    row("herding", 1200, 0.9, 0.8, method="herding"),
]


def beaten(row, rows):
    return any(
        other is not row
        and other["bytes"] <= row["bytes"]
        and (other["accuracy"], -other["bytes"]) > (row["accuracy"], -row["bytes"])
        for other in rows
    )


def test_the_front_is_what_nothing_smaller_beats():
    rows = LEARNED + REAL
    assert front(rows) == sorted((row for row in rows if not beaten(row, rows)), key=lambda row: row["bytes"])


def test_each_size_has_the_best_of_both_sides_and_their_difference_in_pairs():
    found = {rival.size: rival for rival in rivals(LEARNED + REAL)}
    assert sorted(found) == [50, 100, 400, 900, 1200]
    assert found[50].learned is None
    assert found[50].difference is None
    assert (found[900].learned["name"], found[900].real["vpc"]) == ("fine", 2)
    oracle = stats.ttest_rel([0.5, 0.7], [0.5, 0.54]).confidence_interval()
    assert found[900].difference.mean == pytest.approx(0.08)
    assert found[900].difference.interval == pytest.approx((oracle.low, oracle.high))
    assert found[1200].difference.mean == pytest.approx(0.6 - 0.85)


def test_the_lead_changes_where_it_does():
    turns = [(50, "real"), (100, "learned"), (400, "real"), (900, "learned"), (1200, "real")]
    assert crossings(rivals(LEARNED + REAL)) == turns


def test_sizes_can_be_named_and_nothing_larger_counts():
    (found,) = rivals(LEARNED + REAL, [399])
    assert (found.learned["name"], found.real["bytes"]) == ("coarse", 50)


def test_the_best_can_be_chosen_by_a_cross_validation():
    judge = [{**each, "accuracy": {"waste": 99, "fine": 1}.get(each["name"], 50)} for each in LEARNED + REAL]
    (found,) = rivals(LEARNED + REAL, [1000], judge=judge)
    assert (found.learned["name"], found.learned["accuracy"]) == ("waste", pytest.approx(25))
    with pytest.raises(DataError, match="no waste, 1 a class"):
        rivals(LEARNED, judge=LEARNED[:2])


def test_a_table_says_what_is_missing():
    titles, cells = to_cells(rivals(LEARNED + REAL, [60]))
    assert len(titles) == len(cells[0])
    assert cells[0][1:3] == ["–", "–"]


@fault(
    "47k", "a comparison of others: wrong types, numbers that cannot be, methods unknown", "refused by name"
)
@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        (None, DataError, "vidcondense compare"),
        ("{", FormatError, "vidcondense compare"),
        ('{"rows": [{"name": "a"}]}', FormatError, "older"),
        ('{"rows": 3}', FormatError, "vidcondense compare"),
        ("[" * 100_000, FormatError, "nested"),
        *(
            (json.dumps({"rows": [{**LEARNED[0], **change}]}), FormatError, "compare.json")
            for change in [
                {"method": "alchemy"},
                {"bytes": "100"},
                {"bytes": 10**400},
                {"accuracy": float("nan")},
                {"vpc": 1e300},
                {"ci_low": "low"},
                {"ci_low": 80.0},
                {"ci_high": 1.0},
                {"accuracies": {"first": 0.4}},
                {"accuracies": {"0": "high"}},
                {"name": "\ud800"},
                {"\udcff": 1},
            ]
        ),
    ],
)
def test_a_file_that_is_no_comparison_is_refused(tmp_path, text, error, says):
    if text is not None:
        (tmp_path / "compare.json").write_text(text)
    with pytest.raises(error, match=says):
        read_rows(tmp_path)


def test_a_comparison_that_is_a_named_pipe(tmp_path):
    os.mkfifo(tmp_path / "compare.json")
    with pytest.raises(FormatError, match="no regular file"):
        read_rows(tmp_path)


def test_comparisons_that_were_judged_in_different_ways_are_refused(tmp_path):
    ways = ("", "500 steps", "500 steps of augmented clips")
    for number, (rows, judged) in enumerate(zip((REAL, LEARNED, []), ways, strict=True)):
        (tmp_path / str(number)).mkdir()
        told = {"judged": judged} if judged else {}
        (tmp_path / str(number) / "compare.json").write_text(json.dumps({"rows": rows, **told}))
    folders = [tmp_path / str(number) for number in range(3)]
    assert len(read_comparisons(folders[:2])) == len(REAL) + len(LEARNED)
    with pytest.raises(DataError, match=r"1 was judged by 500 steps, .*2 by 500 steps of augmented clips"):
        read_comparisons(folders)


def test_rows_without_a_size_are_left_out(tmp_path):
    full = {**LEARNED[0], "bytes": None}
    (tmp_path / "compare.json").write_text(json.dumps({"rows": [*REAL, full]}))
    assert read_rows(tmp_path) == json.loads(json.dumps(REAL))
