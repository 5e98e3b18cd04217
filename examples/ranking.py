"""Which network is best? Ranks ten architectures by training on a condensed set, and on all real clips.

Spearman's correlation with the ranking of the full data, one a seed: by the condensed set, by as many bytes
of real clips, and by the full data itself with other seeds, which no set can be expected to beat.

    python examples/ranking.py
    python examples/ranking.py --data path/to/videos --stride 4
"""

from __future__ import annotations

import argparse
from functools import partial

import common
from networks import Blocks

import vidcondense as vc
from vidcondense.evaluation.statistics import mean, rank_correlation
from vidcondense.interfaces import ClipSource

narrow1 = partial(Blocks, width=8, depth=1)
narrow2 = partial(Blocks, width=8, depth=2, kernel=3)
narrow3 = partial(Blocks, width=8, kernel=3, time=1)
narrow3t = partial(Blocks, width=8, kernel=3)
narrow3k = partial(Blocks, width=8)
middle1 = partial(Blocks, width=16, depth=1, kernel=3, time=1)
middle2t = partial(Blocks, width=16, depth=2, kernel=5)
middle3 = partial(Blocks, width=16, time=1)
middle3t = partial(Blocks, width=16)
wide2t = partial(Blocks, width=32, depth=2, kernel=3)

ARCHITECTURES = (
    *("narrow1", "narrow2", "narrow3", "narrow3t", "narrow3k"),
    *("middle1", "middle2t", "middle3", "middle3t", "wide2t"),
)


def scores(
    clips: ClipSource, data: vc.RealData, arguments: argparse.Namespace, seed: int
) -> dict[str, float]:
    """The accuracy of every architecture, trained on `clips`; of one that diverged, that of chance."""
    found = {}
    for name in ARCHITECTURES:
        options = {"repeats": 1, "seed": seed, "steps": arguments.steps, "lr": arguments.lr, "augment": False}
        judged = vc.EvaluateOptions(model=f"ranking:{name}", **options)
        accuracies = vc.evaluate(clips, data.test, judged, compute=vc.choose_compute()).accuracies
        found[name] = accuracies[0] if accuracies else 1 / len(data.test.classes)
    return found


def main() -> None:
    """Rank, and compare the rankings."""
    arguments = common.parser("ranking", __doc__).parse_args()
    data = common.load(arguments)
    full, small, real = [], [], []
    for seed in range(arguments.seeds):
        made = common.condense(data.train, arguments.out / f"set-{seed}", arguments, seed)
        clips = common.real_at(made.bytes, data.train, arguments.out / f"real-{seed}", arguments, seed)
        for outcomes, source in ((full, data.train), (small, made), (real, clips)):
            outcomes.append(scores(source, data, arguments, seed))
    print("accuracy on the full data, mean over seeds:")
    truth = [mean([each[name] for each in full]) for name in ARCHITECTURES]
    for name, value in zip(ARCHITECTURES, truth, strict=True):
        print(f"  {name}: {value:.4f}")
    rows = {"condensed set": _agreement(small, truth), "real clips, equal bytes": _agreement(real, truth)}
    if arguments.seeds > 1:
        own = [_spearman(list(each.values()), _others(full, seed)) for seed, each in enumerate(full)]
        rows["full data, another seed"] = {"Spearman": own}
    common.finish("ranking", __doc__, rows, arguments)


def _agreement(outcomes: list[dict[str, float]], truth: list[float]) -> dict[str, list[float]]:
    """Spearman's correlation, and what is lost by taking the winner (in accuracy on the full data)."""
    lost = [max(truth) - truth[ARCHITECTURES.index(max(each, key=each.__getitem__))] for each in outcomes]
    return {"Spearman": [_spearman(list(each.values()), truth) for each in outcomes], "lost": lost}


def _others(full: list[dict[str, float]], seed: int) -> list[float]:
    rest = [each for index, each in enumerate(full) if index != seed]
    return [mean([each[name] for each in rest]) for name in ARCHITECTURES]


def _spearman(first: list[float], second: list[float]) -> float:
    """0 where one side ranks nothing: all of its values are equal."""
    return rank_correlation(first, second) or 0.0


if __name__ == "__main__":
    main()
