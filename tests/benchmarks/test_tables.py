from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_of_results_is_what_the_result_files_say():
    spec = importlib.util.spec_from_file_location("tables", ROOT / "benchmarks" / "tables.py")
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    made = tables.page()
    assert made == (ROOT / "docs" / "results.md").read_text(), "run python benchmarks/tables.py"
