"""Do trajectory or kernel matching make cluster targets better, when they begin with what these learned?

The sets of two key frames of 16×16 with cluster targets at five videos per class that `plan.py many_videos`
condensed on this machine, as far as they are there (sets are not published): ucf101-5, 8 frames at stride 8,
64×64. Each is learned on for 150 iterations by FRePo or MTT, at two learning rates each, or by the cluster
targets themselves for as long (with other networks and clips than before). Settings are those of the plan,
but that a step of MTT's students sees five videos. Judged as there: ConvNet3D at a quarter of its
width, 200 steps at learning rate 0.01, on 106 test clips; FRePo's also with the labels that it learned. A
repeat is a condensation seed; differences are to the same set as it was, in pairs by seed. All was fixed
beforehand; nothing is chosen between the learning rates.

    OMP_NUM_THREADS=1 python benchmarks/on_top.py   # half an hour on one core; goes on where it stopped
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from cells import RUNS, cell, compute_cells, over_repeats, publish, sets_of, ucf101_5
from plan import make_experts
from tuned import FIRST_JUDGE

from vidcondense import rng
from vidcondense.compute import choose_compute, versions_of
from vidcondense.condenser import Condenser
from vidcondense.evaluation import EvaluateOptions, as_dict, evaluate
from vidcondense.interfaces import ClipSource
from vidcondense.recipe import Recipe, from_keys
from vidcondense.selection.best import Rendered
from vidcondense.storage.condensed import CondensedDataset, load_condensed
from vidcondense.storage.labels import SoftLabelled
from vidcondense.synthetic.keyframes import KeyFrameVideos
from vidcondense.video.index import RealData, load_data

NAME = "on_top"
JUDGE = from_keys(EvaluateOptions, {**FIRST_JUDGE, "repeats": 1})
SET = {"cluster targets": "cluster-targets-two-key-frames-16-16-vpc-5-{}/uint8"}
SEEDS = range(3)
BASE = {
    "layout": "ucf101",
    "model": JUDGE.model,
    "num-frames": 8,
    "stride": 8,
    "size": 64,
    "vpc": 5,
    "insertion": "none",
    "key-frame-size": 16,
    "iterations": 150,
}
_MTT = {"match": "mtt", "experts": "experts", "synthetic-batch": 5}
AS_IT_WAS, AGAIN = "as it was", "cluster targets again"
WAYS: dict[str, dict[str, Any]] = {
    AS_IT_WAS: {},
    AGAIN: {"match-targets": "cluster"},
    "FRePo, lr 0.01": {"match": "frepo", "real-batch": 8, "lr": 0.01},
    "FRePo, lr 0.001": {"match": "frepo", "real-batch": 8, "lr": 0.001},
    "MTT, lr 10": {**_MTT, "lr": 10.0},
    "MTT, lr 1": {**_MTT, "lr": 1.0},
}
"""What differs from the base."""


def recipe_of(way: str, seed: int) -> Recipe:
    """How a set is learned on."""
    return from_keys(Recipe, {**BASE, **WAYS[way], "seed": seed})


@torch.no_grad()
def begin_with(videos: KeyFrameVideos, made: CondensedDataset) -> None:
    """Give videos the key frames of a set."""
    assert torch.equal(videos.mask, made.mask)
    assert torch.equal(videos.labels, made.labels)
    mean, std = (each[:, None, None] for each in (made.mean, made.std))
    videos.frames[videos.mask] = (made.key_frames - mean) / std


def learned_on(made: CondensedDataset, way: str, data: RealData, seed: int) -> dict[str, ClipSource]:
    """The set after `way`, by its labels."""
    compute = choose_compute()
    condenser = Condenser(data.train, recipe_of(way, seed).condense, compute)
    videos = condenser.videos
    assert isinstance(videos, KeyFrameVideos)
    begin_with(videos, made)
    if way == AGAIN:
        condenser.iteration = made.origin.options["iterations"]  # with other networks and clips than before
    for _ in range(0 if way == AS_IT_WAS else condenser.iterations):
        condenser.step()
    with torch.no_grad():
        clips = Rendered(videos.render(), videos.labels, data.train)
    found: dict[str, ClipSource] = {"hard": clips}
    labels = condenser.learned_labels()
    if labels is not None:
        found["own"] = SoftLabelled(clips, labels, regression=True)
    return found


def measure(path: Path, way: str, data: RealData, seed: int) -> dict[str, Any]:
    """Accuracy of a set after `way`, by its labels."""
    judge = replace(JUDGE, seed=rng.derive_seed(0, "set", seed))
    compute = choose_compute()
    return {
        "evaluations": {
            labels: as_dict(evaluate(clips, data.test, judge, compute=compute))
            for labels, clips in learned_on(load_condensed(path), way, data, seed).items()
        },
        "computed_with": versions_of(compute),
    }


def main() -> None:
    folder = ucf101_5()
    torch.set_num_threads(1)
    os.chdir(RUNS)  # where experts are looked for
    recipe = recipe_of("MTT, lr 1", 0)
    make_experts(recipe, folder)
    data = load_data(folder, recipe.reading, recipe.clip)
    work: dict[str, Callable[[], dict[str, Any]]] = {
        f"{way} {seed}": partial(measure, path, way, data, seed)
        for _, seed, path in sets_of("many_videos", SET, SEEDS)
        for way in WAYS
    }
    compute_cells(NAME, work)
    publish(NAME, {"settings": __doc__, "rows": rows()})


def rows() -> list[dict[str, Any]]:
    """The accuracy of every way and kind of labels, and its difference to the sets as they were."""
    accuracies: dict[tuple[str, str], dict[int, float | None]] = {}
    for way in WAYS:
        for seed in SEEDS:
            done = cell(NAME, f"{way} {seed}", None) or {"evaluations": {}}
            for labels, found in done["evaluations"].items():
                accuracies.setdefault((way, labels), {})[seed] = found["summary"]["accuracy"]
    base = accuracies.get((AS_IT_WAS, "hard"))
    return [
        {
            "way": way,
            "labels": labels,
            "seeds": sorted(own),
            **over_repeats(own, None if way == AS_IT_WAS else base),
        }
        for (way, labels), own in accuracies.items()
    ]


if __name__ == "__main__":
    main()
