from __future__ import annotations

import importlib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_result_files_say(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    page = importlib.import_module("trust").page()
    assert page == (ROOT / "docs" / "trust.md").read_text(), "run python benchmarks/trust.py"
