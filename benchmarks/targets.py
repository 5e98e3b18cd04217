"""Whose mean should a synthetic video match? Variants of the targets of distribution matching.

ucf101-5, 8 frames at stride 8, 64×64, five videos a class, two key frames of 16×16 learned from noise, 150
iterations, eight real clips a target. Judged by grouped cross-validation on the *training* clips (four folds,
one seed each: what is chosen here was not chosen on test clips), 200 steps at learning rate 0.01.

    python benchmarks/targets.py                       # all variants, many hours on one core; goes on
    python benchmarks/targets.py --only cluster random-partition --folds 0 1

Each cell is one variant on one fold and one process does one at a time; start several for more cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from cells import cell, compute_cells, over_repeats, publish, ucf101_5
from torch import Tensor

from vidcondense import rng
from vidcondense.compute import Compute, choose_compute
from vidcondense.condenser import Condenser
from vidcondense.evaluation import EvaluateOptions, as_dict, evaluate
from vidcondense.evaluation.statistics import mean
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.distribution import DistributionMatcher, group_means
from vidcondense.matching.kmeans import kmeans
from vidcondense.matching.options import MatchOptions
from vidcondense.matching.targets import Targets, pooled_pixels
from vidcondense.models import VideoNetwork
from vidcondense.options import as_json
from vidcondense.selection.best import Rendered
from vidcondense.settings import CondenseOptions
from vidcondense.training import TrainOptions, train
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.folds import training_folds
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions

NAME = "targets"
FOLDS = 4
CLIP = ClipOptions(num_frames=8, stride=8, size=64)
JUDGE = EvaluateOptions(repeats=1, steps=200, lr=0.01)
BASE = CondenseOptions(
    vpc=5,
    iterations=150,
    lr=10.0,
    key_frame_size=16,
    match=MatchOptions(real_batch=8, match_targets="cluster"),
    insert=InsertionOptions(insertion="none"),
)
BASELINE = "cluster"


def class_means(**changes: Any) -> CondenseOptions:  # noqa: ANN401 - fields of the options
    """The base with one target a class, and as many real clips an iteration as all its clusters have."""
    return replace(BASE, match=MatchOptions(real_batch=40, match_targets="class"), **changes)


Partition = Callable[[DistributionMatcher, Tensor, int, int], Tensor]
"""(matcher, clips of a class, number of parts, label) → the part of each clip."""


def at_random(matcher: DistributionMatcher, clips: Tensor, parts: int, label: int) -> Tensor:
    """Parts of equal size, drawn at random."""
    order = torch.randperm(len(clips), generator=rng.generator(matcher.seed, "parts", label))
    return (torch.arange(len(clips)) % parts)[order]


def by_features(matcher: DistributionMatcher, clips: Tensor, parts: int, label: int) -> Tensor:
    """k-means on the features of eight random networks side by side, each scaled to unit variance."""
    found = []
    for number in range(8):
        network = matcher.network(-1 - number)
        with torch.no_grad(), matcher.compute.autocast():
            features = network.embed(matcher.real.batch(clips)).float()
        found.append((features - features.mean(0)) / features.std())
    return kmeans(torch.cat(found, dim=1), parts, rng.generator(matcher.seed, "clusters", label))


def by_middle_frame(matcher: DistributionMatcher, clips: Tensor, parts: int, label: int) -> Tensor:
    """k-means on the middle frame alone, pooled to 6×6."""
    frames = matcher.real.batch(clips)[:, matcher.real.shape[0] // 2]
    points = torch.nn.functional.adaptive_avg_pool2d(frames, (6, 6)).flatten(1)
    return kmeans(points, parts, rng.generator(matcher.seed, "clusters", label))


def by_source(matcher: DistributionMatcher, clips: Tensor, parts: int, label: int) -> Tensor:
    """Whole source groups: k-means on the mean pooled pixels of each."""
    assert isinstance(matcher.real, ClipDataset)
    names = [matcher.real.groups[int(clip)] for clip in clips]
    of_clip = torch.tensor([sorted(set(names)).index(name) for name in names])
    points = group_means(pooled_pixels(matcher.real, clips), of_clip, int(of_clip.max()) + 1)
    return kmeans(points, parts, rng.generator(matcher.seed, "clusters", label))[of_clip]


class Variant(DistributionMatcher):
    """Distribution matching with one thing changed."""

    partition: Partition | None = None
    recluster_every: int | None = None
    layers = False
    moments = 1
    diversity = 0.0
    trained_steps = 0
    softness = 0.0
    reuse = 1
    _known: tuple[int, VideoNetwork, list[Tensor], Tensor, Tensor] | None = None

    def prepare(self, labels: Tensor) -> None:
        """Divide the clips anew where the variant says so."""
        self._labels = labels
        if self.partition is not None:
            self._divide(self.partition)
        if self.softness:
            self._weights = self._soft_weights()

    def _divide(self, partition: Partition) -> None:
        members, of_video = [], torch.empty_like(self._labels)
        for label in range(len(self.real.classes)):
            videos = (self._labels == label).nonzero().flatten()
            clips = self.real.indices_of(label)
            part = partition(self, clips, len(videos), label)
            of_video[videos] = torch.arange(len(videos)) + len(members)
            members += [clips[part == number] for number in range(len(videos))]
        self.targets = Targets(tuple(members), of_video)

    def network(self, iteration: int) -> VideoNetwork:
        """The random network of an iteration, trained for a few steps where the variant says so."""
        network = super().network(iteration)
        if self.trained_steps and iteration >= 0:
            network.requires_grad_(True)
            options = TrainOptions(steps=self.trained_steps, lr=0.01, batch_size=16)
            train(
                network,
                self.real,
                options,
                seed=rng.derive_seed(self.seed, "training", iteration),
                compute=self.compute,
            )
            network.eval().requires_grad_(False)
        return network

    def loss(self, videos: Tensor, iteration: int) -> Tensor:
        """As in distribution matching, with what the variant adds."""
        every = self.recluster_every
        if every and iteration and iteration % every == 0:
            self._assign_to_nearest(videos.detach(), iteration)
        number = iteration // self.reuse
        if self._known is None or self._known[0] != number:
            network = self.network(number)
            drawn = self.targets.draw(self.options.real_batch, self.seed, number)
            groups = torch.repeat_interleave(torch.tensor([len(indices) for indices in drawn]))
            with torch.no_grad():
                real = self._embed(network, self.real.batch(torch.cat(drawn)))
            self._known = (number, network, real, groups, torch.cat(drawn))
        _, network, real, groups, clips = self._known
        synthetic = self._embed(network, videos)
        # Every layer's features vary as much as those of the last, so that all layers weigh the same.
        scales = [real[-1].var(0).sum().sqrt() / each.var(0).sum().sqrt() for each in real]
        real = [each * scale for each, scale in zip(real, scales, strict=True)]
        synthetic = [each * scale for each, scale in zip(synthetic, scales, strict=True)]
        count = len(self.targets.members)
        total = torch.zeros(count)
        for ours, theirs in zip(synthetic, real, strict=True):
            goal = self._goal(theirs, groups, clips, count)
            total = total + (goal - group_means(ours, self.targets.of_video, count)).square().sum(1)
            if self.moments > 1:
                total = total + (
                    self._deviation(theirs, groups, count)
                    - self._deviation(ours, self.targets.of_video, count)
                ).square().sum(1)
            if self.diversity:
                total = total - self.diversity * self._spread(ours)
        return total

    def _embed(self, network: VideoNetwork, videos: Tensor) -> list[Tensor]:
        with self.compute.autocast():
            if not self.layers:
                return [network.embed(videos).float()]
            maps = videos.permute(0, 2, 1, 3, 4).contiguous(memory_format=torch.channels_last_3d)
            found = []
            for module in network.features:  # type: ignore[union-attr, operator]
                maps = module(maps)
                if isinstance(module, torch.nn.MaxPool3d):
                    found.append(maps.flatten(1).float())
            return found

    def _goal(self, features: Tensor, groups: Tensor, drawn: Tensor, count: int) -> Tensor:
        if not self.softness:
            return group_means(features, groups, count)
        weights = self._weights[:, drawn]
        return weights @ features / weights.sum(1, keepdim=True)

    def _soft_weights(self) -> Tensor:
        """Of every clip in every target: softmax of −distance² / (softness · mean) over its class's."""
        weights = torch.zeros(len(self.targets.members), len(self.real))
        for label in range(len(self.real.classes)):
            clips = self.real.indices_of(label)
            points = pooled_pixels(self.real, clips)
            own = self.targets.of_video[self._labels == label]
            centres = torch.stack(
                [pooled_pixels(self.real, self.targets.members[int(t)]).mean(0) for t in own]
            )
            distance = torch.cdist(centres, points).square()
            weights[own[:, None], clips] = (-distance / (self.softness * distance.mean())).softmax(0)
        return weights

    def _deviation(self, features: Tensor, groups: Tensor, count: int) -> Tensor:
        centred = features - group_means(features, groups, count)[groups]
        return (group_means(centred.square(), groups, count) + 1e-6).sqrt()

    def _spread(self, features: Tensor) -> Tensor:
        """The mean squared distance of a class's videos from their mean, for each target."""
        centred = features - group_means(features, self._labels, len(self.real.classes))[self._labels]
        of_class = group_means(centred.square().sum(1, keepdim=True), self._labels, len(self.real.classes))[
            :, 0
        ]
        return of_class[: len(self.targets.members)]

    def _assign_to_nearest(self, videos: Tensor, iteration: int) -> None:
        """Give every clip to the video of its class that is nearest in the features of a random network."""
        network = super().network(-100 - iteration)
        members = []
        with torch.no_grad(), self.compute.autocast():
            ours = network.embed(videos).float()
            for label in range(len(self.real.classes)):
                clips = self.real.indices_of(label)
                own = (self._labels == label).nonzero().flatten()
                distance = torch.cdist(network.embed(self.real.batch(clips)).float(), ours[own])
                part = distance.argmin(1)
                for number in range(len(own)):
                    if not bool((part == number).any()):
                        shared = part.bincount(minlength=len(own))[part] > 1
                        part[distance[:, number].where(shared, torch.inf).argmin()] = number
                members += [clips[part == number] for number in range(len(own))]
        self.targets = Targets(tuple(members), self.targets.of_video)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A variant: options, what its matcher changes, and whether videos count by the size of their cluster."""

    options: CondenseOptions = BASE
    changes: dict[str, Any] = field(default_factory=dict)
    weighted: bool = False
    medoids: bool = False


TRIALS: dict[str, Trial] = {
    "class": Trial(options=class_means()),
    "cluster": Trial(),
    "random-partition": Trial(changes={"partition": at_random}),
    "cluster-by-features": Trial(changes={"partition": by_features}),
    "cluster-by-middle-frame": Trial(changes={"partition": by_middle_frame}),
    "cluster-by-source": Trial(changes={"partition": by_source}),
    "cluster-soft": Trial(changes={"softness": 0.1}),
    "cluster-reassigned": Trial(changes={"recluster_every": 30}),
    "cluster-weighted": Trial(weighted=True),
    "class-diversity-0.3": Trial(options=class_means(), changes={"diversity": 0.3}),
    "class-diversity-1": Trial(options=class_means(), changes={"diversity": 1.0}),
    "class-second-moment": Trial(options=class_means(), changes={"moments": 2}),
    "cluster-layers": Trial(changes={"layers": True}),
    "cluster-trained-networks": Trial(changes={"trained_steps": 10}),
    "cluster-real-lr-1": Trial(options=replace(BASE, init="real", lr=1.0)),
    "class-real-lr-1": Trial(options=class_means(init="real", lr=1.0)),
    "class-300-iterations": Trial(options=class_means(iterations=300)),
    "cluster-75-iterations": Trial(options=replace(BASE, iterations=75)),
    "cluster-300-iterations": Trial(options=replace(BASE, iterations=300)),
    "cluster-batch-2": Trial(options=replace(BASE, match=replace(BASE.match, real_batch=2))),
    "cluster-reuse-3": Trial(changes={"reuse": 3}),
    "cluster-lr-3": Trial(options=replace(BASE, lr=3.0)),
    "cluster-lr-30": Trial(options=replace(BASE, lr=30.0)),
    "cluster-scale-0.3": Trial(options=replace(BASE, init_scale=0.3)),
}


def measure(data: ClipDataset, name: str, fold: int, compute: Compute) -> dict[str, Any]:
    """Condense without a fold, judge on it."""
    split = training_folds(data, FOLDS)[fold]
    real, trial = data.subset(split.kept), TRIALS[name]
    options = replace(trial.options, seed=fold)
    condenser = Condenser(real, options, compute)
    labels = condenser.videos.labels
    matcher = Variant(real, labels, options.match, seed=fold, compute=compute)
    for key, value in trial.changes.items():
        setattr(matcher, key, value)
    matcher.prepare(labels)
    condenser.parts = replace(condenser.parts, matcher=matcher)
    losses = [condenser.step()[-1]["loss"] for _ in range(options.iterations)]
    with torch.no_grad():
        videos = condenser.videos.render()
    order = torch.arange(len(labels))
    if trial.weighted:
        sizes = torch.tensor([len(matcher.targets.members[int(t)]) for t in matcher.targets.of_video])
        order = order.repeat_interleave(sizes)
    made = Rendered(videos[order], labels[order], real)
    judge = replace(JUDGE, seed=rng.derive_seed(0, "set", fold))
    found = evaluate(made, data.subset(split.held_out), judge, compute=compute)
    sizes = [len(clips) for clips in matcher.targets.members]
    network = matcher.network(-1)
    with torch.no_grad(), compute.autocast():
        features = network.embed(videos).float()
    centred = features - group_means(features, labels, len(real.classes))[labels]
    return {
        "variant": name,
        "fold": fold,
        "options": as_json(options),
        "losses": [losses[0], losses[len(losses) // 2], losses[-1]],
        "target_sizes": sizes,
        "spread": float(centred.square().sum(1).mean() / features.square().sum(1).mean()),
        "evaluation": as_dict(found),
    }


def summary(cells: dict[str, dict[int, dict[str, Any]]]) -> dict[str, Any]:
    """Accuracy of each variant over folds, and its difference to the cluster targets on the same folds."""
    rows = {}
    base = {fold: _accuracy(found) for fold, found in cells.get(BASELINE, {}).items()}
    for name, by_fold in cells.items():
        own = {fold: _accuracy(found) for fold, found in sorted(by_fold.items())}
        rows[name] = {
            "folds": list(own),
            "accuracies": list(own.values()),
            **over_repeats(own, None if name == BASELINE else base),
            "spread": mean([found["spread"] for found in by_fold.values()]),
        }
    return rows


def _accuracy(found: dict[str, Any]) -> float | None:
    value: float | None = found["evaluation"]["summary"]["accuracy"]
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=TRIALS, default=list(TRIALS), metavar="VARIANT")
    parser.add_argument("--folds", type=int, nargs="+", default=range(FOLDS))
    chosen = parser.parse_args()
    data = load_data(ucf101_5(), DataOptions(layout="ucf101", fold=1), CLIP).train
    compute = choose_compute()
    work = {
        f"{name} {fold}": partial(measure, data, name, fold, compute)
        for fold in chosen.folds
        for name in chosen.only
    }
    compute_cells(NAME, work)
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for name in TRIALS:
        for fold in range(FOLDS):
            known = cell(NAME, f"{name} {fold}", None)
            if known is not None:
                found.setdefault(name, {})[fold] = known
    rows = summary(found)
    for name, row in rows.items():
        print(f"{name:28} {100 * row['accuracy']:.1f} over folds {row['folds']}")
    publish(NAME, {"settings": __doc__, "rows": rows})


if __name__ == "__main__":
    main()
