from __future__ import annotations

import ast
import importlib.util
import json
import math
import runpy
import sys
from pathlib import Path

import pytest

from vidcondense.storage.condensed import load_condensed
from vidcondense.video.toy import ToyOptions, make_toy

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_own_videos(tmp_path, monkeypatch, capsys):
    toy = ToyOptions(pairs=1, train_per_class=2, test_per_class=1, num_frames=8, size=44, workers=0)
    make_toy(tmp_path / "videos", toy)
    size = ["--num-frames", "8", "--stride", "1", "--size", "44", "--iterations", "2", "--steps", "2"]
    program = str(EXAMPLES / "own_videos.py")
    monkeypatch.setattr(sys, "argv", [program, str(tmp_path / "videos"), str(tmp_path / "small"), *size])
    runpy.run_path(program, run_name="__main__")
    shown = capsys.readouterr().out
    assert "4 training clips, 2 test clips, classes ('left', 'right')" in shown
    assert f"{load_condensed(tmp_path / 'small').bytes} bytes" in shown
    assert "a batch for any training loop: (2, 8, 3, 44, 44), labels [0, 1]" in shown
    assert "accuracy " in shown


def cells():
    notebook = json.loads((EXAMPLES / "tutorial.ipynb").read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run_cell(code, names):
    """Run a cell as a notebook does; return the value of an expression at its end."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "tutorial", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "tutorial", "eval"), names)


def test_the_notebook_is_committed_without_outputs():
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells())


def test_the_notebook_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    sources = ["".join(cell["source"]) for cell in cells()]
    short = [
        source.replace("iterations=20", "iterations=2").replace("steps=20", "steps=2") for source in sources
    ]
    assert short != sources
    shown = [run_cell(source, names) for source in short]
    assert [value for value in shown if hasattr(value, "_repr_html_")] == [names["small"]]
    assert (tmp_path / "runs" / "tutorial" / "report.html").is_file()
    printed = capsys.readouterr().out
    assert f"{names['small'].bytes} bytes" in printed
    assert "PRISM: accuracy 0." in printed
    assert all(f"{name}: key frames [0, " in printed for name in names["small"].classes)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Three classes, so that some can be old and some new."""
    out = tmp_path_factory.mktemp("examples") / "videos"
    count = {"train_per_class": 3, "test_per_class": 2}
    make_toy(out, ToyOptions(mode="scenes", pairs=3, num_frames=8, size=44, workers=0, **count))
    return out


@pytest.mark.parametrize(
    ("name", "more", "rows"),
    [
        ("ranking", [], {"condensed set", "real clips, equal bytes", "full data, another seed"}),
        (
            "continual",
            [],
            {"no replay", "real replay, equal bytes", "condensed replay", "all clips replayed"},
        ),
        (
            "federated",
            ["--clients", "2"],
            {"merged condensed sets", "real clips, equal bytes", "one client's condensed set", "all clips"},
        ),
        (
            "on_device",
            ["--fine-steps", "2", "--new", "1"],
            {
                "nothing",
                "condensed set",
                "real clips, equal bytes",
                "condensed sets of new and old classes",
                "all real clips of the new classes",
            },
        ),
    ],
)
def test_an_example_tells_every_row_and_publishes(name, more, rows, scenes, tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import common

    monkeypatch.setattr(common, "RESULTS", tmp_path)
    quick = ["--size", "44", "--iterations", "2", "--vpc", "1", "--steps", "2", "--seeds", "2"]
    program = str(EXAMPLES / f"{name}.py")
    given = ["--data", str(scenes), "--out", str(tmp_path / "out"), *quick]
    monkeypatch.setattr(sys, "argv", [program, *given, *more, "--publish"])
    runpy.run_path(program, run_name="__main__")
    shown = capsys.readouterr().out
    published = json.loads((tmp_path / f"example_{name}.json").read_text())
    assert set(published["rows"]) == rows
    for row, columns in published["rows"].items():
        assert f"{row}: " in shown
        for column, told in columns.items():
            assert len(told["values"]) == 2
            assert told["mean"] == pytest.approx(sum(told["values"]) / 2)
            assert all(-1 <= value <= 1 for value in told["values"] if "bytes" not in column)
            assert math.isfinite(told["mean"])
    spec = importlib.util.spec_from_file_location("tables", EXAMPLES.parent / "benchmarks" / "tables.py")
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    assert f"example_{name}" in {path.stem for _, path in tables._sections()}
    section = tables._example("A title", tmp_path / f"example_{name}.json").splitlines()
    assert {line.split(" | ")[0].removeprefix("| ") for line in section if line.startswith("| ")} >= rows
    own, others = _bytes_sent(published["rows"])
    assert all(real <= condensed for real, condensed in zip(others, own, strict=True))


def _bytes_sent(rows):
    """What the condensed sets weigh and what the real clips do, by seed."""
    sent = {
        name: next((told["values"] for column, told in columns.items() if "bytes" in column), [])
        for name, columns in rows.items()
    }
    condensed = ("condensed set", "condensed replay", "merged condensed sets")
    real = ("real clips, equal bytes", "real replay, equal bytes")
    return tuple(next(sent[name] for name in names if name in sent) for names in (condensed, real))
