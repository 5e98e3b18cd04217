"""How much sooner is a set as good as that of the published loop?

ucf101-5, 8 frames at stride 8, 64×64, one video per class; ConvNet3D at a quarter of its width. The published
loop (`published.py`) has 200 iterations and sees 64 real clips a class in each, which are all of them; so
does `condense` with "64 clips" (`--real-batch 64`). Others of 200 iterations see 8 or 16; "two key frames"
are those without insertion (`--insertion none`). Those of 400 iterations, warm-up and cool-down in
proportion, were added when 8 clips had not come to the goal in 200: with 8 clips, and with 4, which have
become the default since. Every seed holds out one of four folds of the *training* clips, in whole source
groups; at checkpoints the clock of the condensation stops, and a network is trained on the set so far (200
steps at learning rate 0.01) and tested on the fold held out. The goal is the published loop's accuracy after
its last iteration, the median over seeds; the time to it is the median clock at the first checkpoint whose
median accuracy is that or more. Seconds are those of the processor, on one thread.

Also the time of an iteration, the mean over five of each: of that network, on random clips in miniUCF's shape
(50 classes, 16 frames of 112×112), for only time is asked; and of the whole ConvNet3D on ucf101-5.

    OMP_NUM_THREADS=1 python benchmarks/published_loop.py  # five hours on one core; goes on
    python benchmarks/published_loop.py --seeds 0 --only "8 clips"
    python benchmarks/published_loop.py --smoke            # seconds, on generated clips, publishes nothing
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import mean, median
from typing import Any

import torch
from cells import RUNS, cell, compute_cells, publish, ucf101_5
from published import PublishedLoop
from shapes import MINI_UCF, MINI_UCF_CLASSES, MINI_UCF_PER_CLASS, random_clips

from vidcondense import rng
from vidcondense.compute import choose_compute
from vidcondense.condenser import Condenser
from vidcondense.evaluation import EvaluateOptions, evaluate
from vidcondense.insertion.options import InsertionOptions
from vidcondense.interfaces import Labels, RealClips
from vidcondense.matching.options import MatchOptions
from vidcondense.options import as_json
from vidcondense.selection.best import Rendered
from vidcondense.settings import CondenseOptions
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.folds import training_folds
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions

NAME = "published_loop"
SEEDS = range(5)
FOLDS = 4
CLIP = ClipOptions(num_frames=8, stride=8, size=64)
MODEL = "convnet3d-16"
PAPER = CondenseOptions(iterations=200, match=MatchOptions(model=MODEL, real_batch=64))
WITHOUT = InsertionOptions(insertion="none")


def of_clips(count: int) -> CondenseOptions:
    """The same number of iterations as the published loop, with so many real clips a class in each."""
    return replace(PAPER, match=replace(PAPER.match, real_batch=count))


LOOPS = {
    "published": PAPER,
    "64 clips": PAPER,
    "8 clips": of_clips(8),
    "8 clips, 400 iterations": replace(of_clips(8), iterations=400),
    "4 clips, 400 iterations": replace(of_clips(4), iterations=400),
    "two key frames, 8 clips": replace(of_clips(8), insert=WITHOUT),
    "two key frames, 16 clips": replace(of_clips(16), insert=WITHOUT),
}
CHECKPOINTS = {200: (10, 20, 30, *range(40, 201, 20)), 400: range(40, 401, 40)}
"""By the iterations of a loop. To judge at one takes longer than to condense to the next."""
JUDGE = EvaluateOptions(model=MODEL, repeats=1, steps=200, lr=0.01, augment=False)
TIMED = 5


@dataclass(frozen=True)
class Running:
    """A condensation that can be stepped.

    Attributes:
        step: does one iteration.
        render: the videos so far, in network units.
        labels: of the videos.
    """

    step: Callable[[], object]
    render: Callable[[], torch.Tensor]
    labels: Labels


def start(name: str, real: RealClips, options: CondenseOptions) -> Running:
    """The published loop, or our own."""
    if name == "published":
        loop = PublishedLoop(real, options, choose_compute().device)
        return Running(loop.step, loop.videos.render, loop.videos.labels)
    condenser = Condenser(real, options, choose_compute())
    return Running(
        condenser.step, lambda: condenser.videos.render(condenser.iteration), condenser.videos.labels
    )


def curve(
    data: ClipDataset, name: str, seed: int, checkpoints: Sequence[int], judge: EvaluateOptions = JUDGE
) -> dict[str, Any]:
    """Condense for as long as the last checkpoint, and judge at each; the clock runs in iterations only."""
    split = training_folds(data, FOLDS)[seed % FOLDS]
    real, test, compute = data.subset(split.kept), data.subset(split.held_out), choose_compute()
    options = replace(LOOPS[name], iterations=checkpoints[-1], seed=seed)
    running, seconds, points = start(name, real, options), 0.0, []
    for iteration in range(1, checkpoints[-1] + 1):
        with clock() as passed:
            running.step()
        seconds += passed[0]
        if iteration in checkpoints:
            own = replace(judge, seed=rng.derive_seed(seed, "judge"))
            found = evaluate(
                Rendered(running.render(), running.labels, real), test, own, compute=compute
            ).repeats[0]
            points.append({"iteration": iteration, "condensed": seconds, "accuracy": found.accuracy})
    return {"loop": name, "seed": seed, "options": as_json(options), "points": points}


@contextlib.contextmanager
def clock() -> Iterator[list[float]]:
    """Gives a list that holds, once the context has ended, the seconds that it took.

    Without a GPU those of the processor in this process, which other processes do not make longer.
    """
    found: list[float] = []
    seconds = time.perf_counter if torch.cuda.is_available() else time.process_time
    start = seconds()
    yield found
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    found.append(seconds() - start)


def iteration_time(
    real: ClipDataset, name: str, options: CondenseOptions, timed: int = TIMED
) -> dict[str, Any]:
    """Seconds of each of some iterations, after one that warms up."""
    running, times = start(name, real, options), []
    running.step()
    for _ in range(timed):
        with clock() as passed:
            running.step()
        times += passed
    return {"loop": name, "times": times, "options": as_json(options), "classes": len(real.classes)}


def summary(curves: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The median curve of each loop, and the time of each to the published loop's last median accuracy."""
    medians = {name: _median_curve(own) for name, own in curves.items() if own}
    if "published" not in medians:
        return {"curves": medians}
    goal = medians["published"][-1]["accuracy"]
    times = {
        name: next((point["condensed"] for point in points if point["accuracy"] >= goal), None)
        for name, points in medians.items()
    }
    return {
        "curves": medians,
        "seeds": {name: [each["seed"] for each in own] for name, own in curves.items()},
        "goal": goal,
        "seconds_to_goal": times,
        "speedup": {name: times["published"] / own if own else None for name, own in times.items()},
    }


def _median_curve(curves: list[dict[str, Any]]) -> list[dict[str, float]]:
    """The medians at the checkpoints that all curves have."""
    points = [{point["iteration"]: point for point in each["points"]} for each in curves]
    shared = sorted(set(points[0]).intersection(*points))
    columns = [[own[iteration] for own in points] for iteration in shared]
    return [
        {
            "iteration": column[0]["iteration"],
            "condensed": median(point["condensed"] for point in column),
            # A network that diverged has learned nothing.
            "accuracy": median(point["accuracy"] or 0.0 for point in column),
        }
        for column in columns
    ]


def smoke() -> None:
    """Every function once, on tiny generated clips."""
    clip = ClipOptions(num_frames=8, size=44)
    data = random_clips(RUNS / NAME, num_classes=2, per_class=8, clip=clip)
    judge = replace(JUDGE, steps=2)
    curves = {name: [curve(data, name, 0, (1, 2), judge)] for name in LOOPS}
    options = of_clips(2)
    times = {name: iteration_time(data, name, options, 2)["times"] for name in LOOPS}
    print({**summary(curves), "times": times})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="seeds (0 to 4)")
    parser.add_argument("--only", choices=LOOPS, nargs="+", default=list(LOOPS), help="loops")
    parser.add_argument("--smoke", action="store_true", help="only try that it runs")
    chosen = parser.parse_args()
    if chosen.smoke:
        smoke()
        return
    data = load_data(ucf101_5(), DataOptions(layout="ucf101", fold=1), CLIP).train
    shaped = random_clips(
        RUNS / NAME, num_classes=MINI_UCF_CLASSES, per_class=MINI_UCF_PER_CLASS, clip=MINI_UCF
    )
    work: dict[str, Callable[[], dict[str, Any]]] = {}
    for name in chosen.only:
        narrow = LOOPS[name]
        whole = replace(narrow, match=replace(narrow.match, model="convnet3d"))
        work[f"{name} whole"] = partial(iteration_time, data, name, whole)
        work[f"{name} miniUCF"] = partial(iteration_time, shaped, name, narrow)
    for seed in chosen.seeds:
        work |= {
            f"{name} {seed}": partial(curve, data, name, seed, CHECKPOINTS[LOOPS[name].iterations])
            for name in chosen.only
        }
    compute_cells(NAME, work)
    done = [[cell(NAME, f"{name} {seed}", None) for name in LOOPS] for seed in SEEDS]
    complete = [found for found in done if all(found)]  # the loops are compared on the same seeds
    curves = {name: [found[at] for found in complete] for at, name in enumerate(LOOPS)}
    timed = {
        key: {name: mean(found["times"]) for name in LOOPS if (found := cell(NAME, f"{name} {key}", None))}
        for key in ("whole", "miniUCF")
    }
    if complete:
        publish(NAME, {"settings": __doc__, "rows": {**summary(curves), "seconds_an_iteration": timed}})


if __name__ == "__main__":
    main()
