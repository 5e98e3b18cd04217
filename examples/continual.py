"""Continual learning: classes arrive in tasks, and what was learned before is replayed from a small memory.

After each task its clips are gone; a memory of them stays: a condensed set, or real clips of as many bytes.
In a task a network trains on its real clips and the memory, every class weighing about the same. Told is the
accuracy on all classes at the end, and that on the classes of the first task alone.

    python examples/continual.py
    python examples/continual.py --data path/to/videos --stride 4 --tasks 3
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import common
from common import Joined, Part

import vidcondense as vc

WAYS = ("no replay", "real replay, equal bytes", "condensed replay", "all clips replayed")


def memory_of(
    task: Part, folder: Path, arguments: argparse.Namespace, seed: int
) -> dict[str, vc.CondensedDataset]:
    """What is kept of a task, by the way of replay."""
    made = common.condense(task, folder / "condensed", arguments, seed)
    real = common.real_at(made.bytes, task, folder / "real", arguments, seed)
    return {"condensed replay": made, "real replay, equal bytes": real}


def replayed(memory: vc.CondensedDataset, classes: Sequence[str], per_class: int) -> Part:
    """A memory, its clips repeated until its classes weigh as much as new ones."""
    return Part(memory, classes, times=max(1, round(per_class / memory.vpc)))


def learn_tasks(
    way: str,
    data: vc.RealData,
    tasks: Sequence[Sequence[str]],
    memories: Sequence[dict[str, vc.CondensedDataset]],
    arguments: argparse.Namespace,
    seed: int,
) -> tuple[float, float]:
    """Train on one task after the other; the accuracies on all classes and on those of the first task."""
    network = common.new_network(data.train, arguments, seed)
    classes = data.train.classes
    for number, task in enumerate(tasks):
        new = _globally(data, task)
        if way == "no replay":
            old = []
        elif way == "all clips replayed":
            old = [_globally(data, past) for past in tasks[:number]]
        else:
            per_class = len(new) // len(task)
            old = [replayed(memory[way], classes, per_class) for memory in memories[:number]]
        common.learn(network, Joined(new, *old), arguments, seed)
    return common.accuracy(network, data.test), common.accuracy(network, data.test, tasks[0])


def _globally(data: vc.RealData, task: Sequence[str]) -> Part:
    """The real clips of a task, labelled among all classes."""
    own = Part(data.train, task)
    return Part(own, data.train.classes)


def main() -> None:
    """Every way of replay, with the same tasks and networks."""
    given = common.parser("continual", __doc__)
    given.add_argument("--tasks", type=int, default=2)
    arguments = given.parse_args()
    data = common.load(arguments)
    classes = data.train.classes
    if not 2 <= arguments.tasks <= len(classes):
        raise SystemExit(f"--tasks {arguments.tasks}: there are {len(classes)} classes")
    tasks = [classes[first :: arguments.tasks] for first in range(arguments.tasks)]
    rows: common.Rows = {way: {"all classes": [], "first task": []} for way in WAYS}
    for seed in range(arguments.seeds):
        folders = [arguments.out / f"task-{number}-{seed}" for number in range(len(tasks) - 1)]
        memories = [
            memory_of(Part(data.train, task), folder, arguments, seed)
            for task, folder in zip(tasks[:-1], folders, strict=True)
        ]
        for way in WAYS:
            everything, first = learn_tasks(way, data, tasks, memories, arguments, seed)
            rows[way]["all classes"].append(everything)
            rows[way]["first task"].append(first)
            if way in memories[0]:
                kept = rows[way].setdefault("bytes", [])
                kept.append(float(sum(memory[way].bytes for memory in memories)))
    common.finish("continual", __doc__, rows, arguments)


if __name__ == "__main__":
    main()
