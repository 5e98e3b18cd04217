"""The memory of one iteration of trajectory matching, at the size of the papers.

Five classes, VPC 5, 16×112×112, ConvNet3D: all 25 videos in every step of the student. Clips are random
pixels and the expert is two random networks, a tenth of the way from one to the other: memory does not depend
on what they show. `adjoint` is a whole iteration of the condensation; `naive` is the gradient alone, by
autograd through the graph of all steps, in a process that may have 12 GiB. Each row is the largest resident
size of a process of its own, torch included, and its seconds of processor time on one thread. `/proc` is
needed, so Linux.

    OMP_NUM_THREADS=1 python benchmarks/mtt_memory.py
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from cells import cell, publish
from torch import Tensor

from vidcondense.compute import choose_compute
from vidcondense.condenser import Condenser
from vidcondense.interfaces import Labels, Videos
from vidcondense.matching.options import MatchOptions, TrajectoryOptions
from vidcondense.matching.trajectory import TrajectoryMatcher
from vidcondense.matching.unroll import squared_distance
from vidcondense.models import build_network
from vidcondense.settings import CondenseOptions
from vidcondense.training.experts import clips_of_classes
from vidcondense.training.trajectories import ExpertRecord, expert_path, save_expert

NAME = "mtt_memory"
CAP_GIB = 12
CLASSES, VPC = 5, 5
ROWS = (
    ("adjoint", 1),
    ("adjoint", 3),
    ("adjoint", 10),
    ("naive", 1),
    ("naive", 3),
)


class RandomClips:
    """As many clips of random pixels as there will be synthetic videos."""

    def __init__(self) -> None:
        self.classes = tuple(f"class {label}" for label in range(CLASSES))
        self.labels: Labels = torch.arange(CLASSES).repeat_interleave(VPC)
        self.shape = (16, 3, 112, 112)
        self.flip = False
        self.mean, self.std = torch.full((3,), 0.5), torch.full((3,), 0.25)

    def __len__(self) -> int:
        return len(self.labels)

    def indices_of(self, label: int) -> Labels:
        return (self.labels == label).nonzero().flatten()

    def batch(self, indices: Sequence[int] | Tensor) -> Videos:
        return torch.randn(len(indices), *self.shape, generator=torch.Generator().manual_seed(0))


def make_expert(folder: Path, clips: RandomClips) -> None:
    """A network, and one that lies a tenth of the way to another."""
    one, other = (
        dict(build_network("convnet3d", CLASSES, 16, 112, seed, choose_compute("cpu")).named_parameters())
        for seed in (0, 1)
    )
    trajectory = {
        name: torch.stack([weight, torch.lerp(weight, other[name], 0.1)]).detach().contiguous()
        for name, weight in one.items()
    }
    record = ExpertRecord(
        model="convnet3d",
        classes=clips.classes,
        shape=clips.shape,
        mean=tuple(clips.mean.tolist()),
        std=tuple(clips.std.tolist()),
        clips=clips_of_classes(clips),
        options={},
        data={},
        expert=0,
        losses=(0.0,),
        versions={},
    )
    save_expert(expert_path(folder, 0), trajectory, record)


def naive(videos: Videos, matcher: TrajectoryMatcher) -> Tensor:
    """The loss, after autograd went back through the whole training of the student."""
    batches = matcher.batches(len(videos), 0)
    loss_of = matcher.loss_of(batches, 0)
    start, target = (matcher.weights(0, epoch) for epoch in (0, 1))
    videos = videos.requires_grad_()
    step_size = matcher.log_step_size.exp()
    weights = [each.requires_grad_() for each in start]
    for step, batch in enumerate(batches):
        losses = [loss_of(videos[part], weights, step, number) for number, part in enumerate(batch)]
        gradients = torch.autograd.grad(torch.stack(losses).sum(), weights, create_graph=True)
        weights = [each - step_size * gradient for each, gradient in zip(weights, gradients, strict=True)]
    loss = squared_distance(weights, target) / squared_distance(start, target)
    torch.autograd.grad(loss, [videos, matcher.log_step_size])
    return loss.detach()


def measure(way: str, steps: int) -> dict[str, Any]:
    """One iteration, in this process."""
    clips, compute = RandomClips(), choose_compute("cpu")
    with tempfile.TemporaryDirectory() as folder:
        make_expert(Path(folder), clips)
        follow = TrajectoryOptions(
            experts=Path(folder), max_start_epoch=0, expert_epochs=1, synthetic_steps=steps
        )
        match = MatchOptions(trajectory=follow)
        condenser = Condenser(clips, CondenseOptions(method="mtt", vpc=VPC, match=match), compute)
        before, start = _peak_mib(), time.process_time()
        if way == "naive":
            resource.setrlimit(resource.RLIMIT_DATA, (CAP_GIB * 2**30, CAP_GIB * 2**30))
            assert isinstance(condenser.parts.matcher, TrajectoryMatcher)
            loss = float(naive(condenser.videos.render(0).detach(), condenser.parts.matcher))
        else:
            loss = condenser.step()[-1]["loss"]
        seconds = time.process_time() - start
    return {
        "mib_at_start": before,
        "mib_peak": _peak_mib(),
        "cpu_seconds": round(seconds, 1),
        "loss": loss,
    }


def _peak_mib() -> float:
    # getrusage would count what the parent had when it started this process.
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    return round(int(line.split()[1]) / 1024, 1)


def row_of(way: str, steps: int) -> dict[str, Any]:
    """Measure in a fresh process; without numbers where its memory was refused."""
    command = [sys.executable, __file__, "--measure", way, str(steps)]
    done = subprocess.run(command, capture_output=True, text=True)
    row = {"way": way, "steps": steps, "cap_gib": CAP_GIB}
    if done.returncode == 0:
        return {**row, **json.loads(done.stdout)}
    if "can't allocate memory" not in done.stderr and "MemoryError" not in done.stderr:
        raise SystemExit(done.stderr)
    return {**row, "mib_at_start": None, "mib_peak": None, "cpu_seconds": None, "loss": None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        way, steps = arguments.measure
        print(json.dumps(measure(way, int(steps))))
        return
    rows = []
    for way, steps in ROWS:
        row = cell(NAME, f"{way} {steps}", lambda way=way, steps=steps: row_of(way, steps))
        rows.append(row)
        print(row, flush=True)
    publish(NAME, {"settings": __doc__, "precision": choose_compute("cpu").precision, "rows": rows})


if __name__ == "__main__":
    main()
