from __future__ import annotations

from pathlib import Path

import pytest
from plan import following

from vidcondense.comparison.plan import read_plan

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PLANS = BENCHMARKS / "plans"


@pytest.mark.parametrize("path", sorted(PLANS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_plan_loads_and_says_what_was_fixed_beforehand(path):
    assert read_plan(path).cells()
    assert path.read_text().startswith("# ")


def test_experts_are_made_for_cells_that_wait_for_them_alone():
    plan = read_plan(PLANS / "many_videos.toml")
    computed = dict.fromkeys(plan.cells(), True)
    assert following(plan, computed) == []
    assert following(plan, computed | {"random-vpc-1-0": False}) == []
    (recipe,) = following(plan, computed | {"mtt-2": False})
    assert recipe.condense.method == "mtt"
