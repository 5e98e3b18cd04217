from __future__ import annotations

import ast
import json
import runpy
import sys
from pathlib import Path

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
    shown = [run_cell("".join(cell["source"]), names) for cell in cells()]
    assert [value for value in shown if hasattr(value, "_repr_html_")] == [names["small"]]
    assert (tmp_path / "runs" / "tutorial" / "report.html").is_file()
    printed = capsys.readouterr().out
    assert f"{names['small'].bytes} bytes" in printed
    assert "PRISM: accuracy 0." in printed
    assert all(f"{name}: key frames [0, " in printed for name in names["small"].classes)
