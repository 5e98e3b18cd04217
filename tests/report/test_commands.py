from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

from vidcondense.cli import condense as condense_cli
from vidcondense.cli import evaluate as evaluate_cli
from vidcondense.cli import report as report_cli
from vidcondense.cli.parse import parse
from vidcondense.options import as_json
from vidcondense.report.commands import condense_command, evaluate_command, report_command
from vidcondense.report.page import ReportOptions
from vidcondense.report.results import read_results
from vidcondense.report.runs import read_runs
from vidcondense.storage.condensed import save_stored


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


def test_the_command_of_an_evaluation(condensed, results):
    found, runs = read_results(results), read_runs([condensed.folder])
    options = parsed(evaluate_cli, evaluate_command(found, runs))
    assert [str(path) for path in options.sets] == ["prism"]
    assert (options.evaluation.repeats, options.evaluation.steps, options.evaluation.seed) == (2, 20, 7)
    assert (options.full_data, options.full_data_steps) == (True, 30)
    assert options.model == ("convnet3d",)
    assert str(options.out) == "results"


def test_the_command_of_the_page(condensed, results, comparison):
    found, runs = [read_results(results), read_results(comparison)], read_runs([condensed.folder])
    wanted = ReportOptions(videos=5, real_clips=False)
    given = (as_json(wanted), as_json(ReportOptions()))
    command = report_command(runs, found, *given, real=True, network=Path("nets/a b"))
    options = parsed(report_cli, command)
    assert options.options == wanted
    assert [str(path) for path in (*options.sets, *options.results)] == ["prism", "results", "compared"]
    assert (str(options.data), str(options.network), str(options.out)) == ("DATA", "a b", "report.html")
    alone = report_command(runs, [], as_json(ReportOptions()), given[1], real=False, network=None)
    assert alone == "vidcondense report prism --out report.html"


def test_a_comparison_keeps_its_own_commands(comparison):
    assert evaluate_command(read_results(comparison), []) is None
