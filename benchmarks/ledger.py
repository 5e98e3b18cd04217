"""Write docs/ledger.md: every published table, the command that reproduces it, and what was measured here.

A figure of our own comes from benchmarks/results/ledger-<plan>.json, which
`python benchmarks/ledger.py --publish PLAN OUT` makes of a finished comparison (OUT/compare.json).

    python benchmarks/ledger.py
"""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LEDGER = ROOT / "recipes" / "ledger"
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "ledger.md"

TITLES = {
    "miniucf": ("miniUCF", "top-1", "UCF101"),
    "hmdb51": ("HMDB51", "top-1", "HMDB51"),
    "kinetics400": ("Kinetics-400", "top-5", "kinetics"),
    "ssv2": ("Something-Something V2", "top-5", "ssv2"),
    "ablations-miniucf": ("Ablations, miniUCF, one video per class", "top-1", "UCF101"),
    "ablations-hmdb51": ("Ablations, HMDB51, one video per class", "top-1", "HMDB51"),
    "cross-architecture": ("Other networks, miniUCF, one video per class", "top-1", "UCF101"),
    "retrieval": ("Action retrieval, HMDB51, one video per class", "R@1", "HMDB51"),
}
"""Of each plan: its title, what is printed, and a name for the folder of its data."""

NOT_MEASURED = "not measured: data not at hand"

HEAD = """# The ledger

Every table of the PRISM paper (arXiv 2505.22564, CVPR 2026) that can be reproduced, with the command that
does so, the printed figures, and ours where they were measured. Made by `python benchmarks/ledger.py` from
`recipes/ledger/`. Figures of other papers that are known second-hand only are not listed. The published
protocol reports the best of several looks at the test set; `compare` with `protocol = "paper"` follows it,
and prints the last look beside.
"""


def page() -> str:
    """The whole page."""
    published = tomllib.loads((LEDGER / "published.toml").read_text())
    return "\n".join([HEAD, *(section(name, published.get(name, {})) for name in TITLES)])


def section(name: str, published: dict[str, dict[str, float]]) -> str:
    """One plan: its command, and a row a set and column."""
    title, measure, folder = TITLES[name]
    text = (LEDGER / f"{name}.toml").read_text()
    notes = " ".join(line[1:].strip() for line in text.split("\n\n")[0].splitlines() if line.startswith("#"))
    plan = tomllib.loads(text)
    measured = _measured(name)
    lines = [
        f"## {title}",
        "",
        notes,
        "",
        "```bash no-run: takes days and the dataset",
        f"vidcondense compare recipes/ledger/{name}.toml --data path/to/{folder} --out runs/ledger/{name}",
        "```",
        "",
        f"| set | {'network' if name == 'cross-architecture' else 'vpc'} | published {measure} | ours |",
        "|---|---:|---:|---|",
    ]
    for own, table in plan["sets"].items():
        for column in _columns(name, plan, table):
            printed = published.get(str(column), {}).get(own)
            ours = measured.get((own, str(column)), NOT_MEASURED)
            lines.append(f"| {own} | {column} | {'–' if printed is None else printed} | {ours} |")
    return "\n".join([*lines, ""])


def _columns(name: str, plan: dict[str, Any], table: dict[str, Any]) -> list[Any]:
    if name == "cross-architecture":
        return list(plan["evaluate"]["model"])
    vpc = table.get("vpc", 1)
    return vpc if isinstance(vpc, list) else [vpc]


def _measured(name: str) -> dict[tuple[str, str], str]:
    path = RESULTS / f"ledger-{name}.json"
    if not path.exists():
        return {}
    rows = json.loads(path.read_text())["rows"]
    key = "model" if name == "cross-architecture" else "vpc"
    return {
        (row["name"], str(row[key])): f"{row['accuracy']:.1f} ± {row['std'] or 0:.1f} (n = {row['n']})"
        for row in rows
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--publish", nargs=2, metavar=("PLAN", "OUT"))
    chosen = parser.parse_args().publish
    if chosen:
        from cells import publish

        plan, out = chosen
        found = json.loads((Path(out) / "compare.json").read_text())
        publish(f"ledger-{plan}", {"settings": f"recipes/ledger/{plan}.toml", "rows": found["rows"]})
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
