"""What `torch.compile` does for distribution matching: eager against compiled, and what compiling costs.

ConvNet3D embeds synthetic videos and goes back to their pixels, with a network of new weights every time:
eager the network itself, compiled its weights copied into the one network that was compiled. Both take turns
in one process, of whose time the medians are; a ratio above 1 is a gain. What compiling takes is the first
compiled pass, less a later one. bfloat16 where the device has instructions for it. On a GPU also with CUDA
graphs (`mode="reduce-overhead"`), where the first passes are those until the graphs are recorded.

    OMP_NUM_THREADS=1 python benchmarks/compile.py  # a few minutes; needs a C++ compiler
"""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import Any

import torch
from cells import publish
from torch import Tensor

from vidcondense.compute import Compute, choose_compute, has_bfloat16
from vidcondense.models import VideoNetwork
from vidcondense.models.random import random_network

NAME = "compile"
MODEL = "convnet3d"
SHAPES = ((8, 64), (16, 112))
VIDEOS = 2
CLASSES = 5
SECONDS = 30.0
"""To measure each row for, after compiling."""

LEAST = 3
"""Passes each, however long they take."""

FIRST = {"compiled": 1, "graphs": 3}
"""Passes until all is compiled; a graph is recorded in the second, and played from the third on."""


def network_of(number: int, num_frames: int, size: int, compute: Compute) -> VideoNetwork:
    shape = (num_frames, 3, size, size)
    made = random_network(MODEL, shape, CLASSES, seed=0, number=number, compute=compute)
    return made.requires_grad_(False)


def gradient(embed: Any, videos: Tensor, compute: Compute) -> Tensor:  # noqa: ANN401 - compiled or not
    videos = videos.detach().requires_grad_()
    with compute.autocast():
        features = embed(videos)
    (found,) = torch.autograd.grad(features.float().square().sum(), [videos])
    return found


def clocked(work: Any, compute: Compute) -> float:  # noqa: ANN401 - called without arguments
    if compute.device.type == "cuda":
        torch.cuda.synchronize(compute.device)
    start = time.perf_counter()
    work()
    if compute.device.type == "cuda":
        torch.cuda.synchronize(compute.device)
    return time.perf_counter() - start


def compiled_ways(network: VideoNetwork, compute: Compute) -> dict[str, Any]:
    """The network compiled, by way; CUDA graphs on a GPU only."""
    ways = {"compiled": torch.compile(network.embed)}
    if compute.device.type == "cuda":
        ways["graphs"] = torch.compile(network.embed, mode="reduce-overhead")
    return ways


def row_of(num_frames: int, size: int, compute: Compute) -> dict[str, Any]:
    torch._dynamo.reset()
    fresh = [network_of(number, num_frames, size, compute) for number in (1, 2)]
    held = network_of(0, num_frames, size, compute)
    ways = compiled_ways(held, compute)
    videos = compute.move(torch.randn(VIDEOS, num_frames, 3, size, size))

    def eager(number: int) -> Tensor:
        return gradient(fresh[number % 2].embed, videos, compute)

    def copied(way: str, number: int) -> Tensor:
        for mine, new in zip(held.parameters(), fresh[number % 2].parameters(), strict=True):
            mine.copy_(new)
        if way == "graphs":
            torch.compiler.cudagraph_mark_step_begin()  # the gradient of the pass before may go
        return gradient(ways[way], videos, compute)

    firsts = {
        way: sum(clocked(partial(copied, way, number), compute) for number in range(FIRST[way]))
        for way in ways
    }
    differences = {way: float((copied(way, 1) - eager(1)).norm() / eager(1).norm()) for way in ways}
    times: dict[str, list[float]] = {"eager": [], **{way: [] for way in ways}}
    end = time.perf_counter() + SECONDS
    number = 0
    while number < LEAST or time.perf_counter() < end:
        times["eager"].append(clocked(partial(eager, number), compute))
        for way in ways:
            times[way].append(clocked(partial(copied, way, number), compute))
        number += 1
    medians = {name: statistics.median(found) for name, found in times.items()}

    def found(way: str) -> dict[str, float]:
        return {
            "seconds_compiled": medians[way],
            "ratio": medians["eager"] / medians[way],
            "seconds_compiling": firsts[way] - FIRST[way] * medians[way],
            "relative_difference": differences[way],
        }

    return {
        "shape": [num_frames, size, size],
        "precision": compute.precision,
        "seconds_eager": medians["eager"],
        **found("compiled"),
        **({"graphs": found("graphs")} if "graphs" in ways else {}),
        "passes": number,
    }


def main() -> None:
    device = choose_compute().device
    precisions = ("float32", "bfloat16") if has_bfloat16(device) else ("float32",)
    rows = []
    for precision in precisions:
        for num_frames, size in SHAPES:
            rows.append(row_of(num_frames, size, Compute(device, precision)))
            print(rows[-1], flush=True)
    publish(NAME, {"settings": __doc__, "device": device.type, "videos": VIDEOS, "rows": rows})


if __name__ == "__main__":
    main()
