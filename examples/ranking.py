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
import torch
from torch import nn

import vidcondense as vc
from vidcondense.evaluation.statistics import mean, rank_correlation
from vidcondense.interfaces import ClipSource


class Blocks(nn.Module):
    """Blocks of 3-D convolution, instance norm, ReLU and pooling; the mean of what is left; a classifier."""

    def __init__(
        self, num_classes: int, num_frames: int, size: int, *, width: int, depth: int, time: int
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for block in range(depth):
            channels = 3 if block == 0 else width
            layers += [
                nn.Conv3d(channels, width, (time, 3, 3), padding=(time // 2, 1, 1)),
                nn.InstanceNorm3d(width, affine=True),
                nn.ReLU(),
                nn.AvgPool3d((1, 2, 2)),
            ]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, videos: torch.Tensor) -> torch.Tensor:
        """Videos `[N, T, C, H, W]` to logits `[N, K]`."""
        return self.classifier(self.features(videos.permute(0, 2, 1, 3, 4)).mean(dim=(2, 3, 4)))


narrow1 = partial(Blocks, width=8, depth=1, time=1)
narrow2 = partial(Blocks, width=8, depth=2, time=1)
narrow3 = partial(Blocks, width=8, depth=3, time=1)
narrow3t = partial(Blocks, width=8, depth=3, time=3)
middle1 = partial(Blocks, width=16, depth=1, time=1)
middle2 = partial(Blocks, width=16, depth=2, time=1)
middle2t = partial(Blocks, width=16, depth=2, time=3)
middle3t = partial(Blocks, width=16, depth=3, time=3)
wide2 = partial(Blocks, width=32, depth=2, time=1)
wide3t = partial(Blocks, width=32, depth=3, time=3)

ARCHITECTURES = (
    *("narrow1", "narrow2", "narrow3", "narrow3t", "middle1"),
    *("middle2", "middle2t", "middle3t", "wide2", "wide3t"),
)


def scores(
    clips: ClipSource, data: vc.RealData, arguments: argparse.Namespace, seed: int
) -> dict[str, float]:
    """The accuracy of every architecture, trained on `clips`; of one that diverged, that of chance."""
    found = {}
    for name in ARCHITECTURES:
        options = {"repeats": 1, "seed": seed, "steps": arguments.steps, "lr": arguments.lr}
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
