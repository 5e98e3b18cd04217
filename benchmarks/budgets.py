"""What a budget of bytes is best used for: races on training clips, and the plan that confirms their outcome.

At 1, 2, 8 and 32 kB a class the forms of `vidcondense tune --budget` (see docs/budget.md), with the most
videos that fit, race in four heats: random clips, herded and best-of-random ones in the three best forms of
random ones, and what is learned. A heat goes over four folds of the training clips by source, all forms on
the first, the better half on the next, and so on; the first form of a heat stays in to the end, but counts
only where it wins. No test clip is looked at; the winner's accuracy is too high by design, for the best was
taken. 300 iterations, ConvNet3D at a quarter of its width, judged by 500 steps at 0.03 on augmented clips.
What is written is plans/budgets_DATA.toml: of each size the three best that are learned and the best of each
kind of real clips, ten repeats each, so that `plan.py` judges on test clips what was chosen before. A race by
another judge is kept until it is run anew; the head of the plan says so.

    python benchmarks/budgets.py ucf101_5 --jobs 2          # goes on where it stopped; hours
    python benchmarks/plan.py budgets_ucf101_5 --jobs 2
    python benchmarks/budgets.py toy --kilobytes 8 --jobs 2 # one size at a time
    python benchmarks/budgets.py toy --publish              # keep what is computed by now of a race
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from cells import RUNS, judge_text, known_cells, publish, ucf101_5
from plan import PLANS, scenes
from tuned import FOLDS, accuracies_of

from vidcondense.comparison.run import Jobs
from vidcondense.compute import choose_compute
from vidcondense.evaluation.protocol import EvaluateOptions
from vidcondense.evaluation.statistics import mean
from vidcondense.files import canonical_json, make_folder, write_json, write_text
from vidcondense.recipe import Recipe, from_keys
from vidcondense.tuning.candidates import candidates
from vidcondense.tuning.space import Setting
from vidcondense.tuning.tune import TuneOptions, tune
from vidcondense.video.index import load_data

KILOBYTES = (1, 2, 8, 32)
"""Of a class."""

FINALISTS = 3
"""Learned forms that test clips see, and forms of random clips that the other real ones race in."""

LEARNED = "learned"
DRAWN = "random"
CHOSEN = ("herding", "best-of-random")
"""Methods of real clips that race in the best forms of random ones."""

REPEATS = 10
JUDGE = {"model": "convnet3d-16", "steps": 500, "lr": 0.03, "augment": True}
"""Of the races, and of the plan that confirms their outcome."""

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


def asked(name: str, kilobytes: int) -> dict[str, Any]:
    """What a race depends on, as JSON has it, but for the grid."""
    kept = {"condense": dict(DATA[name].condense), "evaluate": JUDGE, "folds": FOLDS}
    return {"data": name, "kilobytes": kilobytes, **kept}


def raced(name: str, kilobytes: int, work: Path, jobs: Jobs) -> dict[str, Any]:
    """The heats of a size, as JSON: the forms of each with their accuracies by fold, best first."""
    folder, start = DATA[name].folder(), from_keys(Recipe, DATA[name].condense)
    about = load_data(folder, start.reading, start.clip)
    budget = f"{kilobytes * len(about.train.classes)}kB"
    base = from_keys(Recipe, {**DATA[name].condense, "budget": budget})
    grid = [each.setting for each in candidates(base, about, FOLDS, choose_compute("cpu", "float32"))]
    work = work_on([asked(name, kilobytes), grid], work)
    heats: dict[str, Any] = {}
    failures: dict[str, str] = {}

    def run(heat: str, forms: Sequence[Setting]) -> None:
        if not forms:
            return
        found = tune(
            base,
            folder,
            work / heat,
            TuneOptions(budget_minutes=6000.0, folds=FOLDS, trials=max(2, len(forms))),
            space=forms,
            evaluation=from_keys(EvaluateOptions, {**JUDGE, "repeats": 1}),
            jobs=jobs,
        )
        judged = [
            {
                "setting": dict(setting),
                "bytes": found.bytes.get(number),
                "accuracies": accuracies_of(found, number),
            }
            for number, setting in enumerate(found.settings)
        ]
        confirmed = FINALISTS if heat == LEARNED else 1
        heats[heat] = {"raced": len(judged), "confirmed": confirmed, "forms": ranked(judged)}
        failures.update({f"{heat}: {cell}": reason for cell, reason in found.failures.items()})

    run(LEARNED, [each for each in grid if each["method"] not in (DRAWN, *CHOSEN)])
    run(DRAWN, [each for each in grid if each["method"] == DRAWN])
    best = heats[DRAWN]["forms"][:FINALISTS] if DRAWN in heats else []
    forms = [form_of(each["setting"]) for each in best]
    for heat in CHOSEN:
        run(heat, [each for each in grid if each["method"] == heat and form_of(each) in forms])
    return {**asked(name, kilobytes), "budget": budget, "heats": heats, "failures": failures}


def form_of(setting: Mapping[str, Any]) -> dict[str, Any]:
    """How clips are stored, whichever they are and however many fit."""
    return {key: value for key, value in setting.items() if key not in ("method", "vpc")}


def work_on(question: object, folder: Path) -> Path:
    """A folder in `folder` for what is asked; those of other questions are deleted."""
    name = hashlib.sha256(canonical_json(question).encode()).hexdigest()[:12]
    for other in folder.glob("*"):
        if other.name != name:
            shutil.rmtree(other)
    return folder / name


def ranked(judged: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The forms that did not fail, best first: those on most folds, then by accuracy.

    The first one, which stayed in whatever it was worth, is among them only where it is the best.
    """
    sound = [each for each in judged if each["accuracies"] and None not in each["accuracies"]]
    sound.sort(key=lambda each: (-len(each["accuracies"]), -(mean(each["accuracies"]) or 0)))
    return [each for place, each in enumerate(sound) if place == 0 or each is not judged[0]]


def title(kilobytes: int, setting: Mapping[str, Any]) -> str:
    """Of a set in the plan."""
    kind = "PRISM" if setting["insertion"] != "none" else setting["method"]
    kind = "cluster targets" if setting["match-targets"] == "cluster" else kind
    kind += " by DSA" if setting.get("match") == "dsa" else ""
    kind += " from real" if setting.get("init") == "real" else ""
    count = setting["initial-key-frames"]
    keys = "a still" if count == 1 else f"{count} frames{' and more' if kind == 'PRISM' else ''}"
    bits = f" {setting['bits']} bits" if setting["bits"] != 8 else ""
    side = setting["key-frame-size"]
    return f"{kilobytes} kB, {kind}, {keys} of {side}×{side}, {setting['codec']}{bits}"


def plan_of(name: str, races: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The plan that confirms what the races of sizes chose; of each size what is learned comes first."""
    sets: dict[str, Any] = {}
    for race in races:
        for found in race["heats"].values():
            for each in found["forms"][: found["confirmed"]]:
                setting = {**each["setting"], "budget": race["budget"]}
                sets[title(race["kilobytes"], each["setting"])] = setting
    return {
        "repeats": REPEATS,
        "condense": dict(DATA[name].condense),
        "evaluate": JUDGE,
        "full-data": {"repeats": 3, "steps": 1000},
        "sets": sets,
    }


def head(name: str, races: Sequence[Mapping[str, Any]]) -> str:
    """What the plan says at its head."""
    sizes = ", ".join(str(race["kilobytes"]) for race in races)
    lines = [
        f"What budgets of {sizes} kB a class are best used for: {DATA[name].told}.",
        f"Made by budgets.py: of each size the {FINALISTS} best that are learned in its race on training",
        "clips, and the best form of random, herded and best-of-random clips. ConvNet3D at a quarter of",
        "its width, one network a repeat.",
    ]
    for race in races:
        if race["evaluate"] != JUDGE:
            lines.append(f"The race of {race['kilobytes']} kB was judged by {judge_text(race['evaluate'])}.")
    return "".join(f"# {line}\n" for line in lines)


def races_of(name: str) -> list[dict[str, Any]]:
    """The races that are run by now, by size."""
    own = [each for each in known_cells("budgets") if each["data"] == name]
    return sorted(own, key=lambda each: each["kilobytes"])


def as_asked(race: Mapping[str, Any]) -> bool:
    """Whether a race is what is asked today."""
    return race == {**race, **asked(race["data"], race["kilobytes"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", choices=DATA)
    parser.add_argument("--kilobytes", type=int, nargs="+", choices=KILOBYTES, default=KILOBYTES)
    parser.add_argument("--jobs", type=int, default=1, help="judgements at the same time (1)")
    parser.add_argument("--publish", action="store_true", help="compute nothing")
    chosen = parser.parse_args()
    make_folder(RUNS)
    done = {race["kilobytes"] for race in races_of(chosen.data) if as_asked(race)}
    for kilobytes in () if chosen.publish else chosen.kilobytes:
        if kilobytes in done:
            continue
        work = RUNS / "budgets" / "work" / f"{chosen.data} {kilobytes}"
        found = raced(chosen.data, kilobytes, work, Jobs(jobs=chosen.jobs, threads=1))
        write_json(RUNS / "budgets" / f"{chosen.data} {kilobytes}.json", found)
        print(f"{chosen.data}: {'; '.join(plan_of(chosen.data, [found])['sets'])}", flush=True)
    if races := races_of(chosen.data):
        text = tomli_w.dumps(plan_of(chosen.data, races))
        write_text(PLANS / f"budgets_{chosen.data}.toml", head(chosen.data, races) + text)
    rows = [race for name in DATA for race in races_of(name)]
    publish("budgets", {"settings": __doc__, "folds": FOLDS, "rows": rows}, ["*.json", *unfinished(rows)])


def unfinished(races: Sequence[Mapping[str, Any]]) -> list[str]:
    """Patterns of what races that are not finished have computed by now."""
    done = [f"{race['data']} {race['kilobytes']}" for race in races if as_asked(race)]
    begun = [folder.name for folder in (RUNS / "budgets" / "work").glob("*") if folder.name not in done]
    files = ("state.json", "seconds.json", "cells/*.json")
    return [f"work/{race}/*/*/{file}" for race in begun for file in files]


if __name__ == "__main__":
    main()
