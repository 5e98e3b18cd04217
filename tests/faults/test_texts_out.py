"""Names in the texts that are written for other programs: shown there, never interpreted."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import run
from marks import fault
from vidcondense.comparison.tables import to_latex, to_markdown
from vidcondense.evaluation.tables import to_csv
from vidcondense.report.pictures import _safe
from vidcondense.spreadsheet import quoted, unquoted
from vidcondense.storage.manifest import MANIFEST, write_manifest

NAMES = [
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "'=1", "''",
    "a|b", "---", "%", "_", "$x$", "\\input{x}", "#", "&lt;", "~", "^", "{", "``x''", "[l](u)", "![i](u)",
    "a\nb", "a\x1b[31m", "\u202eabc", "\x00", "`code`", "*b*",
    "\n=1+1", " \t-1", "\ufeff=1", "＝1", "＋1", "－1", "＠x", "' =1", "a;=1",
    "http://a.org", "www.a.org", "a@a.org", "@someone",
]  # fmt: skip


@fault("66d", "names in CSV files", "no cell begins as a formula does; the name can be had back")
@pytest.mark.parametrize("name", NAMES)
def test_csv(name):
    (row,) = csv.DictReader(io.StringIO(to_csv([{"name": name, "accuracy": -1.5}]), newline=""))
    assert not row["name"].strip("\ufeff\x00\t\r\n ").startswith(tuple("=+-@＝＋－＠"))
    assert not row["name"].startswith(("\t", "\r", "\n"))
    assert unquoted(row["name"]) == name
    assert row["accuracy"] == "-1.5", "numbers stay numbers"


def test_cells_of_separators_are_in_quotes():
    """Where a comma is the sign of decimals, spreadsheets take a semicolon for the end of a cell."""
    assert to_csv([{"name": "a;=1"}, {"name": "a\t=1"}, {"name": "a"}]) == 'name\n"a;=1"\n"a\t=1"\na\n'


@given(st.text())
def test_quoting_is_undone(text):
    assert unquoted(quoted(text)) == text


@fault("66e", "names in Markdown", "one cell each; nothing is markup")
@pytest.mark.parametrize("name", NAMES)
def test_markdown(name):
    text = to_markdown(["set", "n"], [[name, "1"]])
    lines = text.removesuffix("\n").split("\n")
    assert len(lines) == 3
    cells = re.split(r"(?<!\\)(?:\\\\)*\|", lines[2])
    assert len(cells) == 4, "as many bars as the header has"
    shown = re.sub(r"\\[!-/:-@\[-`{-~]|&(lt|gt|amp);", "", lines[2])
    assert not re.search(r"[.:@]", shown), "no address becomes a link"
    assert not re.search(r"[<>*_`\[\]{}~$!#&]", shown), "whatever means something has a backslash"
    assert text.isprintable() or set(text) - {"\n"} == {sign for sign in text if sign.isprintable()}


@fault("66f", "names in LaTeX", "one cell each; nothing is a command, a comment or another sign")
@pytest.mark.parametrize("name", NAMES)
def test_latex(name):
    text = to_latex(["set", "n"], [[name, "1"]])
    line = text.split("\\midrule\n")[1].split("\n")[0]
    assert line.endswith(r" & 1 \\")
    cell = line.removesuffix(r" & 1 \\")
    for command in (r"\textbackslash{}", r"\textasciicircum{}", r"\textasciitilde{}"):
        cell = cell.replace(command, "")
    plain = re.sub(r"\\[{}$&#%_]", "", cell)
    assert not re.search(r"[\\$&#%_^~]", plain)
    assert plain.replace("{}", "").count("{") == 0
    for ligature in ("--", "``", "''", "<<", ">>", "?`", "!`"):
        assert ligature not in cell


@fault("66h", "names on the terminal", "control characters are shown as escapes, in results and in errors")
def test_terminal(small_set, tmp_path):
    evil = "\x1b]0;owned\x07\x1b[31m\r\u202e"
    folder = Path(shutil.copytree(small_set, tmp_path / "set"))
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest |= {"classes": [evil, f"b\n{evil}"], "method": evil, "learned": {evil: 1.0}}
    del manifest["sha256"]
    write_manifest(folder, manifest)
    shown = run("inspect", folder)
    refused = run("inspect", tmp_path / evil)
    assert (shown.code, refused.code) == (0, 3)
    assert r"\x1b[31m" in shown.out and r"\x1b[31m" in refused.line
    for text in (shown.out, shown.err, refused.err):
        assert all(sign.isprintable() for sign in text.replace("\n", ""))


@fault("66g", "names in names of pictures", "no folder is left, no file is hidden")
@pytest.mark.parametrize("name", [*NAMES, "../../x", "/etc/passwd", ".", "..", "x" * 500])
def test_file_names(name):
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,60}", _safe(name))
