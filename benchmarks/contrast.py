"""How much contrast have the sets of each method?

The sets of ucf101-5 and of the toy set that the plans `methods`, `many_videos` and `toy_methods` condensed on
this machine, as far as they are there (sets are not published): the standard deviation of their pixels in
network units, of all real clips of a dataset about 1 (`training/units.py`), mean and largest over the first
five seeds that are there. Networks without normalisation learn from more contrast as at a higher learning
rate.

    python benchmarks/contrast.py   # a minute, after those plans
"""

from __future__ import annotations

from collections import defaultdict

from cells import RUNS, publish

from vidcondense.evaluation.statistics import mean
from vidcondense.storage.condensed import load_condensed
from vidcondense.training.units import contrast

NAME = "contrast"
PLANS = ("methods", "many_videos", "toy_methods")
SEEDS = 5


def main() -> None:
    rows = []
    for plan in PLANS:
        found = defaultdict(list)
        for path in sorted((RUNS / plan / "sets").glob("*/uint8/condensed.json")):
            name, _, seed = path.parent.parent.name.rpartition("-")
            if int(seed) < SEEDS:
                found[name].append(contrast(load_condensed(path.parent)))
        for name, own in found.items():
            rows.append({"plan": plan, "set": name, "n": len(own), "contrast": mean(own), "most": max(own)})
            print(f"{plan:12} {name:60} {rows[-1]['contrast']:.2f}")
    publish(NAME, {"settings": __doc__, "rows": rows})


if __name__ == "__main__":
    main()
