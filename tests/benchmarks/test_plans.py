from __future__ import annotations

from pathlib import Path

import pytest

from vidcondense.comparison.plan import read_plan

PLANS = Path(__file__).parents[2] / "benchmarks" / "plans"


@pytest.mark.parametrize("path", sorted(PLANS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_plan_loads_and_says_what_was_fixed_beforehand(path):
    assert read_plan(path).cells()
    assert path.read_text().startswith("# ")
