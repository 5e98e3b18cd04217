from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

import pytest

from vidcondense.comparison.plan import read_plan

ROOT = Path(__file__).parents[2]
LEDGER = ROOT / "recipes" / "ledger"
PLANS = sorted(path for path in LEDGER.glob("*.toml") if path.stem != "published")


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_every_plan_of_the_ledger_loads(path):
    plan = read_plan(path)
    assert {each.name for each in plan.entrants} >= {"PRISM"}


def test_every_published_figure_belongs_to_a_row():
    published = tomllib.loads((LEDGER / "published.toml").read_text())
    for name, columns in published.items():
        plan = read_plan(LEDGER / f"{name}.toml")
        rows = {(each.name, str(each.vpc)) for each in plan.entrants}
        rows |= {(each.name, model) for each in plan.entrants for model in each.models}
        for column, figures in columns.items():
            assert {(own, column) for own in figures} <= rows


def test_the_ledger_is_what_the_recipes_say():
    spec = importlib.util.spec_from_file_location("ledger", ROOT / "benchmarks" / "ledger.py")
    ledger = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ledger)
    assert set(ledger.TITLES) == {path.stem for path in PLANS}
    assert ledger.page() == (ROOT / "docs" / "ledger.md").read_text(), "run python benchmarks/ledger.py"
