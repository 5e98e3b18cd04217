"""What do two processes of one thread gain over one of two?

Distribution matching, which ranks share without waiting for each other, and gradient matching, where they
sum gradients. Both ways use the same cores, in turns, so that a busy machine is busy for both. The clips
are random pixels: time does not depend on what is in them. The efficiency is the seconds of one process
over those of two, the median of the turns: 0.9 would lose a tenth.

    python benchmarks/ranks.py            # some minutes on two cores
    python benchmarks/ranks.py --quick    # only whether it runs
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

import torch
from cells import publish
from torch import Tensor

from vidcondense.compute import choose_compute
from vidcondense.condenser import Condenser
from vidcondense.distributed import join_ranks
from vidcondense.matching.options import MatchOptions
from vidcondense.settings import CondenseOptions

CASES = {
    "prism": CondenseOptions(vpc=1, match=MatchOptions(real_batch=16)),
    "dsa": CondenseOptions(method="dsa", vpc=1, match=MatchOptions(real_batch=16)),
}


class NoiseClips:
    """Random real clips of 8 frames of 64×64."""

    shape = (8, 3, 64, 64)
    flip = True

    def __init__(self, num_classes: int, per_class: int) -> None:
        self.classes = tuple(f"class {label}" for label in range(num_classes))
        self.labels = torch.arange(num_classes).repeat_interleave(per_class)
        self.mean, self.std = torch.zeros(3), torch.ones(3)
        self._pixels = torch.randn(per_class, *self.shape, generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        return len(self.labels)

    def indices_of(self, label: int) -> Tensor:
        return (self.labels == label).nonzero().flatten()

    def batch(self, indices: Sequence[int] | Tensor) -> Tensor:
        return self._pixels[torch.as_tensor(indices) % len(self._pixels)]


def work(case: str, classes: int, iterations: int) -> None:
    """As one rank: print the seconds of an iteration, the first aside."""
    clips, compute = NoiseClips(classes, 32), choose_compute("cpu")
    with join_ranks() as ranks:
        condenser = Condenser(clips, CASES[case], compute, ranks)
        condenser.step()
        ranks.wait()
        start = time.perf_counter()
        for _ in range(iterations):
            condenser.step()
        ranks.wait()
        if ranks.first:
            print(json.dumps((time.perf_counter() - start) / iterations))


def seconds(case: str, processes: int, classes: int, iterations: int) -> float:
    """Seconds of an iteration, with one thread of each of two processes, or two of one."""
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command += [__file__, "--work", case, "--classes", str(classes), "--iterations", str(iterations)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(2 // processes)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def measure(case: str, classes: int, iterations: int, turns: int) -> dict[str, object]:
    """Both ways in turn; the efficiency is the ratio of their iterations per second."""
    pairs = [[seconds(case, processes, classes, iterations) for processes in (1, 2)] for _ in range(turns)]
    ratios = [one / two for one, two in pairs]
    return {
        "case": case,
        "classes": classes,
        "iterations": iterations,
        "seconds_one_process_two_threads": [one for one, _ in pairs],
        "seconds_two_processes_one_thread": [two for _, two in pairs],
        "efficiency": statistics.median(ratios),
        "efficiency_of_turns": ratios,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.work, arguments.classes, arguments.iterations)
        return
    if arguments.quick:
        for case in CASES:
            print(json.dumps(measure(case, classes=2, iterations=1, turns=1)))
        return
    found = [measure(case, arguments.classes, arguments.iterations, arguments.turns) for case in CASES]
    publish("ranks", {"settings": __doc__, "rows": found})


if __name__ == "__main__":
    main()
