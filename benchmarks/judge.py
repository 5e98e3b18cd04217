"""How long, and how fast, should the judging networks train? Chosen once for a kind of data, for all sets.

ucf101-5, 8 frames at stride 8, 64×64, or the toy set, scenes, 8 frames of 48×48; ConvNet3D at a quarter of
its width, by grouped cross-validation on the *training* clips: networks are trained on all clips of the other
folds, and on random draws of one and five clips a class, and tested on the held-out fold. A setting must let
the full data converge (training accuracy near 100) and must not favour small sets. What augmented clips
change is measured beside, and what the whole ConvNet3D does, in fewer folds, for five clips a class by more
settings than for all.

    python benchmarks/judge.py             # 150 minutes on one core; goes on where it stopped
    python benchmarks/judge.py --data toy  # an hour
    python benchmarks/judge.py --folds 0 1
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from cells import cell, compute_cells, publish, ucf101_5
from plan import scenes

from vidcondense.compute import choose_compute
from vidcondense.evaluation import EvaluateOptions, as_dict, evaluate
from vidcondense.evaluation.statistics import deviation, mean
from vidcondense.selection.random import select_random
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.folds import training_folds
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions

FOLDS = 4
SETTINGS: dict[str, dict[str, Any]] = {
    "500 steps, lr 0.003": {"steps": 500, "lr": 0.003},
    "200 steps, lr 0.003": {"steps": 200, "lr": 0.003},
    "100 steps, lr 0.01": {"steps": 100, "lr": 0.01},
    "200 steps, lr 0.01": {"steps": 200, "lr": 0.01},
    "500 steps, lr 0.01": {"steps": 500, "lr": 0.01},
    "1000 steps, lr 0.01": {"steps": 1000, "lr": 0.01},
    "200 steps, lr 0.03": {"steps": 200, "lr": 0.03},
    "500 steps, lr 0.03": {"steps": 500, "lr": 0.03},
    "200 steps, lr 0.1": {"steps": 200, "lr": 0.1},
    "500 steps, lr 0.1": {"steps": 500, "lr": 0.1},
    "500 steps, lr 0.01, augmented": {"steps": 500, "lr": 0.01, "augment": True},
    "500 steps, lr 0.03, augmented": {"steps": 500, "lr": 0.03, "augment": True},
}
SLOW, BETTER = "500 steps, lr 0.003", "500 steps, lr 0.03, augmented"
"""The default of `evaluate` at first, and now."""

SETS = {"1 clip a class": 1, "5 clips a class": 5, "all clips": None}
WHOLE = {
    "5 clips a class": (SLOW, "200 steps, lr 0.01", "200 steps, lr 0.03", "500 steps, lr 0.03", BETTER),
    "all clips": (SLOW, BETTER),
}
"""Tried with the whole ConvNet3D."""

FEWER = (
    "500 steps, lr 0.003",
    "200 steps, lr 0.01",
    "500 steps, lr 0.01",
    "500 steps, lr 0.03",
    "500 steps, lr 0.1",
    "500 steps, lr 0.03, augmented",
)
"""Tried on the toy set, once ucf101-5 had been seen."""


@dataclass(frozen=True)
class Data:
    """Clips to judge on.

    Args:
        name: of the benchmark's results.
        folder: where they are.
        reading: how they are read.
        clip: how clips are cut.
        settings: that are tried.
        whole: what is trained on with the whole ConvNet3D, and the settings tried there.
    """

    name: str
    folder: Callable[[], Path]
    reading: DataOptions
    clip: ClipOptions
    settings: tuple[str, ...]
    whole: Mapping[str, Sequence[str]]

    def asked(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """What is trained on, what a setting is called, and the setting."""
        for what in SETS:
            for name in self.settings:
                yield what, name, SETTINGS[name]
        for what, names in self.whole.items():
            for name in names:
                yield what, f"{name}, whole ConvNet3D", {**SETTINGS[name], "model": "convnet3d"}


DATA = {
    "ucf101_5": Data(
        "judge",
        ucf101_5,
        DataOptions(layout="ucf101"),
        ClipOptions(num_frames=8, stride=8, size=64),
        tuple(SETTINGS),
        WHOLE,
    ),
    "toy": Data(
        "judge_toy",
        scenes,
        DataOptions(),
        ClipOptions(num_frames=8, stride=1, size=48),
        FEWER,
        {what: [name for name in names if name in FEWER] for what, names in WHOLE.items()},
    ),
}


def measure(data: ClipDataset, size: int | None, setting: dict[str, Any], fold: int) -> dict[str, Any]:
    """Train on the other folds, or on a draw from them; test on this one."""
    split = training_folds(data, FOLDS)[fold]
    clips = data.subset(split.kept)
    if size is not None:
        clips = clips.subset(select_random(clips, size, fold))
    options = replace(EvaluateOptions(model="convnet3d-16", repeats=1, seed=fold, augment=False), **setting)
    return as_dict(evaluate(clips, data.subset(split.held_out), options, compute=choose_compute()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", choices=DATA, default="ucf101_5")
    parser.add_argument("--folds", type=int, nargs="+", default=range(FOLDS))
    chosen = parser.parse_args()
    data = DATA[chosen.data]
    clips = load_data(data.folder(), data.reading, data.clip).train
    work = {
        f"{what}, {name}, {fold}": partial(measure, clips, SETS[what], setting, fold)
        for fold in chosen.folds
        for what, name, setting in data.asked()
    }
    compute_cells(data.name, work)
    rows: dict[str, dict[str, Any]] = {}
    for what, name, _ in data.asked():
        known = [cell(data.name, f"{what}, {name}, {fold}", None) for fold in range(FOLDS)]
        found = [each["summary"] for each in known if each is not None]
        accuracies = [each["accuracy"] for each in found if each["accuracy"] is not None]
        rows[f"{what}, {name}"] = {
            "folds": len(found),
            "accuracy": mean(accuracies),
            "std": deviation(accuracies),
            "train_accuracy": mean(
                [each["train_accuracy"] for each in found if each["train_accuracy"] is not None]
            ),
        }
    script = f"judge.py --data {chosen.data}"
    publish(data.name, {"settings": __doc__, "script": script, "rows": rows})


if __name__ == "__main__":
    main()
