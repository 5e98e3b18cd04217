"""What is in the videos of the sets of many_videos: how much of them is noise, and how much they differ.

The sets of ucf101-5 that `plan.py many_videos` condensed on this machine, as far as they are there (sets are
not published), against the real training clips they stand for. Of each set, the mean over its seeds:

- smooth: the share of the variance of its frames that is left of their averages over 4×4 pixels. White noise
  has 1/16.
- spread, random: how much the features of the videos of one class differ (their variance within a class,
  unbiased) for eight random networks, such as match them; of all real training clips it is 1.
- spread, trained: likewise, for one network, the same for all sets, that was trained on all real training
  clips in 1 000 steps.
- told: the share of the videos that this network takes for their class. It has learned the real clips, so
  of them the number says nothing.

    OMP_NUM_THREADS=1 python benchmarks/diversity.py   # ten minutes on one core; goes on where it stopped
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from cells import cell, compute_cells, publish, sets_of, ucf101_5
from labels import CLIP, JUDGE, teacher_of
from torch import Tensor

from vidcondense.compute import choose_compute
from vidcondense.evaluation.statistics import deviation, mean
from vidcondense.interfaces import ClipSource
from vidcondense.models.random import random_network
from vidcondense.models.saved import load_network
from vidcondense.storage.condensed import load_condensed
from vidcondense.training import TrainOptions, embed, predict
from vidcondense.video.index import DataOptions, RealData, load_data

NAME = "diversity"
SETS = {
    "random real clips, VPC 5": "random-vpc-5-{}/uint8",
    "herding, VPC 5": "herding-vpc-5-{}/uint8",
    "DM, noise, VPC 5": "dm-noise-vpc-5-{}/uint8",
    "DM, noise, VPC 10": "dm-noise-vpc-10-{}/uint8",
    "DM, noise, 1200 iterations, VPC 5": "dm-noise-1200-iterations-{}/uint8",
    "DM, a tenth of the noise, VPC 5": "dm-a-tenth-of-the-noise-{}/uint8",
    "DM, real, VPC 5": "dm-real-{}/uint8",
    "PRISM, VPC 5": "prism-vpc-5-{}/uint8",
    "PRISM, a tenth of the noise, VPC 5": "prism-a-tenth-of-the-noise-{}/uint8",
    "two key frames, VPC 5": "two-key-frames-{}/uint8",
    "two key frames 16×16, VPC 5": "two-key-frames-16-16-vpc-5-{}/uint8",
    "two key frames 16×16, VPC 10": "two-key-frames-16-16-vpc-10-{}/uint8",
    "cluster targets, two key frames 16×16, VPC 5": "cluster-targets-two-key-frames-16-16-vpc-5-{}/uint8",
    "cluster targets, two key frames 16×16, VPC 10": "cluster-targets-two-key-frames-16-16-vpc-10-{}/uint8",
    "cluster targets, PRISM, VPC 5": "cluster-targets-prism-{}/uint8",
}
REAL = "all real training clips"
SEEDS = range(5)
NETWORKS, SEED = 8, 1000
TEACHING = TrainOptions(steps=1000, lr=0.01, augment=False)
MEASURES = ("smooth", "spread_random", "spread_trained", "told")


def smooth_share(clips: ClipSource) -> float:
    """The share of the variance of frames that their averages over 4×4 pixels have."""
    frames = clips.batch(torch.arange(len(clips))).flatten(0, 1)
    return float(F.avg_pool2d(frames, 4).var() / frames.var())


def spread(features: Tensor, labels: Tensor) -> float:
    """The variance of features `[N, D]` within a class, summed over features, the mean over classes."""
    of_class = [features[labels == label].var(dim=0).sum() for label in range(int(labels.max()) + 1)]
    return float(torch.stack(of_class).mean())


def measure(clips: ClipSource, data: RealData) -> dict[str, float]:
    """The four measures, spreads as they are."""
    compute, classes = choose_compute(), len(data.train.classes)
    trained, _ = load_network(teacher_of(data, 0, compute, benchmark=NAME, training=TEACHING), compute)
    spreads = [
        spread(embed(network, clips, compute=compute), clips.labels)
        for network in (
            random_network(JUDGE.model, data.train.shape, classes, seed=SEED, number=number, compute=compute)
            for number in range(NETWORKS)
        )
    ]
    right = predict(trained, clips, compute=compute).argmax(dim=1) == clips.labels
    return {
        "smooth": smooth_share(clips),
        "spread_random": sum(spreads) / len(spreads),
        "spread_trained": spread(embed(trained, clips, compute=compute), clips.labels),
        "told": float(right.double().mean()),
    }


def of_set(path: Path, data: RealData) -> dict[str, float]:
    """Likewise, of a condensed set."""
    return measure(load_condensed(path), data)


def main() -> None:
    data = load_data(ucf101_5(), DataOptions(layout="ucf101"), CLIP)
    work: dict[str, Callable[[], dict[str, Any]]] = {f"{REAL} 0": partial(measure, data.train, data)}
    for name, seed, path in sets_of("many_videos", SETS, SEEDS):
        work[f"{name} {seed}"] = partial(of_set, path, data)
    compute_cells(NAME, work)
    found = {
        name: [done for seed in SEEDS if (done := cell(NAME, f"{name} {seed}", None))]
        for name in (REAL, *SETS)
    }
    (real,) = found[REAL]
    unit = {"smooth": 1.0, "told": 1.0, **{key: real[key] for key in MEASURES if key.startswith("spread")}}
    rows = [
        {
            "set": name,
            "seeds": len(own),
            **{
                key: {"mean": mean(values), "std": deviation(values)}
                for key in MEASURES
                for values in ([done[key] / unit[key] for done in own],)
            },
        }
        for name, own in found.items()
        if own
    ]
    publish(NAME, {"settings": __doc__, "rows": rows})


if __name__ == "__main__":
    main()
