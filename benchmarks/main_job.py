"""The main job on real clips: what is a set condensed by PRISM worth?

ucf101-5 (five classes of UCF101, official split 1: 294 training and 106 test clips), 16 frames at stride 4,
64×64, one video per class. A repeat is a condensation seed with networks of its own (three for PRISM, one for
random clips), their accuracies averaged. The strict protocol as it was then, 500 steps at 0.003 on
plain clips; nothing is chosen on test data: the settings were fixed beforehand.

    python benchmarks/main_job.py            # about an hour on two cores; goes on where it stopped
    python benchmarks/main_job.py --seeds 0  # a first look
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from cells import RUNS, cell, publish, ucf101_5

from vidcondense.compute import choose_compute
from vidcondense.condensation import condense
from vidcondense.evaluation import EvaluateOptions, as_dict, evaluate
from vidcondense.evaluation.statistics import bootstrap_interval, deviation, mean, t_interval
from vidcondense.matching.options import MatchOptions
from vidcondense.settings import CondenseOptions
from vidcondense.storage.condensed import CondensedDataset, load_condensed
from vidcondense.video.index import DataOptions, RealData, load_data
from vidcondense.video.sampling import ClipOptions

NAME = "main_job"
CLIP = ClipOptions(num_frames=16, stride=4, size=64)
METHODS: dict[str, dict[str, Any]] = {
    "prism, noise": {"method": "prism", "init": "noise"},
    "random real clips": {"method": "random"},
}
JUDGE = EvaluateOptions(lr=0.003, augment=False)
"""The default of `evaluate` when this was measured."""

NETWORKS = {"prism, noise": 3, "random real clips": 1}


def condensed_cell(data: RealData, name: str, seed: int) -> dict[str, Any]:
    """Condense with one seed, read back, train networks, test them."""
    options = CondenseOptions(
        vpc=1, iterations=150, lr=10.0, seed=seed, match=MatchOptions(real_batch=16), **METHODS[name]
    )
    out = RUNS / NAME / f"{name} {seed}"
    made = load_condensed(out) if out.exists() else condense(data.train, out, options, overwrite=True)
    judged = evaluate(
        made, data.test, replace(JUDGE, repeats=NETWORKS[name], seed=seed), compute=choose_compute()
    )
    return {**as_dict(judged), **_sizes(made)}


def _sizes(made: CondensedDataset) -> dict[str, Any]:
    return {
        "key_frames": [len(row) for row in made.positions],
        "paper_mb": made.paper_mb,
        "bytes": made.bytes,
        "versions": made.provenance["versions"],
    }


def full_data_cell(data: RealData, seed: int) -> dict[str, Any]:
    """One network trained on all real training clips."""
    options = replace(JUDGE, repeats=1, seed=seed)
    return as_dict(evaluate(data.train, data.test, options, compute=choose_compute()))


def summary(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean over condensation seeds, with the interval over them and over source groups of the test clips."""
    per_seed, correct = [], []
    for each in cells:
        finite = [repeat for repeat in each["repeats"] if not repeat["diverged"]]
        per_seed.append(mean([repeat["accuracy"] for repeat in finite]))
        correct.append([mean(column) for column in zip(*(r["correct"] for r in finite), strict=True)])
    averaged = [mean(column) for column in zip(*correct, strict=True)]
    frames = [count for each in cells for count in each.get("key_frames", [])]
    return {
        "repeats": len(cells),
        "networks_a_repeat": len(cells[0]["repeats"]),
        "diverged": sum(repeat["diverged"] for each in cells for repeat in each["repeats"]),
        "accuracy": mean(per_seed),
        "std": deviation(per_seed),
        "interval_over_repeats": t_interval(per_seed),
        "interval_over_groups": bootstrap_interval(averaged, cells[0]["groups"], seed=0),
        "accuracies": per_seed,
        "train_accuracy": mean([each["summary"]["train_accuracy"] for each in cells]),
        "key_frames_a_video": mean(frames) if frames else None,
        "key_frames": [each.get("key_frames") for each in cells],
        "paper_mb": mean([each["paper_mb"] for each in cells]) if frames else None,
        "bytes": mean([each["bytes"] for each in cells]) if frames else None,
        "seconds": [each["seconds"] for each in cells],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=range(5), help="condensation seeds (0 to 4)")
    seeds = parser.parse_args().seeds
    data = load_data(ucf101_5(), DataOptions(layout="ucf101", fold=1), CLIP)
    rows = {}
    for name in METHODS:
        found = [
            cell(NAME, f"{name} {seed}", lambda name=name, seed=seed: condensed_cell(data, name, seed))
            for seed in seeds
        ]
        rows[name] = summary(found)
        print(name, {key: rows[name][key] for key in ("accuracy", "std", "key_frames_a_video", "bytes")})
        publish(NAME, {"settings": __doc__, "rows": rows})
    rows["all real clips"] = summary(
        [cell(NAME, f"full {seed}", lambda seed=seed: full_data_cell(data, seed)) for seed in range(1)]
    )
    publish(NAME, {"settings": __doc__, "rows": rows})


if __name__ == "__main__":
    main()
