"""Do a teacher's soft labels beat hard ones, alone or on top of cluster targets?

The sets of ucf101-5 that `plan.py many_videos` condensed on this machine, as far as they are there (sets are
not published): 8 frames at stride 8, 64×64. Each is judged four times by the same network (ConvNet3D at a
quarter of its width, 500 steps at learning rate 0.03, on 106 test clips): with its hard labels, and with the
probabilities of a teacher at temperature 4, of the videos, of eight and of 64 augmented views of each. Hard
labels and labels of videos are trained on with augmentation, views as they are. A teacher is such a network
too, trained on all training clips, 1 000 steps; every seed has its own. A repeat is a condensation seed;
differences are to the same set with hard labels, and, of the learned sets, to real clips with the same
labels, in pairs by seed. All was fixed beforehand but for the judge and the 64 views: a first
run had another.

    OMP_NUM_THREADS=1 python benchmarks/labels.py   # an hour on one core; goes on where it stopped
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from cells import RUNS, cell, compute_cells, over_repeats, publish, sets_of, ucf101_5

from vidcondense import rng
from vidcondense.compute import Compute, choose_compute, versions_of
from vidcondense.evaluation import EvaluateOptions, as_dict, evaluate
from vidcondense.files import locked, make_folder
from vidcondense.models.saved import save_network
from vidcondense.storage.condensed import load_condensed
from vidcondense.storage.relabel import relabel_condensed
from vidcondense.training import TrainOptions
from vidcondense.training.new import train_new
from vidcondense.video.index import DataOptions, RealData, load_data
from vidcondense.video.sampling import ClipOptions

NAME = "labels"
CLIP = ClipOptions(num_frames=8, stride=8, size=64)
JUDGE = EvaluateOptions(model="convnet3d-16", repeats=1, steps=500, lr=0.03, augment=True)
TEACHING = TrainOptions(steps=1000, lr=0.03, augment=True)
REAL = "random real clips, VPC 5"
SETS = {
    REAL: "random-vpc-5-{}/uint8",
    "cluster targets 16×16, VPC 5": "cluster-targets-two-key-frames-16-16-vpc-5-{}/uint8",
    "random real clips, VPC 1": "random-vpc-1-{}/uint8",
    "cluster targets 16×16, VPC 1": "cluster-targets-two-key-frames-16-16-vpc-1-{}/uint8",
}
AGAINST = {
    "cluster targets 16×16, VPC 5": "random real clips, VPC 5",
    "cluster targets 16×16, VPC 1": "random real clips, VPC 1",
}
HARD = "hard"
LABELS: dict[str, dict[str, Any]] = {
    HARD: {},
    "teacher": {"temperature": 4.0},
    "teacher, 8 views": {"temperature": 4.0, "views": 8},
    "teacher, 64 views": {"temperature": 4.0, "views": 64},
}
SEEDS = range(10)


def teacher_of(
    data: RealData, seed: int, compute: Compute, *, benchmark: str = NAME, training: TrainOptions = TEACHING
) -> Path:
    """The network of a seed that all training clips trained; made where it is not there."""
    teachers = RUNS / benchmark / "teachers"
    make_folder(teachers)
    out = teachers / str(seed)
    with locked(teachers / f".{seed}.lock", lambda: print(f"another process trains teacher {seed}")):
        if not out.is_dir():
            network, description, _ = train_new(
                JUDGE.model,
                data.train,
                training,
                shape=data.train.shape,
                seed=rng.derive_seed(seed, "teacher"),
                compute=compute,
                origin={"trained_on": "real clips"},
                mirror=data.train.flip,
            )
            save_network(out, network, description)
    return out


def measure(path: Path, labels: str, data: RealData, seed: int) -> dict[str, Any]:
    """Accuracy and bytes of a set with one kind of labels."""
    compute, made = choose_compute(), load_condensed(path)
    judge = replace(JUDGE, seed=rng.derive_seed(0, "set", seed))
    with tempfile.TemporaryDirectory() as scratch:
        if labels != HARD:
            teacher = teacher_of(data, seed, compute)
            out = Path(scratch) / "relabelled"
            made = relabel_condensed(made, out, teacher, seed=seed, compute=compute, **LABELS[labels])
        clips = made if labels == HARD else made.own_labelled()
        found = evaluate(clips, data.test, judge, compute=compute)
        return {
            "evaluation": as_dict(found),
            "accuracy": found.accuracies[0],
            "bytes": made.bytes,
            "computed_with": versions_of(compute),
        }


def main() -> None:
    data = load_data(ucf101_5(), DataOptions(layout="ucf101"), CLIP)
    work: dict[str, Callable[[], dict[str, Any]]] = {}
    for name, seed, path in sets_of("many_videos", SETS, SEEDS):
        for labels in LABELS:
            work[f"{name}, {labels} {seed}"] = partial(measure, path, labels, data, seed)
    compute_cells(NAME, work)
    found = {
        (name, labels): {
            seed: done for seed in SEEDS if (done := cell(NAME, f"{name}, {labels} {seed}", None))
        }
        for name in SETS
        for labels in LABELS
    }
    accuracies = {
        key: {seed: done["accuracy"] for seed, done in own.items()} for key, own in found.items() if own
    }
    rows = [
        {
            "set": name,
            "labels": labels,
            "seeds": sorted(own),
            "bytes": max(done["bytes"] for done in found[name, labels].values()),
            "to_hard": over_repeats(own, None if labels == HARD else accuracies.get((name, HARD))),
            "to_real": over_repeats(own, accuracies.get((AGAINST[name], labels)))
            if name in AGAINST
            else None,
        }
        for (name, labels), own in accuracies.items()
    ]
    publish(NAME, {"settings": __doc__, "rows": rows})


if __name__ == "__main__":
    main()
