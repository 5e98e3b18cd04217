"""What a budget of bytes is best used for: a race on training clips, and the plan that confirms its outcome.

At 1, 2, 8 and 32 kB a class `vidcondense tune --budget` has its whole grid race (see docs/budget.md): learned
and real clips in every form, with the most videos that fit, over four folds of the training clips by source,
all on the first, the better half on the next, and so on. No test clip is looked at. 300 iterations, ConvNet3D
at a quarter of its width, 200 steps of the judging networks. What is written is plans/budgets_DATA.toml: of
each size the three best, and of random, herded and best-of-random clips the best form, ten repeats each, so
that `plan.py` judges on test clips what was chosen before.

    python benchmarks/budgets.py ucf101_5 --jobs 2          # goes on where it stopped; hours
    python benchmarks/plan.py budgets_ucf101_5 --jobs 2
    python benchmarks/budgets.py toy --kilobytes 8 --jobs 2 # one size at a time
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from cells import RUNS, known_cells, publish, ucf101_5
from plan import PLANS, scenes
from tuned import FOLDS, finite

from vidcondense.comparison.run import Jobs
from vidcondense.compute import choose_compute
from vidcondense.evaluation.protocol import EvaluateOptions
from vidcondense.evaluation.statistics import mean
from vidcondense.files import make_folder, write_json, write_text
from vidcondense.recipe import Recipe, from_keys
from vidcondense.tuning.candidates import candidates
from vidcondense.tuning.tune import TuneOptions, tune
from vidcondense.video.index import load_data

KILOBYTES = (1, 2, 8, 32)
"""Of a class."""

FINALISTS = 3
REAL = ("random", "herding", "best-of-random")
REPEATS = 10
EVALUATE = {"model": "convnet3d-16", "steps": 200, "lr": 0.01}
_COMMON = {"model": "convnet3d-16", "num-frames": 8, "iterations": 300}


@dataclass(frozen=True)
class Data:
    """The videos that sets are made of.

    Args:
        folder: where they are.
        condense: what all sets have in common.
        told: of them, at the head of the plan.
    """

    folder: Callable[[], Path]
    condense: Mapping[str, Any]
    told: str


DATA = {
    "ucf101_5": Data(
        ucf101_5,
        {**_COMMON, "layout": "ucf101", "stride": 8, "size": 64},
        "ucf101-5, 8 frames at stride 8, 64×64",
    ),
    "toy": Data(
        scenes,
        {**_COMMON, "stride": 1, "size": 48},
        "the toy set, scenes, 80 training and 400 test clips a class, 8 frames of 48×48",
    ),
}


def raced(name: str, kilobytes: int, work: Path, jobs: Jobs) -> dict[str, Any]:
    """The race of a size, as JSON: its candidates with their accuracies by fold, best first."""
    data = DATA[name]
    folder = data.folder()
    about = load_data(folder, (start := from_keys(Recipe, data.condense)).reading, start.clip)
    budget = f"{kilobytes * len(about.train.classes)}kB"
    base = from_keys(Recipe, {**data.condense, "budget": budget})
    grid = candidates(base, about, FOLDS, choose_compute("cpu", "float32"))
    found = tune(
        base,
        folder,
        work,
        TuneOptions(budget_minutes=6000.0, folds=FOLDS, trials=max(2, len(grid))),
        space=[each.setting for each in grid],
        evaluation=from_keys(EvaluateOptions, {**EVALUATE, "repeats": 1}),
        jobs=jobs,
    )
    judged = [
        {
            "setting": dict(setting),
            "bytes": found.bytes.get(number),
            "accuracies": [finite(found.scores[number][fold]) for fold in sorted(found.scores[number])],
        }
        for number, setting in enumerate(found.settings)
    ]
    return {
        "data": name,
        "kilobytes": kilobytes,
        "budget": budget,
        "condense": dict(data.condense),
        "evaluate": EVALUATE,
        "raced": len(judged),
        "candidates": ranked(judged),
        "failures": dict(found.failures),
    }


def ranked(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The candidates that did not fail, best first: those on most folds, then by accuracy."""
    sound = [each for each in found if each["accuracies"] and None not in each["accuracies"]]
    return sorted(sound, key=lambda each: (-len(each["accuracies"]), -(mean(each["accuracies"]) or 0)))


def title(kilobytes: int, setting: Mapping[str, Any]) -> str:
    """Of a set in the plan."""
    how = f"{setting['method']} {setting['key-frame-size']}×{setting['key-frame-size']}"
    keys = "conflict" if setting["insertion"] != "none" else f"{setting['initial-key-frames']} frames"
    bits = f" {setting['bits']} bits" if setting["bits"] != 8 else ""
    return f"{kilobytes} kB, {how}, {keys}, {setting['codec']}{bits}"


def plan_of(name: str, races: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The plan that confirms what races of sizes chose."""
    sets: dict[str, Any] = {}
    for race in races:
        order = [each["setting"] for each in race["candidates"]]
        real = [next((each for each in order if each["method"] == method), None) for method in REAL]
        for setting in [*order[:FINALISTS], *filter(None, real)]:
            sets[title(race["kilobytes"], setting)] = {**setting, "budget": race["budget"]}
    return {
        "repeats": REPEATS,
        "condense": dict(DATA[name].condense),
        "evaluate": EVALUATE,
        "full-data": {"repeats": 1, "steps": 1000},
        "sets": sets,
    }


def head(name: str, races: Sequence[Mapping[str, Any]]) -> str:
    """What the plan says at its head."""
    sizes = ", ".join(str(race["kilobytes"]) for race in races)
    return (
        f"# What budgets of {sizes} kB a class are best used for: {DATA[name].told}.\n"
        f"# Made by budgets.py: of each size the {FINALISTS} best of its race on training clips, and the\n"
        "# best form of random, herded and best-of-random clips. ConvNet3D at a quarter of its width, one\n"
        "# network a repeat.\n"
    )


def races_of(name: str) -> list[dict[str, Any]]:
    """The races that are run by now, by size."""
    found = [each for each in known_cells("budgets") if each["data"] == name]
    return sorted(found, key=lambda each: each["kilobytes"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", choices=DATA)
    parser.add_argument("--kilobytes", type=int, nargs="+", choices=KILOBYTES, default=KILOBYTES)
    parser.add_argument("--jobs", type=int, default=1, help="judgements at the same time (1)")
    chosen = parser.parse_args()
    make_folder(RUNS)
    os.chdir(RUNS)
    done = {race["kilobytes"] for race in races_of(chosen.data)}
    for kilobytes in chosen.kilobytes:
        if kilobytes in done:
            continue
        work = RUNS / "budgets" / "work" / f"{chosen.data} {kilobytes}"
        found = raced(chosen.data, kilobytes, work, Jobs(jobs=chosen.jobs, threads=1))
        write_json(RUNS / "budgets" / f"{chosen.data} {kilobytes}.json", found)
        print(f"{kilobytes} kB: {[each['setting'] for each in found['candidates'][:FINALISTS]]}", flush=True)
    if races := races_of(chosen.data):
        text = tomli_w.dumps(plan_of(chosen.data, races))
        write_text(PLANS / f"budgets_{chosen.data}.toml", head(chosen.data, races) + text)
    rows = [race for name in DATA for race in races_of(name)]
    publish("budgets", {"settings": __doc__, "folds": FOLDS, "rows": json.loads(json.dumps(rows))})


if __name__ == "__main__":
    main()
