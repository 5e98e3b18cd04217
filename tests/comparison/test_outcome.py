from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from scipy import stats

from vidcondense.comparison.outcome import collect
from vidcondense.comparison.tables import to_cells, to_commands, to_latex, to_markdown
from vidcondense.compute import Compute
from vidcondense.errors import UsageError
from vidcondense.estimation import peak_gpu_mb
from vidcondense.evaluation.protocol import EvaluateOptions
from vidcondense.evaluation.results import Evaluation, Repeat, as_dict


def cell(seed, *entries):
    made = []
    for codec, accuracies in entries:
        repeats = [
            Repeat(seed=k, diverged=False, steps_done=1, accuracy=a, train_accuracy=1.0, correct=(a, a))
            for k, a in enumerate(accuracies)
        ]
        found = Evaluation(
            options={"seed": seed},
            training={},
            classes=("a", "b"),
            num_train=2,
            groups=("g", "h"),
            repeats=tuple(repeats),
        )
        sizes = (
            {"paper_mb": 0.5, "bytes": 1000 + seed, "key_frames": [2, 4], "clip_evaluations": 90}
            if codec
            else {}
        )
        made.append(
            {"codec": codec, "model": EvaluateOptions().model, "seconds_evaluate": 2.0, **sizes}
            | {"evaluation": as_dict(found)}
        )
    return {"seed": seed, "seconds_condense": 3.0, "peak_memory_mb": 100.0, "entries": made}


@pytest.fixture
def cells():
    return {
        "random-0": cell(0, ("uint8", [0.2, 0.4])),
        "random-1": cell(1, ("uint8", [0.3, 0.3])),
        "prism-0": cell(0, ("float32", [0.6, 0.6]), ("uint8", [0.5, 0.5])),
        "prism-1": cell(1, ("float32", [0.8, 0.6]), ("uint8", [0.4, 0.4])),
    }


def test_figures_and_paired_differences(plan, cells):
    outcome = collect(plan, cells, {"full-data-0": "no memory"}, [])
    random, exact, small, _ = outcome.records()
    assert random["accuracy"] == pytest.approx(30)
    assert random["difference"] is None
    assert (exact["codec"], exact["accuracy"]) == ("float32", pytest.approx(65))
    difference = stats.ttest_rel([0.6, 0.7], [0.3, 0.3])
    low, high = difference.confidence_interval()
    assert exact["difference"] == pytest.approx(35)
    assert (exact["difference_low"], exact["difference_high"]) == pytest.approx((100 * low, 100 * high))
    assert exact["p_value"] == pytest.approx(difference.pvalue)
    assert small["difference"] == pytest.approx(15)
    assert (small["bytes"], small["key_frames"], small["pairs"]) == (1000, 3, 2)
    assert (exact["clip_evaluations"], exact["seconds_condense"]) == (90, 3.0)


def test_pairs_are_made_by_seed(plan, cells):
    del cells["random-0"]
    exact = collect(plan, cells, {}, ["random-0"]).records()[1]
    assert exact["pairs"] == 1
    assert exact["difference"] == pytest.approx(40)
    assert exact["difference_low"] is None


def test_a_difference_of_fewer_pairs_than_seeds_says_so(plan, cells):
    titles, rows = to_cells(collect(plan, cells, {}, []).records())
    at = titles.index("95 % CI (paired)")
    assert "pair" not in rows[1][at]
    del cells["random-0"]
    assert to_cells(collect(plan, cells, {}, ["random-0"]).records())[1][1][at] == "– (1 pair)"
    del cells["prism-0"], cells["random-1"]
    records = collect(plan, cells, {}, []).records()
    assert "pair" not in str(to_cells(records)), "of no pair there is no difference, of networks none to tell"


def test_text_tables_show_hostile_names_and_interpret_nothing(plan, cells):
    records = collect(plan, cells, {}, []).records()
    records[0]["name"] = "a|b\n<script> 5% & $x_1$ [l](u) \\"
    titles, rows = to_cells(records)
    markdown = to_markdown(titles, rows).splitlines()
    assert len(markdown) == 6
    assert r"a\|b &lt;script&gt;" in markdown[2]
    assert r"\[l\]\(u\) \\ |" in markdown[2]
    latex = to_latex(titles, rows)
    assert r"a|b <script> 5\% \& \$x\_1\$ [l](u) \textbackslash{} &" in latex
    assert latex.count(r" \\") == 5
    assert {line.count("&") for line in latex.replace(r"\&", "").splitlines() if "&" in line} == {
        len(titles) - 1
    }


def test_folds_have_other_clips_and_no_interval_over_groups(plan, cells):
    for seed in (0, 1):
        for entry in cells[f"prism-{seed}"]["entries"]:
            entry["evaluation"]["groups"] = [f"g{seed}", f"h{seed}"]
    _, exact, *_ = collect(replace(plan, folds=2), cells, {}, []).records()
    assert exact["accuracy"] == pytest.approx(65)
    assert exact["ci_low"] is not None
    assert exact["group_ci_low"] is None
    with pytest.raises(UsageError, match="differ in groups"):
        collect(plan, cells, {}, []).records()


def test_rows_without_a_result_are_shown_with_the_reason(plan, cells):
    del cells["prism-1"]
    failures = {"full-data-0": "no memory", "prism-1": "of |ill| will"}
    records = collect(plan, cells, failures, []).records()
    assert [(row["name"], row["n"], row["failed"]) for row in records] == [
        ("random", 2, None),
        ("PRISM", 2, "1 failed: of |ill| will"),
        ("PRISM", 2, "1 failed: of |ill| will"),
        ("full data", 0, "1 failed: no memory"),
    ]
    titles, rows = to_cells(records)
    assert [row[titles.index("accuracy %")] for row in rows][-1] == "failed"
    assert rows[-1][titles.index("n")] == "0 of 1"
    assert len(to_markdown(titles, rows).splitlines()) == 2 + 4
    waiting = collect(plan, cells, {}, ["full-data-0"])
    assert to_cells(waiting.records())[1][-1][titles.index("accuracy %")] == "–"
    assert len(waiting.rows_as_json()) == 3
    commands = {"random-0": ["a", "--out", "x y"], "prism-1": ["b", "`c`\n# d"]}
    assert to_commands(commands, failures).splitlines()[3:] == [
        "    # random-0",
        "    a --out 'x y'",
        "    # prism-1 failed: of |ill| will",
        "    b '`c` # d'",
    ]


def test_the_networks_of_one_seed_are_not_taken_for_seeds(plan, cells):
    cells["full-data-0"] = cell(0, (None, [0.9, 0.8, 0.7]))
    del cells["random-1"], cells["prism-1"]
    cells["prism-0"] = cell(0, ("float32", [0.6]), ("uint8", [0.5]))
    (repeat,) = cells["prism-0"]["entries"][1]["evaluation"]["repeats"]
    repeat |= {"diverged": True, "accuracy": None, "correct": []}
    titles, rows = to_cells(collect(plan, cells, {}, []).records())
    told = [row[titles.index("n")] for row in rows]
    assert told == ["1 of 2, 2 networks", "1 of 2", "0 of 2", "1, 3 networks"]


def test_memory_of_a_gpu_is_shown_where_there_was_one(plan, cells, monkeypatch):
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 3 * 2**20)
    assert peak_gpu_mb(Compute(torch.device("cpu"), "float32")) is None
    cells["prism-0"]["peak_gpu_mb"] = peak_gpu_mb(Compute(torch.device("cuda"), "float32"))
    cells["prism-1"]["peak_gpu_mb"] = None
    titles, rows = to_cells(collect(plan, cells, {}, []).records())
    assert [row[titles.index("peak GPU MiB")] for row in rows] == ["–", "3", "3", "–"]


def test_precision_is_told_and_shown_where_rows_differ(plan, cells):
    def told():
        records = collect(plan, cells, {}, []).records()
        titles, rows = to_cells(records)
        return [each["precision"] for each in records], [
            row[titles.index("precision")] for row in rows if "precision" in titles
        ]

    assert told() == ([None] * 4, [])  # older results do not say
    for cell in cells.values():
        for entry in cell["entries"]:
            entry["judged_with"] = {"precision": "float32"}
    assert told() == (["float32"] * 3 + [None], [])
    cells["random-1"]["entries"][0]["condensed_with"] = {"precision": "bfloat16"}
    assert told()[1] == ["bfloat16, float32", "float32", "float32", "–"]
    del cells["prism-1"]["entries"][0]["judged_with"]
    assert told()[0] == ["bfloat16, float32", "float32, unknown", "float32", None]
    del cells["prism-0"], cells["prism-1"]
    assert told()[1][0] == "bfloat16, float32", "the same in all rows, and mixed"


def test_labels_are_an_axis_with_a_column_where_not_all_are_hard(plan, cells):
    prism = replace(plan.entrants[1], labels=("hard", "own"), codecs=("uint8",))
    for seed in (0, 1):
        of_prism = cells[f"prism-{seed}"]["entries"]
        (own,) = (entry for entry in of_prism if entry["codec"] == "float32")
        own |= {"codec": "uint8", "labels": "own"}
    labelled = replace(plan, entrants=(plan.entrants[0], prism))
    records = collect(labelled, cells, {}, []).records()
    assert [(row["labels"], row["accuracy"]) for row in records] == [
        ("hard", pytest.approx(30)),
        ("hard", pytest.approx(45)),
        ("learned", pytest.approx(65)),
    ]
    assert records[2]["difference"] == pytest.approx(35)
    assert "labels" in to_cells(records)[0]
    assert "labels" not in to_cells(records[:2])[0]


def test_columns_that_say_nothing_are_left_out(plan, cells):
    titles, rows = to_cells(collect(plan, cells, {}, []).records())
    assert "network" not in titles
    assert "diverged" not in titles
    assert "codec" in titles
    assert rows[0][titles.index("accuracy %")] == "30.0 ± 0.0"
    assert to_cells([]) == (["set"], [])
