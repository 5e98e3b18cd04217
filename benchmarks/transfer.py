"""What else networks of the sets are good for: retrieval, a linear probe, few real clips.

The sets of ucf101-5 that `plan.py architectures` condensed on this machine, as far as they are there (sets
are not published): one video per class, 8 frames at stride 8, 64×64. Networks (ConvNet3D at a quarter of its
width, 200 steps at learning rate 0.01) are trained on each; 106 test clips are the queries, all training
clips the gallery. A repeat is a condensation seed with a network of its own. A network that was trained on
nothing is the control: its few-shot column is a training from scratch. Beside it one network that was trained
on all real clips, 1 000 steps, and as many on its few shots.

    OMP_NUM_THREADS=1 python benchmarks/transfer.py   # half an hour on one core; goes on where it stopped
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cells import cell, compute_cells, over_repeats, publish, sets_of, ucf101_5

from vidcondense.compute import choose_compute
from vidcondense.evaluation.measures import score
from vidcondense.evaluation.transfer import TransferOptions, transfer
from vidcondense.interfaces import ClipSource
from vidcondense.storage.condensed import load_condensed
from vidcondense.training import TrainOptions
from vidcondense.video.index import DataOptions, RealData, load_data
from vidcondense.video.sampling import ClipOptions

NAME = "transfer"
SETS = {
    "random": "random-{}/uint8",
    "herding": "herding-{}/uint8",
    "DM, noise": "dm-noise-{}/uint8",
    "static-dynamic": "static-dynamic-{}/uint8",
    "PRISM": "prism-{}/uint8",
}
UNTRAINED, REAL = "untrained network", "real clips"
SEEDS = range(5)
SHOTS = (1,)


def measure(clips: ClipSource | None, data: RealData, seed: int, steps: int) -> dict[str, Any]:
    """Everything that `transfer` measures, shares of the test clips."""
    training = TrainOptions(steps=steps, lr=0.01, augment=False)
    options = TransferOptions(model="convnet3d-16", repeats=1, seed=seed, training=training, shots=SHOTS)
    found = transfer(clips, data.train, data.test, options, compute=choose_compute())
    return {name: score([found], name).mean for name in options.measurements(len(data.train))}


def of_set(path: Path, data: RealData, seed: int) -> dict[str, Any]:
    """Likewise, of a condensed set."""
    return measure(load_condensed(path), data, seed, 200)


def main() -> None:
    clip = ClipOptions(num_frames=8, stride=8, size=64)
    data = load_data(ucf101_5(), DataOptions(layout="ucf101"), clip)
    work: dict[str, Callable[[], dict[str, Any]]] = {}
    for name, seed, path in sets_of("architectures", SETS, SEEDS):
        work[f"{name} {seed}"] = partial(of_set, path, data, seed)
    for seed in SEEDS:
        work[f"{UNTRAINED} {seed}"] = partial(measure, None, data, seed, 200)
    work[f"{REAL} {SEEDS[0]}"] = partial(measure, data.train, data, SEEDS[0], 1000)
    compute_cells(NAME, work)
    found = {
        name: {seed: done for seed in SEEDS if (done := cell(NAME, f"{name} {seed}", None))}
        for name in (*SETS, UNTRAINED, REAL)
    }
    measurements = TransferOptions(shots=SHOTS).measurements(len(data.train))
    base = found[UNTRAINED]
    rows = {
        name: {
            what: over_repeats(
                {seed: result[what] for seed, result in own.items()},
                None if own is base else {seed: result[what] for seed, result in base.items()},
            )
            for what in measurements
        }
        for name, own in found.items()
    }
    seeds = {name: list(own) for name, own in found.items()}
    publish(NAME, {"settings": __doc__, "baseline": UNTRAINED, "rows": rows, "seeds": seeds})


if __name__ == "__main__":
    main()
