from __future__ import annotations

import csv
import io

from vidcondense.evaluation import Summary, record, to_csv, to_matrix, to_table

FULL = Summary(
    unit="set",
    finite=3,
    networks=9,
    diverged=1,
    accuracy=0.1794,
    std=0.0041,
    interval=(0.169, 0.1898),
    group_interval=(0.15, 0.21),
    train_accuracy=1.0,
    best_of_points_on_test=None,
)
LOST = Summary(
    unit="network",
    finite=0,
    networks=1,
    diverged=1,
    accuracy=None,
    std=None,
    interval=None,
    group_interval=None,
    train_accuracy=None,
    best_of_points_on_test=None,
)


def rows():
    return [
        record("prism", FULL, model="convnet3d", clips=50, vpc=1.0, paper_mb=20.04, num_bytes=5_123_456),
        record("random, real", LOST, model="cnn-gru", clips=250),
    ]


def test_csv_reads_back():
    read = list(csv.DictReader(io.StringIO(to_csv(rows()))))
    assert [row["name"] for row in read] == ["prism", "random, real"]
    assert float(read[0]["accuracy"]) == 100 * 0.1794
    assert float(read[0]["group_ci_high"]) == 21.0
    assert (read[0]["bytes"], read[0]["repeat"], read[0]["n"]) == ("5123456", "set", "3")
    assert (read[1]["accuracy"], read[1]["ci_low"], read[1]["bytes"]) == ("", "", "")
    assert (read[1]["diverged"], read[1]["networks"], read[1]["clips"]) == ("1", "1", "250")


def test_table():
    titles, texts = to_table(rows())
    assert titles == [
        "name",
        "model",
        "labels",
        "vpc",
        "clips",
        "n",
        "accuracy %",
        "95 % CI",
        "95 % CI (groups)",
        "train %",
        "diverged",
        "paper MB",
        "bytes",
    ]
    assert texts[0] == [
        "prism",
        "convnet3d",
        "hard",
        "1",
        "50",
        "3 sets",
        "17.9 ± 0.4",
        "16.9 to 19.0",
        "15.0 to 21.0",
        "100.0",
        "1 of 9",
        "20.04",
        "5,123,456",
    ]
    assert texts[1] == [
        "random, real",
        "cnn-gru",
        "hard",
        "–",
        "250",
        "0 networks",
        *["–"] * 4,
        "1 of 1",
        "–",
        "–",
    ]


def test_best_of_points_has_a_column_of_its_own():
    paper = Summary(**{**vars(FULL), "best_of_points_on_test": 0.25})
    titles, texts = to_table([record("prism", paper, model="convnet3d", clips=50)])
    assert texts[0][titles.index("best of points on test %")] == "25.0"


def test_matrix_of_sets_by_networks():
    records = [
        record("prism", FULL, model="convnet3d", clips=50, condensed_with="convnet3d"),
        record("prism", LOST, model="cnn-gru", clips=50, condensed_with="convnet3d"),
        record("random", FULL, model="cnn-gru", clips=50),
    ]
    titles, texts = to_matrix(records)
    assert titles == ["accuracy %", "condensed with", "convnet3d", "cnn-gru"]
    assert texts == [["prism", "convnet3d", "17.9 ± 0.4", "–"], ["random", "–", "–", "17.9 ± 0.4"]]


def test_nothing_is_nothing():
    assert to_csv([]) == ""
    assert to_table([]) == ([], [])
