"""How long, and how fast, should the judging networks train? Chosen once for ucf101-5, for all sets alike.

ucf101-5, 8 frames at stride 8, 64×64, ConvNet3D at a quarter of its width, by grouped cross-validation on
the *training* clips: networks are trained on all clips of the other folds, and on random draws of one and
five clips a class, and tested on the held-out fold. A setting must let the full data converge (training
accuracy near 100) and must not favour small sets. What augmented clips change (`evaluate --augment`) is
measured beside, and for five clips a class what the whole ConvNet3D does.

    python benchmarks/judge.py             # 90 minutes on one core; goes on where it stopped
    python benchmarks/judge.py --folds 0 1
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from typing import Any

from cells import cell, compute_cells, publish, ucf101_5

from vidcondense.compute import choose_compute
from vidcondense.evaluation import EvaluateOptions, as_dict, evaluate
from vidcondense.evaluation.statistics import deviation, mean
from vidcondense.selection.random import select_random
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.folds import training_folds
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions

NAME = "judge"
FOLDS = 4
CLIP = ClipOptions(num_frames=8, stride=8, size=64)
SETTINGS = {
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
SETS = {"1 clip a class": 1, "5 clips a class": 5, "all clips": None}
WHOLE = {
    f"{name}, whole ConvNet3D": {**SETTINGS[name], "model": "convnet3d"}
    for name in ("500 steps, lr 0.003", "200 steps, lr 0.01", "200 steps, lr 0.03")
}
"""For five clips a class: the default of `evaluate`, and two of the above."""

ASKED = [
    *((what, name, setting) for what in SETS for name, setting in SETTINGS.items()),
    *(("5 clips a class", name, setting) for name, setting in WHOLE.items()),
]


def measure(data: ClipDataset, size: int | None, setting: dict[str, Any], fold: int) -> dict[str, Any]:
    """Train on the other folds, or on a draw from them; test on this one."""
    split = training_folds(data, FOLDS)[fold]
    clips = data.subset(split.kept)
    if size is not None:
        clips = clips.subset(select_random(clips, size, fold))
    options = replace(EvaluateOptions(model="convnet3d-16", repeats=1, seed=fold), **setting)
    return as_dict(evaluate(clips, data.subset(split.held_out), options, compute=choose_compute()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--folds", type=int, nargs="+", default=range(FOLDS))
    folds = parser.parse_args().folds
    data = load_data(ucf101_5(), DataOptions(layout="ucf101", fold=1), CLIP).train
    work = {
        f"{what}, {name}, {fold}": partial(measure, data, SETS[what], setting, fold)
        for fold in folds
        for what, name, setting in ASKED
    }
    compute_cells(NAME, work)
    rows: dict[str, dict[str, Any]] = {}
    for what, name, _ in ASKED:
        known = [cell(NAME, f"{what}, {name}, {fold}", None) for fold in range(FOLDS)]
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
    publish(NAME, {"settings": __doc__, "rows": rows})


if __name__ == "__main__":
    main()
