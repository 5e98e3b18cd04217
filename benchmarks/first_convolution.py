"""What the fast gradient of ConvNet3D's first convolution is worth: a pass with it against one without.

ConvNet3D with frozen weights embeds synthetic videos and goes back to their pixels, as distribution matching
does in every iteration; and the gradient of that convolution alone. Both ways take turns in one process on
one core, each first in half of the turns; times are medians, a ratio above 1 is a gain.

    OMP_NUM_THREADS=1 python benchmarks/first_convolution.py   # two minutes
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from cells import publish
from compile import gradient

from vidcondense.compute import Compute, has_bfloat16
from vidcondense.models.first_convolution import FirstConvolution
from vidcondense.models.random import random_network

NAME = "first_convolution"
SHAPES = (("convnet3d-16", 8, 48), ("convnet3d-16", 8, 64), ("convnet3d", 8, 64), ("convnet3d", 16, 112))
VIDEOS = 5
TURNS = 30


class Turns:
    """The seconds of one piece of work, done the plain and the fast way."""

    def __init__(self) -> None:
        self.seconds: dict[bool, list[float]] = {False: [], True: []}
        self.results: dict[bool, Any] = {}

    def take(self, fast: bool, work: Callable[[], Any]) -> None:
        start = time.perf_counter()
        self.results[fast] = work()
        self.seconds[fast].append(time.perf_counter() - start)

    def medians(self) -> dict[str, float]:
        plain, fast = (statistics.median(self.seconds[way][1:]) for way in (False, True))  # not the first
        return {"plain": plain, "fast": fast, "ratio": plain / fast}


def row_of(model: str, num_frames: int, size: int, compute: Compute) -> dict[str, Any]:
    shape = (num_frames, 3, size, size)
    network = random_network(model, shape, 5, seed=0, number=0, compute=compute).requires_grad_(False)
    (first,) = (module for module in network.modules() if isinstance(module, FirstConvolution))
    videos = torch.randn(VIDEOS, *shape, generator=torch.Generator().manual_seed(0))
    ordered = videos.transpose(1, 2).contiguous(memory_format=torch.channels_last_3d).requires_grad_()
    layer, whole = Turns(), Turns()
    for turn in range(TURNS + 1):
        for fast in (True, False) if turn % 2 else (False, True):
            first.fast = fast
            whole.take(fast, lambda: gradient(network.embed, videos, compute))
            with compute.autocast():
                maps = first(ordered)
            layer.take(fast, partial(torch.autograd.grad, maps, ordered, torch.ones_like(maps)))
    found = whole.results
    return {
        "model": model,
        "shape": [num_frames, size, size],
        "precision": compute.precision,
        "pass": whole.medians(),
        "gradient": layer.medians(),
        "relative_difference": float((found[True] - found[False]).norm() / found[False].norm()),
    }


def main() -> None:
    device = torch.device("cpu")
    rows = []
    for precision in ("float32", "bfloat16") if has_bfloat16(device) else ("float32",):
        for shape in SHAPES:
            rows.append(row_of(*shape, Compute(device, precision)))
            print(rows[-1], flush=True)
    publish(NAME, {"settings": __doc__, "videos": VIDEOS, "turns": TURNS, "rows": rows})


if __name__ == "__main__":
    main()
