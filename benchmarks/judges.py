"""Does it depend on the judging networks' learning rate who leads?

The sets of five videos per class, and some of one, that `plan.py many_videos` condensed on this machine, as
far as they are there (sets are not published): ucf101-5, 8 frames at stride 8, 64×64. Each is judged by the
same networks (ConvNet3D at a quarter of its width, on 106 test clips) in 200 steps at learning rate 0.01,
with which all plans judged at first, at three and ten times that, and, as many_videos and methods judge
now, at three times with 500 steps on augmented clips. ConvNet3D has no normalisation, so videos of more
contrast teach it as a higher learning rate would; therefore what DSA learned, whose pixels deviate some ten
times as much as those of real clips, is also shown scaled about the mean colour to the contrast of real
clips. `contrast` is the standard deviation of a set in network units, of all real clips 1. All training
clips take 1 000 steps. A repeat is a condensation seed; differences are to as many random clips and cluster
targets with the same judge, and to the same set at 0.01, in pairs by seed. That 0.01 was too low for real
clips had been seen on training clips (`judge.py`) before test clips were judged so.

    OMP_NUM_THREADS=1 python benchmarks/judges.py   # 75 minutes on one core; goes on where it stopped
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from cells import cell, compute_cells, over_repeats, publish, sets_of, ucf101_5

from vidcondense import rng
from vidcondense.compute import choose_compute, versions_of
from vidcondense.evaluation import EvaluateOptions, as_dict, evaluate
from vidcondense.evaluation.statistics import mean
from vidcondense.interfaces import ClipSource
from vidcondense.selection.best import Rendered
from vidcondense.storage.condensed import load_condensed
from vidcondense.video.index import DataOptions, RealData, load_data
from vidcondense.video.sampling import ClipOptions

NAME = "judges"
CLIP = ClipOptions(num_frames=8, stride=8, size=64)
FULL = "all training clips"
REAL = "random real clips"
CLUSTER = "cluster targets, two key frames of 16×16"
BY_DSA = "cluster targets by DSA, two key frames of 16×16"
AT_REAL_CONTRAST = "the same, at the contrast of real clips"
ONE_REAL = "one random real clip"
ONE_SMALL = "two key frames of 16×16, one video"
FIVE_VIDEOS = {
    REAL: "random-vpc-5-{}/uint8",
    "herded real clips": "herding-vpc-5-{}/uint8",
    "PRISM": "prism-vpc-5-{}/uint8",
    "class means, two key frames of 16×16": "two-key-frames-16-16-vpc-5-{}/uint8",
    CLUSTER: "cluster-targets-two-key-frames-16-16-vpc-5-{}/uint8",
    BY_DSA: "cluster-targets-by-dsa-two-key-frames-16-16-vpc-5-{}/uint8",
    AT_REAL_CONTRAST: "cluster-targets-by-dsa-two-key-frames-16-16-vpc-5-{}/uint8",
    "static-dynamic": "static-dynamic-{}/uint8",
}
ONE_VIDEO = {
    ONE_REAL: "random-vpc-1-{}/uint8",
    "PRISM, one video": "prism-vpc-1-{}/uint8",
    ONE_SMALL: "cluster-targets-two-key-frames-16-16-vpc-1-{}/uint8",
}
SETS = {**FIVE_VIDEOS, **ONE_VIDEO}
JUDGE = EvaluateOptions(model="convnet3d-16", repeats=1, steps=200, augment=False)
JUDGES = {
    "learning rate 0.01": replace(JUDGE, lr=0.01),
    "learning rate 0.03": replace(JUDGE, lr=0.03),
    "learning rate 0.1": replace(JUDGE, lr=0.1),
    "0.03, 500 steps, augmented": replace(JUDGE, lr=0.03, steps=500, augment=True),
}
SEEDS = range(10)


def measure(path: Path | None, name: str, judge: str, data: RealData, seed: int) -> dict[str, Any]:
    """Accuracy and contrast of a set, or of all training clips, by one judge."""
    compute, options = choose_compute(), replace(JUDGES[judge], seed=rng.derive_seed(0, "set", seed))
    clips: ClipSource
    if path is None:
        clips, options = data.train, replace(options, steps=1000)
    else:
        clips = made = load_condensed(path)
        if name == AT_REAL_CONTRAST:
            videos = made.batch(range(len(made)))
            clips = Rendered(videos / videos.std(), made.labels, data.train)
    found = evaluate(clips, data.test, options, compute=compute)
    return {
        "evaluation": as_dict(found),
        "accuracy": found.accuracies[0],
        "contrast": float(clips.batch(range(len(clips))).std()),
        "computed_with": versions_of(compute),
    }


def main() -> None:
    data = load_data(ucf101_5(), DataOptions(layout="ucf101"), CLIP)
    there = list(sets_of("many_videos", SETS, SEEDS))
    work: dict[str, Callable[[], dict[str, Any]]] = {}
    for judge in JUDGES:
        for name, seed, path in there:
            work[f"{name}, {judge} {seed}"] = partial(measure, path, name, judge, data, seed)
        work[f"{FULL}, {judge} 0"] = partial(measure, None, FULL, judge, data, 0)
    compute_cells(NAME, work)
    rows: list[dict[str, Any]] = []
    slow: dict[str, dict[int, float | None]] | None = None
    for judge in JUDGES:
        cells = {
            name: {seed: found for seed in SEEDS if (found := cell(NAME, f"{name}, {judge} {seed}", None))}
            for name in (*SETS, FULL)
        }
        by_seed = {
            name: {seed: each["accuracy"] for seed, each in own.items()} for name, own in cells.items()
        }
        for name, own in cells.items():
            accuracies = by_seed[name]
            real, clusters = (ONE_REAL, ONE_SMALL) if name in ONE_VIDEO else (REAL, CLUSTER)
            if own:
                rows.append(
                    {
                        "set": name,
                        "judge": judge,
                        "seeds": sorted(own),
                        "contrast": mean([found["contrast"] for found in own.values()]),
                        "accuracies": {str(seed): each for seed, each in accuracies.items()},
                        **over_repeats(accuracies, None if name in (real, FULL) else by_seed[real]),
                        "to_clusters": None
                        if name in (clusters, FULL)
                        else over_repeats(accuracies, by_seed[clusters])["difference"],
                        "to_slow": over_repeats(accuracies, slow[name])["difference"] if slow else None,
                    }
                )
        slow = slow or by_seed
    publish(NAME, {"settings": __doc__, "rows": rows})


if __name__ == "__main__":
    main()
