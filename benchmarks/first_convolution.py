"""What the fast gradient of ConvNet3D's first convolution is worth: a pass with it against one without.

ConvNet3D with frozen weights embeds synthetic videos and goes back to their pixels, as distribution matching
does in every iteration. Both ways take turns in one process on one core, of whose time the medians are; a
ratio above 1 is a gain.

    OMP_NUM_THREADS=1 python benchmarks/first_convolution.py   # two minutes
"""

from __future__ import annotations

import statistics
import time
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
TURNS = 15


def row_of(model: str, num_frames: int, size: int, compute: Compute) -> dict[str, Any]:
    shape = (num_frames, 3, size, size)
    network = random_network(model, shape, 5, seed=0, number=0, compute=compute).requires_grad_(False)
    (first,) = (module for module in network.modules() if isinstance(module, FirstConvolution))
    videos = torch.randn(VIDEOS, *shape, generator=torch.Generator().manual_seed(0))
    times: dict[bool, list[float]] = {False: [], True: []}
    found = {}
    for turn in range(TURNS + 1):
        for fast in times:
            first.fast = fast
            start = time.perf_counter()
            found[fast] = gradient(network.embed, videos, compute)
            if turn:  # the first is not on the clock
                times[fast].append(time.perf_counter() - start)
    plain, fast_ = (statistics.median(times[fast]) for fast in times)
    return {
        "model": model,
        "shape": [num_frames, size, size],
        "precision": compute.precision,
        "seconds_plain": plain,
        "seconds_fast": fast_,
        "ratio": plain / fast_,
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
