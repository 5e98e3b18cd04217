"""Whose mean should a synthetic video match? Variants of the targets of distribution matching.

ucf101-5, 8 frames at stride 8, 64×64, two key frames of 16×16 learned from noise, 150 iterations, eight real
clips for each video of a class (one target's batch, or its class's; clusters that have fewer clips give
fewer: about four fifths of what a class gives). ConvNet3D at a quarter of its width condenses and judges.
Judged by grouped cross-validation on the *training* clips (four folds, in turn, one condensation seed each
or two, of which the mean counts: what is chosen here was not chosen on test clips), 200 steps at learning
rate 0.01. The best of so many variants is in part the luckiest. "±" and intervals are over folds, which share
most of their clips: they are too narrow. A difference is to cluster targets with the same seeds.

    python benchmarks/targets.py                       # all at VPC 5, 90 minutes on one core; goes on
    python benchmarks/targets.py --only cluster class random-partition class-diversity --vpc 2 10
    python benchmarks/targets.py --repeats 8           # two condensation seeds a fold, whose mean counts

Each cell is one variant with one seed and one process does one at a time; start several for more cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from cells import accuracy_text, compute_cells, known_cells, over_repeats, publish, ucf101_5
from torch import Tensor

from vidcondense import rng
from vidcondense.compute import Compute, choose_compute
from vidcondense.condenser import Condenser
from vidcondense.errors import LimitError
from vidcondense.evaluation import EvaluateOptions, as_dict, evaluate
from vidcondense.evaluation.statistics import mean
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.distribution import DistributionMatcher, group_means
from vidcondense.matching.kmeans import kmeans
from vidcondense.matching.options import MatchOptions
from vidcondense.matching.targets import TargetKind, Targets, pooled_pixels
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
MODEL = "convnet3d-16"
JUDGE = EvaluateOptions(model=MODEL, repeats=1, steps=200, lr=0.01, augment=False)
BASE = CondenseOptions(iterations=150, key_frame_size=16, insert=InsertionOptions(insertion="none"))
BASELINE = "cluster"


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
    _last: tuple[int, VideoNetwork, list[Tensor], Tensor, Tensor] | None = None

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
            options = TrainOptions(steps=self.trained_steps, lr=0.01, batch_size=16, augment=False)
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
        if self._last is None or self._last[0] != number:
            network = self.network(number)
            drawn = self.targets.draw(self.options.real_batch_of("dm"), self.seed, number)
            groups = torch.repeat_interleave(torch.tensor([len(indices) for indices in drawn]))
            with torch.no_grad():
                real = self._embed(network, self.real.batch(torch.cat(drawn)))
            self._last = (number, network, real, groups, torch.cat(drawn))
        _, network, real, groups, clips = self._last
        synthetic = self._embed(network, videos)
        # Every layer's features vary as much as those of the last, so that all layers weigh the same; terms
        # are averaged, so that a variant with several takes no larger step.
        scales = [real[-1].var(0).sum().sqrt() / each.var(0).sum().sqrt() for each in real]
        real = [each * scale for each, scale in zip(real, scales, strict=True)]
        synthetic = [each * scale for each, scale in zip(synthetic, scales, strict=True)]
        count = len(self.targets.members)
        total, terms = torch.zeros(count), len(real) * self.moments
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
        return total / terms

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
        # A clip of a large cluster is drawn more seldom: it stands for those that were not.
        stands_for = torch.tensor([len(clips) for clips in self.targets.members]) / groups.bincount()
        weights = self._weights[:, drawn] * stands_for[groups]
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
        """The mean squared distance of a class's videos from their mean, for each class."""
        count = len(self.real.classes)
        centred = features - group_means(features, self._labels, count)[self._labels]
        return group_means(centred.square().sum(1, keepdim=True), self._labels, count)[:, 0]

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
    """A variant: its options, what its matcher changes, whether videos count by the size of their cluster."""

    targets: TargetKind = "cluster"
    clips: int = 8
    """Real clips an iteration for each video of a class."""
    lr: float = 10.0
    """Learning rate of a video with a target of its own; as many times that as videos share one."""
    options: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    weighted: bool = False

    def of(self, vpc: int, seed: int) -> CondenseOptions:
        """The options of so many videos a class."""
        sharing = vpc if self.targets == "class" else 1
        match = MatchOptions(real_batch=self.clips * sharing, match_targets=self.targets, model=MODEL)
        return replace(BASE, vpc=vpc, seed=seed, lr=self.lr * sharing, match=match, **self.options)


class_means = partial(Trial, targets="class")
PRISM: dict[str, Any] = {"insert": InsertionOptions()}

TRIALS: dict[str, Trial] = {
    "cluster": Trial(),
    "class": class_means(),
    "random-partition": Trial(changes={"partition": at_random}),
    "class-diversity": class_means(changes={"diversity": 0.3}),
    "cluster-prism": Trial(options=PRISM),
    "class-prism": class_means(options=PRISM),
    "class-lr-3": class_means(lr=3.0),
    "class-lr-30": class_means(lr=30.0),
    "class-300-iterations": class_means(options={"iterations": 300}),
    "cluster-300-iterations": Trial(options={"iterations": 300}),
    "cluster-75-iterations": Trial(options={"iterations": 75}),
    "cluster-by-features": Trial(changes={"partition": by_features}),
    "cluster-by-middle-frame": Trial(changes={"partition": by_middle_frame}),
    "cluster-by-source": Trial(changes={"partition": by_source}),
    "cluster-soft": Trial(changes={"softness": 0.1}),
    "cluster-reassigned": Trial(changes={"recluster_every": 30}),
    "cluster-weighted": Trial(weighted=True),
    "class-diversity-1": class_means(changes={"diversity": 1.0}),
    "class-second-moment": class_means(changes={"moments": 2}),
    "cluster-layers": Trial(changes={"layers": True}),
    "cluster-trained-networks": Trial(changes={"trained_steps": 10}),
    "cluster-real-lr-1": Trial(lr=1.0, options={"init": "real"}),
    "class-real-lr-1": class_means(lr=1.0, options={"init": "real"}),
    "cluster-batch-2": Trial(clips=2),
    "cluster-reuse-3": Trial(changes={"reuse": 3}),
    "cluster-lr-3": Trial(lr=3.0),
    "cluster-lr-30": Trial(lr=30.0),
    "cluster-scale-0.3": Trial(options={"init_scale": 0.3}),
}


def measure(data: ClipDataset, name: str, vpc: int, repeat: int, compute: Compute) -> dict[str, Any]:
    """Condense without a fold, judge on it."""
    split = training_folds(data, FOLDS)[repeat % FOLDS]
    real, trial = data.subset(split.kept), TRIALS[name]
    options = trial.of(vpc, repeat)
    condenser = Condenser(real, options, compute)
    labels = condenser.videos.labels
    matcher = Variant(real, labels, options.match, seed=repeat, compute=compute)
    for key, value in trial.changes.items():
        setattr(matcher, key, value)
    matcher.prepare(labels)
    condenser.parts = replace(condenser.parts, matcher=matcher)
    common = {"variant": name, "vpc": vpc, "repeat": repeat, "options": as_json(options)}
    common["clips_an_iteration"] = matcher.targets.num_drawn(options.match.real_batch_of("dm"))
    try:
        losses = [condenser.step()[-1]["loss"] for _ in range(options.iterations)]
    except LimitError as error:  # a loss that is no number: the variant has no accuracy
        return {**common, "failed": str(error)}
    with torch.no_grad():
        videos = condenser.videos.render()
    order = torch.arange(len(labels))
    if trial.weighted:
        sizes = torch.tensor([len(matcher.targets.members[int(t)]) for t in matcher.targets.of_video])
        order = order.repeat_interleave(sizes)
    made = Rendered(videos[order], labels[order], real)
    judge = replace(JUDGE, seed=rng.derive_seed(0, "set", repeat))
    found = evaluate(made, data.subset(split.held_out), judge, compute=compute)
    sizes = [len(clips) for clips in matcher.targets.members]
    network = matcher.network(-1)
    with torch.no_grad(), compute.autocast():
        features = network.embed(videos).float()
    centred = features - group_means(features, labels, len(real.classes))[labels]
    return {
        **common,
        "losses": [losses[0], losses[len(losses) // 2], losses[-1]],
        "target_sizes": sizes,
        "spread": float(centred.square().sum(1).mean() / features.square().sum(1).mean()),
        "evaluation": as_dict(found),
    }


def summary(cells: dict[tuple[int, str], dict[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Accuracy of each variant over folds, and its difference to cluster targets with the same repeats."""
    rows = []
    for (vpc, name), by_repeat in cells.items():
        own = accuracies(by_repeat)
        shared = {each: found for each, found in cells.get((vpc, BASELINE), {}).items() if each in by_repeat}
        base = accuracies(shared)
        rows.append(
            {
                "variant": name,
                "vpc": vpc,
                "repeats": sorted(by_repeat),
                "accuracies": list(own.values()),
                **over_repeats(own, None if name == BASELINE else base),
                "spread": mean([found["spread"] for found in by_repeat.values() if "failed" not in found]),
            }
        )
    return rows


def accuracies(by_repeat: dict[int, dict[str, Any]]) -> dict[int, float | None]:
    """Of each fold: the mean of its repeats; None where none has an accuracy."""
    of_fold: dict[int, list[float | None]] = {}
    for repeat, found in sorted(by_repeat.items()):
        accuracy = None if "failed" in found else found["evaluation"]["summary"]["accuracy"]
        of_fold.setdefault(repeat % FOLDS, []).append(accuracy)
    return {fold: mean([each for each in own if each is not None]) for fold, own in of_fold.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=TRIALS, default=list(TRIALS), metavar="VARIANT")
    parser.add_argument("--vpc", type=int, nargs="+", default=[5])
    parser.add_argument("--repeats", type=int, default=FOLDS)
    chosen = parser.parse_args()
    data = load_data(ucf101_5(), DataOptions(layout="ucf101", fold=1), CLIP).train
    compute = choose_compute()
    work = {
        f"{name} vpc {vpc} {repeat}": partial(measure, data, name, vpc, repeat, compute)
        for repeat in range(chosen.repeats)
        for vpc in chosen.vpc
        for name in chosen.only
    }
    compute_cells(NAME, work)
    found: dict[tuple[int, str], dict[int, dict[str, Any]]] = {}
    for known in known_cells(NAME):
        found.setdefault((known["vpc"], known["variant"]), {})[known["repeat"]] = known
    rows = summary(dict(sorted(found.items(), key=lambda each: (each[0][0], list(TRIALS).index(each[0][1])))))
    for row in rows:
        print(f"{row['variant']:28} vpc {row['vpc']:2}, {accuracy_text(row)} over {len(row['repeats'])}")
    publish(NAME, {"settings": __doc__, "folds": FOLDS, "rows": rows})


if __name__ == "__main__":
    main()
