"""Run a plan of `vidcondense compare` from benchmarks/plans/ and publish its table.

    python benchmarks/plan.py ucf101_5            # goes on where it stopped; hours
    python benchmarks/plan.py ucf101_5 --publish  # only publish what is computed by now
    python benchmarks/plan.py toy_scenes --jobs 2

Every cell is a process of one thread; those that are published are not computed again. What is compared,
and how it is judged, is in the plan; each plan says at its head what was fixed beforehand and what was chosen
by cross-validation on training clips.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from cells import ROOT, RUNS, publish, restore, ucf101_5

from vidcondense.assembly import follows_experts
from vidcondense.cli.main import main as vidcondense
from vidcondense.comparison.cells import Place
from vidcondense.comparison.plan import Plan, read_plan
from vidcondense.comparison.run import read_outcome, states
from vidcondense.files import make_folder
from vidcondense.recipe import Recipe
from vidcondense.video.index import DataOptions
from vidcondense.video.toy import Mode, ToyOptions, make_toy

PLANS = ROOT / "benchmarks" / "plans"


def toy(mode: Mode, *, train: int, test: int, seed: int = 0) -> Path:
    """A generated toy set of 8 frames of 48×48."""
    folder = RUNS / f"toy_{mode}_{train}_{test}{f'_{seed}' if seed else ''}"
    if not folder.exists():
        counts = {"train_per_class": train, "test_per_class": test}
        make_toy(folder, ToyOptions(mode=mode, num_frames=8, size=48, seed=seed, workers=1, **counts))
    return folder


scenes = partial(toy, "scenes", train=80, test=400)
"""The toy set of most plans, five kinds of motion."""

DATA: dict[str, Callable[[], Path]] = {
    "ucf101_5": ucf101_5,
    "one_video": ucf101_5,
    "many_videos": ucf101_5,
    "methods": ucf101_5,
    "budgets_ucf101_5": ucf101_5,
    "architectures": ucf101_5,
    "pool": ucf101_5,
    "toy_scenes": scenes,
    "toy_five": scenes,
    "toy_methods": scenes,
    "budgets_toy": scenes,
    "defaults": partial(scenes, seed=1),
    "toy_reversal": lambda: toy("reversal", train=80, test=200),
}
"""The data of each plan; those of budgets are there once budgets.py wrote them."""


def make_experts(recipe: Recipe, data: Path, folds: int | None = None) -> None:
    """The experts that a recipe names, in the working folder; those that are there are kept.

    They train no longer than students follow them.
    """
    match, clip = recipe.condense.match, recipe.clip
    words = ["experts", str(data), "--out", str(match.trajectory.experts), "--model", match.model]
    last = match.trajectory.max_start_epoch + match.trajectory.expert_epochs
    words += ["--epochs", str(last), "--layout", recipe.reading.layout, "--num-frames", str(clip.num_frames)]
    words += ["--stride", str(clip.stride), "--size", str(clip.size)]
    torch.set_num_threads(1)
    if code := vidcondense([*words, "--folds", str(folds)] if folds else words):
        raise SystemExit(code)


def following(plan: Plan, computed: Mapping[str, bool]) -> list[Recipe]:
    """Of each set that follows experts and has cells yet to compute, the recipe."""
    return [
        entrant.recipe
        for entrant in plan.entrants
        if entrant.condensed
        and follows_experts(entrant.recipe.condense)
        and not all(computed[entrant.cell_name(seed)] for seed in range(entrant.repeats))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("plan", choices=[name for name in DATA if (PLANS / f"{name}.toml").exists()])
    parser.add_argument("--jobs", type=int, default=1, help="cells at the same time (1)")
    parser.add_argument("--publish", action="store_true", help="compute nothing")
    chosen = parser.parse_args()
    path, data, out = PLANS / f"{chosen.plan}.toml", DATA[chosen.plan](), RUNS / chosen.plan
    restore(chosen.plan)
    make_folder(RUNS)
    os.chdir(RUNS)  # where plans look for experts
    text = path.read_text()
    plan = read_plan(path)
    place = Place(data=data, out=out, reading=DataOptions(), folds=plan.folds)
    if not chosen.publish:
        for recipe in following(plan, states(plan, place)):
            make_experts(recipe, data)
    words = ["compare", str(path), "--data", str(data), "--out", str(out), "--jobs", str(chosen.jobs)]
    with contextlib.suppress(KeyboardInterrupt):
        if not chosen.publish:
            vidcondense([*words, "--threads", "1"])
    told = out / "compare.json"
    failures = json.loads(told.read_text())["failures"] if told.exists() else {}
    outcome = read_outcome(plan, place, failures)
    publish(
        chosen.plan,
        {
            "settings": _head(text),
            "plan": tomllib.loads(text),
            "baseline": plan.baseline,
            "rows": json.loads(json.dumps(outcome.rows_as_json())),
            "cells_waiting": len(outcome.waiting),
            "failures": dict(outcome.failures),
        },
        cells=["cells/*.json"],
    )


def _head(text: str) -> str:
    """The comment at the head of a plan."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return "\n".join(lines)


if __name__ == "__main__":
    main()
