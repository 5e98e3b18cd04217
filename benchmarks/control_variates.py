"""How well does a batch of real clips tell the mean feature of its class, and what makes it tell better?

Distribution matching sees a class through the mean feature of a random batch. How far that lies from the
mean of all clips of the class is noise in the gradient. Three ways of taking the same number of clips of
ucf101-5 (training clips, 8 frames at stride 8, 64×64), through random networks:

- random: drawn without replacement, as vidcondense does.
- control variate: the same batch, corrected by what is known of all clips without a network: the first four
  principal components of their pixels pooled to 2×6×6. Least squares on the batch of all classes says how
  features follow them.
- strata: as many draws from each cluster of the pooled pixels (k-means, half as many clusters as clips) as
  it has clips, weighed by its size.

"error" is the mean squared distance to the mean of all clips, as a share of that of random batches; below 1
is a gain, and "worth" is how many random clips have the same error.

    OMP_NUM_THREADS=1 python benchmarks/control_variates.py  # some minutes on one core
"""

from __future__ import annotations

from typing import Any

import torch
from cells import publish, ucf101_5
from torch import Tensor

from vidcondense import rng
from vidcondense.compute import choose_compute
from vidcondense.evaluation.statistics import mean, t_interval
from vidcondense.matching.kmeans import kmeans
from vidcondense.matching.targets import pooled_pixels
from vidcondense.models.random import random_network
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions

NAME = "control_variates"
MODELS = ("convnet3d", "convnet3d-16")
BATCHES = (4, 8, 16, 32)
NETWORKS = 8
DRAWS = 64
COMPONENTS = 4


def features_of(real: ClipDataset, model: str, number: int) -> Tensor:
    """The features of all clips in a random network, `[N, D]`."""
    compute = choose_compute()
    network = random_network(
        model, real.shape, len(real.classes), seed=0, number=number, compute=compute
    ).requires_grad_(False)
    parts = torch.arange(len(real)).split(32)
    return torch.cat([network.embed(real.batch(part)).float() for part in parts])


def components(pixels: list[Tensor]) -> list[Tensor]:
    """The first principal components within classes, of unit variance, `[N, COMPONENTS]` of each class."""
    centred = torch.cat([points - points.mean(0) for points in pixels])
    left, _, _ = torch.linalg.svd(centred, full_matrices=False)
    scaled = left[:, :COMPONENTS] * len(centred) ** 0.5
    return list(scaled.split([len(points) for points in pixels]))


def strata_of(pixels: Tensor, batch: int, stream: torch.Generator) -> list[Tensor]:
    """Clusters of clips, half as many as a batch has clips."""
    assigned = kmeans(pixels, max(2, batch // 2), stream)
    return [(assigned == number).nonzero().flatten() for number in range(int(assigned.max()) + 1)]


def allotted(sizes: list[int], batch: int) -> list[int]:
    """How many draws each stratum gets: in proportion to its size, one at least, `batch` in all."""
    total = sum(sizes)
    counts = [max(1, batch * size // total) for size in sizes]
    while sum(counts) < batch:
        short = [size / count if count < size else 0 for size, count in zip(sizes, counts, strict=True)]
        counts[short.index(max(short))] += 1
    while sum(counts) > batch:
        long = [
            size / count if count > 1 else float("inf") for size, count in zip(sizes, counts, strict=True)
        ]
        counts[long.index(min(long))] -= 1
    return counts


def drawn(members: Tensor, count: int, stream: torch.Generator) -> Tensor:
    """Some of the members, none twice."""
    return members[torch.randperm(len(members), generator=stream)[:count]]


def errors(real: ClipDataset, features: Tensor, batch: int, number: int) -> dict[str, float]:
    """The squared distance from a class's mean in one network, over draws and classes, of each way."""
    classes = [real.indices_of(label) for label in range(len(real.classes))]
    pixels = [pooled_pixels(real, clips) for clips in classes]
    known = components(pixels)  # their mean over a class is 0
    stream = rng.generator(0, "strata", batch)
    strata = [strata_of(points, batch, stream) for points in pixels]
    found = {"random": 0.0, "control variate": 0.0, "strata": 0.0}
    for draw in range(DRAWS):
        stream = rng.generator(0, "draws", batch, number, draw)
        batches = [drawn(torch.arange(len(clips)), batch, stream) for clips in classes]
        ours = [features[clips[chosen]] for clips, chosen in zip(classes, batches, strict=True)]
        theirs = [points[chosen] for points, chosen in zip(known, batches, strict=True)]
        slope = torch.linalg.lstsq(
            torch.cat([points - points.mean(0) for points in theirs]),
            torch.cat([values - values.mean(0) for values in ours]),
        ).solution
        for label, clips in enumerate(classes):
            goal, got = features[clips].mean(0), ours[label].mean(0)
            found["random"] += float((got - goal).square().sum())
            found["control variate"] += float((got - theirs[label].mean(0) @ slope - goal).square().sum())
            sizes = [len(members) for members in strata[label]]
            parts = [
                features[clips[drawn(members, count, stream)]].mean(0) * len(members) / len(clips)
                for members, count in zip(strata[label], allotted(sizes, batch), strict=True)
            ]
            found["strata"] += float((sum(parts) - goal).square().sum())
    return found


def main() -> None:
    clip = ClipOptions(num_frames=8, stride=8, size=64)
    real = load_data(ucf101_5(), DataOptions(layout="ucf101", fold=1), clip).train
    size = len(real) / len(real.classes)
    rows: list[dict[str, Any]] = []
    for model in MODELS:
        features = [features_of(real, model, number) for number in range(NETWORKS)]
        for batch in BATCHES:
            of_networks = [errors(real, each, batch, number) for number, each in enumerate(features)]
            for way in ("control variate", "strata"):
                ratios = [each[way] / each["random"] for each in of_networks]
                # Without replacement the error of n of N clips goes as 1/n - 1/N.
                worth = 1 / (mean(ratios) * (1 / batch - 1 / size) + 1 / size)
                row = {"error": mean(ratios), "interval": t_interval(ratios), "worth": worth}
                rows.append({"model": model, "batch": batch, "way": way, **row})
                print(rows[-1], flush=True)
    facts = {"networks": NETWORKS, "draws": DRAWS, "clips_a_class": size}
    publish(NAME, {"settings": __doc__, **facts, "rows": rows})


if __name__ == "__main__":
    main()
