from __future__ import annotations

import importlib.util
from pathlib import Path

from vidcondense.comparison.plan import read_plan

ROOT = Path(__file__).parents[2]


def load():
    spec = importlib.util.spec_from_file_location("tables", ROOT / "benchmarks" / "tables.py")
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    return tables


def test_the_page_of_results_is_what_the_result_files_say():
    made = load().page()
    assert made == (ROOT / "docs" / "results.md").read_text(), "run python benchmarks/tables.py"


def test_pairs_are_of_sets_that_the_plans_have():
    tables = load()
    for name, pairs in tables.PAIRS.items():
        plan = read_plan(ROOT / "benchmarks" / "plans" / f"{name}.toml")
        known = {(entrant.label, entrant.vpc) for entrant in plan.entrants}
        known |= {(f"{each.label}, {codec}", each.vpc) for each in plan.entrants for codec in each.codecs}
        assert {each for pair in pairs for each in pair} <= known
        assert len(set(pairs)) == len(pairs)
