"""A whole condensation on one large GPU: miniUCF's shape, 5 000 iterations.

50 classes of 93 random clips, 16 frames of 112×112, one video per class, 64 real clips a class and iteration;
PRISM, with a new network every iteration and with a pool of 16 that are used 8 times each, in the precision
that the GPU chooses (bfloat16). The clips lie on the GPU. Fresh networks need 176 PFLOP: an hour at
50 TFLOP/s. Beside the seconds: the operations of all matrix products and convolutions, and the share of the
measured rate of a large matrix product that they come to. What bounds it, `vidcondense bench --real-batch 64`
tells part by part.

    python benchmarks/h200.py                    # needs an NVIDIA GPU; goes on where it stopped
    python benchmarks/h200.py --iterations 200   # a first look; publishes nothing
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from cells import RUNS, cell, publish
from shapes import MINI_UCF, MINI_UCF_CLASSES, MINI_UCF_PER_CLASS, random_clips

from vidcondense.compute import Compute, choose_compute
from vidcondense.condenser import Condenser
from vidcondense.matching.options import MatchOptions
from vidcondense.options import as_json
from vidcondense.settings import CondenseOptions
from vidcondense.speed.clock import finish
from vidcondense.speed.flops import clip_flops, matrix_peak
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.sampling import ClipOptions

NAME = "h200"
ITERATIONS = 5000
REAL_BATCH = 64
POOLED = MatchOptions(real_batch=REAL_BATCH, pool=16, uses=8)
VARIANTS = {"fresh": MatchOptions(real_batch=REAL_BATCH, pool=1, uses=1), "pool of 16, 8 uses": POOLED}
TINY = ClipOptions(num_frames=8, size=44)


def condensation(
    real: ClipDataset, match: MatchOptions, iterations: int, compute: Compute, peak_seconds: float = 3.0
) -> dict[str, Any]:
    """Condense, and count what was done; then measure the matrix peak for so many seconds."""
    options = CondenseOptions(iterations=iterations, match=match)
    condenser = Condenser(real, options, compute)
    videos, clips, stamps = len(condenser.videos.labels), 0, []
    finish(compute)
    start = time.perf_counter()
    while condenser.iteration < condenser.iterations:
        event = condenser.step()[-1]
        clips += event["clips"]
        if condenser.iteration % 100 == 0:
            stamps.append(round(time.perf_counter() - start, 3))
    finish(compute)
    seconds = time.perf_counter() - start
    num_frames, _, size, _ = real.shape
    each = clip_flops(match.model, num_classes=len(real.classes), num_frames=num_frames, size=size)
    real_clips = clips - iterations * videos
    flops = real_clips * each.forward + iterations * videos * each.synthetic
    dtype = torch.bfloat16 if compute.precision == "bfloat16" else torch.float32
    peak = matrix_peak(dtype, compute, peak_seconds)
    return {
        "options": as_json(options),
        "precision": compute.precision,
        "condensation_seconds": seconds,
        "seconds_after_each_hundred": stamps,
        "real_clips": real_clips,
        "synthetic_clips": iterations * videos,
        "flop": flops,
        "flops": flops / seconds,
        "matrix_peak": peak,
        "share_of_peak": flops / seconds / peak,
        "loss": event["loss"],
        "key_frames": event["key_frames"],
        "gpu_mib": torch.cuda.max_memory_allocated() / 2**20 if compute.device.type == "cuda" else None,
    }


def mini_ucf(folder: Path) -> ClipDataset:
    return random_clips(folder, num_classes=MINI_UCF_CLASSES, per_class=MINI_UCF_PER_CLASS, clip=MINI_UCF)


def smoke() -> None:
    """The same on the processor, on tiny clips in small networks."""
    real = random_clips(RUNS / NAME, num_classes=2, per_class=4, clip=TINY)
    for match in VARIANTS.values():
        small = replace(match, real_batch=2, model="convnet3d-16")
        print(condensation(real, small, 2, choose_compute("cpu", "float32"), 0.05))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--iterations", type=int, default=ITERATIONS)
    parser.add_argument("--smoke", action="store_true", help="only try that it runs, without a GPU")
    chosen = parser.parse_args()
    if chosen.smoke:
        smoke()
        return
    if not torch.cuda.is_available():
        raise SystemExit("skipped: this benchmark needs an NVIDIA GPU; torch sees none")
    compute, rows = choose_compute("cuda"), {}
    for name, match in VARIANTS.items():
        rows[name] = cell(
            NAME,
            f"{name}, {chosen.iterations}",
            lambda match=match: condensation(mini_ucf(RUNS / NAME), match, chosen.iterations, compute),
        )
        print(name, rows[name])
    if chosen.iterations == ITERATIONS:
        publish(NAME, {"settings": __doc__, "rows": rows})


if __name__ == "__main__":
    main()
