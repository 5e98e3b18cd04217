from __future__ import annotations

import errno
import itertools
import json
import re
import subprocess
import sys

import pytest

from marks import fault
from vidcondense import __version__
from vidcondense.cli import main as module
from vidcondense.cli.main import COMMANDS, main
from vidcondense.errors import DataError

REQUIRED = {
    "recode": ["s", "--codec", "png", "--out", "o"],
    "condense": ["data", "--out", "set"],
    "experts": ["videos", "--out", "experts"],
    "compare": ["plan.toml", "--data", "data", "--out", "out"],
    "evaluate": ["set", "--data", "data"],
    "tune": ["videos", "--out", "tuned"],
    "transfer": ["set", "--data", "data"],
    "motion": ["set", "--data", "data"],
    "train": ["set", "--out", "network"],
    "relabel": ["set", "--teacher", "network", "--out", "out"],
    "inspect": ["set"],
    "merge": ["s", "t", "--out", "o"],
    "subset": ["s", "--out", "o"],
    "import": ["f.pt", "--units", "pixels", "--classes", "a", "--out", "o"],
    "export-model": ["n", "--to", "onnx", "--out", "o"],
    "export": ["s", "--to", "mp4", "--out", "o"],
    "pareto": ["compared", "--out", "o"],
    "report": ["set", "--out", "report.html"],
    "toy": ["toy"],
    "data": ["check", "videos"],
    "cache": ["list"],
}


def vidcondense(*arguments, **options):
    command = [sys.executable, "-m", "vidcondense", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_command(run, arguments):
    outcome = run(*arguments)
    assert outcome.code == 0
    assert all(f"\n  {name} " in outcome.out for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_teaches(run, command):
    outcome = run(command, "--help")
    assert outcome.code == 0
    assert f"  vidcondense {command}" in outcome.out  # an example
    assert "--json" in outcome.out
    assert "--debug" in outcome.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_help(run, command):
    """An option without a docstring would show its default alone, or nothing."""
    parts = re.split(r"\n(?=│ --[a-z]|╭)", run(command, "--help").out)
    options = [re.sub(r"[│╰─╯\s]+", " ", part).strip() for part in parts if part.startswith("│ --")]
    assert len(options) >= 2
    for option in options:
        words = re.sub(
            r"^--\S+( [A-Z]+\b| \{[^}]*\}| \[.*?\]\])*|\((default|required).*?\)", "", option
        ).split()
        assert len(words) >= 2, option


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_in_words_what_holds_when_an_option_is_left_out(run, command):
    shown = run(command, "--help").out
    text = re.sub(r"[│\s]+", " ", shown)
    for hint in ("default: None", "default: False", "default: True", "default: )"):
        assert hint not in text
    for switch in re.findall(r"│ (--no-[a-z-]+) ", shown):
        assert re.search(rf"{switch} (?:(?!│ --).)*\(default:[\s│]+yes\)", shown, flags=re.DOTALL), switch


@pytest.mark.parametrize("command", COMMANDS)
def test_help_breaks_lines_only_where_they_are_full(run, command):
    """Where the text of an option in the source is broken does not show."""
    lines = run(command, "--help").out.splitlines()
    for line, following in itertools.pairwise(lines):
        if re.match(r"│ {12,}\w", line) and re.match(r"│ {12,}[\w(]", following):
            next_word = following.strip("│ ").split()[0]
            assert len(line.rstrip("│ ")) + 1 + len(next_word) > len(line) - 2, line


def test_version(run):
    outcome = run("--version")
    assert outcome.out.strip() == f"vidcondense {__version__}"


def test_module_and_script_are_the_same_program():
    assert vidcondense("--version").stdout == f"vidcondense {__version__}\n"


@fault("48", "options that make no sense, or are mistyped", "exit code 2, naming option, value and rule")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["condens"], "did you mean condense"),
        (["--verison"], "unknown option"),
        (["condense", "d", "--out", "o", "--method", "prims"], "did you mean prism"),
        (["condense", "d", "--out", "o", "--vpc", "0"], "--vpc 0: must be at least 1"),
        (["condense", "d", "--out", "o", "--size", "4"], "--size 4"),
        (["condense", "d", "--out", "o", "--num-frames", "4"], "--num-frames 4"),
        (["condense", "d", "--out", "o", "--lr", "nan"], "--lr nan"),
        (["condense", "d", "--out", "o", "--seed", "-1"], "--seed -1"),
        (["condense", "d", "--out", "o", "--device", "cuda:99"], "--device cuda:99"),
        (["evaluate", "--data", "d"], "at least one condensed set"),
        (["evaluate", "s", "--data", "d", "--full-data-steps", "3"], "without --full-data"),
        (["transfer", "--data", "d"], "transfer needs at least one condensed set"),
        (["transfer", "s", "--data", "d", "--shots", "0"], "--shots (0,): must be at least 1 each"),
        (["motion", "--data", "d"], "motion needs at least one condensed set"),
        (["motion", "s", "--data", "d", "--per-class", "0"], "--per-class 0: must be at least 1"),
        (["experts", "d", "--out", "o", "--epochs", "0"], "--epochs 0: must be at least 1"),
        (["condense", "d", "--out", "o", "--step-size", "0"], "--step-size 0.0: must be a positive number"),
        (["train", "s", "--out", "o", "--seed", "-1"], "--seed -1"),
        (["recode", "s", "--out", "o", "--codec", "webp", "--quality", "-1"], "--quality -1"),
        (["toy", "t", "--pairs", "9"], "--pairs 9"),
    ],
)
def test_bad_usage_is_one_line_and_code_2(run, arguments, words):
    outcome = run(*arguments)
    assert outcome.code == 2
    assert words in outcome.line


@pytest.mark.parametrize("command", COMMANDS)
def test_mistyped_option_is_code_2_and_suggests(run, command):
    outcome = run(command, *REQUIRED.get(command, []), "--jsn")
    assert outcome.code == 2
    assert outcome.out == ""
    assert "--json" in outcome.err


def fail_with(monkeypatch, error):
    def raise_it(arguments):
        raise error

    monkeypatch.setattr(module, "_run", raise_it)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (DataError("two\nlines"), 3, r"two\nlines"),
        (ZeroDivisionError("oh"), 1, "ZeroDivisionError: oh (this is a bug in vidcondense"),
        (OSError(errno.ENOSPC, "No space left on device"), 4, "the disk is full"),
        (MemoryError(), 5, "out of memory"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_exit_codes(monkeypatch, run, error, code, words):
    fail_with(monkeypatch, error)
    outcome = run("doctor")
    assert outcome.code == code
    assert words in outcome.line


def test_debug_shows_the_traceback(monkeypatch, run):
    fail_with(monkeypatch, ZeroDivisionError("oh"))
    assert "Traceback" not in run("doctor").err
    outcome = run("doctor", "--debug")
    assert "Traceback" in outcome.err
    assert outcome.err.splitlines()[-1].startswith("vidcondense: error: ZeroDivisionError")


@fault("64f", "standard output is closed", "quiet")
def test_closed_standard_output_is_quiet():
    program = f"{sys.executable} -m vidcondense doctor --json"
    done = subprocess.run(
        ["bash", "-c", f"( {program} ; echo $? >&2 ) | true"], capture_output=True, text=True, timeout=120
    )
    assert done.stderr.strip() in ("141", "0")  # 0: everything was written before the reader left
    assert "BrokenPipe" not in done.stderr


@fault("64g", "a terminal that shows ASCII alone", "escapes")
def test_output_that_the_terminal_cannot_show_is_escaped(tmp_path):
    done = vidcondense("inspect", tmp_path / "naïve—set", env={"PYTHONIOENCODING": "ascii", "PATH": ""})
    assert done.returncode == 3
    assert r"na\xefve\u2014set" in done.stderr


def test_json_is_one_object(run):
    outcome = run("doctor", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["ok"] is True


def test_main_reads_the_arguments_of_the_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["vidcondense", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("vidcondense ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "plan.toml", "--data", "d", "--out", "o"], "compare is no work for torchrun (condense"),
        (["condense", "d", "--out", "o", "--dry-run"], "--dry-run measures one process; start it without"),
    ],
)
def test_what_gains_nothing_by_torchrun_is_refused_under_it(run, monkeypatch, arguments, message):
    monkeypatch.setenv("WORLD_SIZE", "2")
    outcome = run(*arguments)
    assert outcome.code == 2
    assert message in outcome.line
