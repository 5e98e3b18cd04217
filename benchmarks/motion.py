"""Do the sets move, and do networks trained on them look at it?

The sets of the toy set, scenes, that `plan.py toy_scenes` and `plan.py toy_five` condensed on this machine,
as far as they are there (sets are not published): one and five videos per class, 8 frames of 48×48, uint8.
The motion of the videos is compared with that of 20 real training clips a class; networks (ConvNet3D at a
quarter of its width, 500 steps at 0.03 on augmented clips, of all real clips 1 000) are tested on 2 000 test
clips in order, with the frames of each clip shuffled, and backwards. A repeat is a condensation seed with two
networks; "lost" is what they lose by shuffled frames, in pairs by seed.

"explained" is the share of the squared differences of neighbouring frames that disappears when the later
frame is moved back along the optical flow: motion, not fading.

    OMP_NUM_THREADS=1 python benchmarks/motion.py   # 90 minutes on one core; goes on where it stopped
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cells import cell, compute_cells, publish, sets_of
from plan import scenes

from vidcondense.compute import choose_compute
from vidcondense.evaluation.measures import score
from vidcondense.evaluation.motion import ORDERS, motion_of, order_accuracy
from vidcondense.evaluation.networks import NetworkOptions
from vidcondense.evaluation.statistics import deviation, mean, t_interval
from vidcondense.interfaces import ClipSource
from vidcondense.selection.random import select_random
from vidcondense.storage.condensed import load_condensed
from vidcondense.training import TrainOptions
from vidcondense.video.index import DataOptions, RealData, load_data
from vidcondense.video.sampling import ClipOptions

NAME = "motion"
PLANS = {
    "toy_scenes": {
        "random": "random-{}/uint8",
        "DM, noise": "dm-noise-{}/uint8",
        "two key frames": "two-key-frames-{}/uint8",
        "PRISM": "prism-{}/uint8",
        "PRISM, real": "prism-real-{}/uint8",
    },
    "toy_five": {
        "five random": "random-{}/uint8",
        "five random, 16×16": "random-16-16-{}/uint8",
        "five of cluster targets, two key frames 16×16": "two-key-frames-16-16-cluster-targets-{}/uint8",
        "five of cluster targets, DM 16×16": "dm-16-16-cluster-targets-{}/uint8",
    },
}
REAL = "real clips"
SEEDS = range(5)
MODEL = "convnet3d-16"


def measure(clips: ClipSource, data: RealData, seed: int, steps: int) -> dict[str, Any]:
    """How videos move, and how right networks that they train are on each order of frames."""
    training = TrainOptions(steps=steps, lr=0.03, augment=True)
    options = NetworkOptions(model=MODEL, repeats=2, seed=seed, training=training)
    found = order_accuracy(clips, data.train, data.test, options, compute=choose_compute())
    return {order: score([found], order).mean for order in ORDERS}


def moves(clips: ClipSource) -> dict[str, Any]:
    """How videos move."""
    found = motion_of(clips)
    return {
        "energy": float(found.energy.mean()),
        "speed": float(found.speed.mean()),
        "explained": found.explained,
    }


def of_set(path: Path, data: RealData, seed: int) -> dict[str, Any]:
    """Both, of a condensed set."""
    clips = load_condensed(path)
    return {**moves(clips), **measure(clips, data, seed, 500)}


def row_of(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean over seeds; of accuracies also deviation and interval."""
    lost = [each["ordered"] - each["shuffled"] for each in found]
    row: dict[str, Any] = {"seeds": len(found), "lost": {"mean": mean(lost), "interval": t_interval(lost)}}
    for key in ("energy", "speed", "explained"):
        row[key] = mean([each[key] for each in found])
    for order in ORDERS:
        values = [each[order] for each in found]
        row[order] = {"mean": mean(values), "std": deviation(values), "interval": t_interval(values)}
    return row


def main() -> None:
    data = load_data(scenes(), DataOptions(), ClipOptions(num_frames=8, size=48))
    work: dict[str, Callable[[], dict[str, Any]]] = {}
    for plan, sets in PLANS.items():
        for name, seed, path in sets_of(plan, sets, SEEDS):
            work[f"{name} {seed}"] = partial(of_set, path, data, seed)
    shown = data.train.subset(select_random(data.train, 20, 0))
    work[REAL] = lambda: {**moves(shown), **measure(data.train, data, 0, 1000)}
    compute_cells(NAME, work)
    cells = {name: [f"{name} {seed}" for seed in SEEDS] for sets in PLANS.values() for name in sets}
    rows = {}
    for name, own in {**cells, REAL: [REAL]}.items():
        if found := [each for key in own if (each := cell(NAME, key, None))]:
            rows[name] = row_of(found)
    publish(NAME, {"settings": __doc__, "rows": rows})


if __name__ == "__main__":
    main()
