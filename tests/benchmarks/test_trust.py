from __future__ import annotations

from pathlib import Path

import trust

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_result_files_say():
    assert trust.page() == (ROOT / "docs" / "trust.md").read_text(), "run python benchmarks/trust.py"
