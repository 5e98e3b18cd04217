from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path

import torch

from vidcondense.cli import condense as condense_cli
from vidcondense.cli import evaluate as evaluate_cli
from vidcondense.cli import report as report_cli
from vidcondense.cli.parse import parse
from vidcondense.options import as_json
from vidcondense.report.commands import condense_command, evaluate_command, report_command
from vidcondense.report.page import ReportOptions
from vidcondense.report.results import read_results
from vidcondense.report.runs import read_runs
from vidcondense.storage.condensed import save_labelled, save_stored
from vidcondense.storage.subset import subset


def parsed(module, command):
    program, name, *rest = shlex.split(command)
    assert program == "vidcondense"
    return parse(module.Arguments, rest, command=name)


def test_the_command_gives_the_options_of_the_set(condensed):
    (run,) = read_runs([condensed.folder])
    options = parsed(condense_cli, condense_command(run))
    assert as_json(options.condense) == condensed.manifest["options"]
    assert (options.clip.num_frames, options.clip.size) == (8, 44)
    assert str(options.out) == "prism"


def test_the_command_of_a_recoded_set_from_an_unusual_dataset(condensed, tmp_path):
    data = {
        "layout": "ucf101",
        "fold": 2,
        "flip": False,
        "classes": ["a b", "c"],
        "stride": 3,
        "short": "loop",
    }
    origin = dataclasses.replace(condensed.origin, data=data)
    save_stored(tmp_path / "it's", condensed.stored, condensed.labels, "lzma", origin)
    (run,) = read_runs([tmp_path / "it's"])
    options = parsed(condense_cli, condense_command(run))
    assert options.condense.codec == "lzma"
    assert (options.reading.layout, options.reading.fold, options.reading.flip) == ("ucf101", 2, False)
    assert options.reading.classes == ("a b", "c")
    assert (options.clip.stride, options.clip.short) == (3, "loop")
    assert str(options.out) == "it's"


def test_sets_that_condense_does_not_make_have_no_command(condensed, tmp_path):
    subset(condensed, tmp_path / "part", vpc=1)
    rows = torch.full((len(condensed), 2), 0.5)
    for kind in ("teacher", "learned"):
        labelling = {"kind": kind, "views": 0, "seed": 0} if kind == "teacher" else {"kind": kind}
        save_labelled(tmp_path / kind, condensed, rows, labelling)
    runs = read_runs([tmp_path / name for name in ("part", "teacher", "learned")])
    part, taught, learned = map(condense_command, runs)
    assert (part, taught) == (None, None)
    assert learned.startswith("vidcondense condense DATA --out learned")


def test_the_command_of_an_evaluation_by_own_labels(condensed, written, tmp_path):
    written["sets"][0]["labels"] = "learned"
    (tmp_path / "results.json").write_text(json.dumps(written))
    command = evaluate_command(read_results(tmp_path), read_runs([condensed.folder]))
    assert parsed(evaluate_cli, command).labels == "own"


def test_the_command_of_an_evaluation(condensed, results):
    found, runs = read_results(results), read_runs([condensed.folder])
    options = parsed(evaluate_cli, evaluate_command(found, runs))
    assert [str(path) for path in options.sets] == ["prism"]
    assert (options.evaluation.repeats, options.evaluation.steps, options.evaluation.seed) == (2, 20, 7)
    assert (options.full_data, options.full_data_steps) == (True, 30)
    assert options.model == ("convnet3d",)
    assert str(options.out) == "results"


def test_the_command_of_older_results_says_how_they_were_judged(condensed, written, tmp_path):
    for each in (*written["sets"], *written["controls"]):
        each["evaluation"]["options"].pop("augment", None)
        each["evaluation"]["training"] = {"lr": 0.003}
    (tmp_path / "results.json").write_text(json.dumps(written))
    command = evaluate_command(read_results(tmp_path), read_runs([condensed.folder]))
    judged = parsed(evaluate_cli, command).evaluation
    assert (judged.lr, judged.augment) == (0.003, False)


def test_the_command_of_the_page(condensed, results, comparison):
    found, runs = [read_results(results), read_results(comparison)], read_runs([condensed.folder])
    wanted = ReportOptions(videos=5, real_clips=False)
    given = (as_json(wanted), as_json(ReportOptions()))
    command = report_command(runs, found, *given, real=True, network=Path("nets/a b"))
    options = parsed(report_cli, command)
    assert options.page == wanted
    assert [str(path) for path in (*options.sets, *options.results)] == ["prism", "results", "compared"]
    assert (str(options.data), str(options.network), str(options.out)) == ("DATA", "a b", "report.html")
    alone = report_command(runs, [], as_json(ReportOptions()), given[1], real=False, network=None)
    assert alone == "vidcondense report prism --out report.html"


def test_a_comparison_keeps_its_own_commands(comparison):
    assert evaluate_command(read_results(comparison), []) is None
