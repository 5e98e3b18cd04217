"""How time and memory of a condensation grow with the number of classes and of videos per class.

PRISM on random clips of 8 frames, 64×64, 16 real clips a class and iteration, a new network every iteration,
float32, one thread. Classes 5, 10, 20, 50 at one video per class; videos per class 1, 5, 10, 20 at ten
classes. Each size is a process of its own: seconds an iteration (the median of five, after one that warms
up), and the largest memory of the process less what it had before the first. Both should be straight lines:
y = a + b x, with the share of the variance that the line explains, and the exponent of what grows: the p of
the best y = a + b x^p, which is 1 of a line.

    python benchmarks/scaling.py          # half an hour on one core; goes on where it stopped
    python benchmarks/scaling.py --smoke  # seconds; publishes nothing
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from cells import RUNS, cell, publish
from shapes import random_clips

from vidcondense.compute import choose_compute
from vidcondense.condenser import Condenser
from vidcondense.matching.options import MatchOptions
from vidcondense.settings import CondenseOptions
from vidcondense.video.sampling import ClipOptions

NAME = "scaling"
CLIP = ClipOptions(num_frames=8, size=64)
SWEEPS = {
    "classes": [(5, 1), (10, 1), (20, 1), (50, 1)],
    "videos per class": [(10, 1), (10, 5), (10, 10), (10, 20)],
}
"""Numbers of classes and of videos per class."""


def measure(num_classes: int, vpc: int, clip: ClipOptions, timed: int) -> dict[str, Any]:
    """Time and memory of some iterations, in this process."""
    real = random_clips(RUNS / NAME, num_classes=num_classes, per_class=max(16, vpc), clip=clip)
    before = peak_mib()
    options = CondenseOptions(vpc=vpc, match=MatchOptions(real_batch=16, pool=1, uses=1))
    condenser, times = Condenser(real, options, choose_compute("cpu", "float32")), []
    for _ in range(timed + 1):
        start = time.perf_counter()
        condenser.step()
        times.append(time.perf_counter() - start)
    return {
        "classes": num_classes,
        "vpc": vpc,
        "seconds_an_iteration": median(times[1:]),
        "times": times,
        "mib_before": before,
        "mib": peak_mib() - before,
    }


def peak_mib() -> float:
    """The most memory that this process had, in MiB; what its parent had does not count."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    return int(line.split()[1]) / 1024


def in_a_process(num_classes: int, vpc: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--measure", str(num_classes), str(vpc)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def fit(x: list[int], y: list[float]) -> dict[str, float]:
    """The straight line through the points, how much of their variance it explains, and the exponent."""
    slope, start, rest = _line(x, y, 1.0)
    exponents = np.linspace(0.1, 3, 291)
    return {
        "start": start,
        "slope": slope,
        "explained": 1 - rest / float(np.var(y)),
        "exponent": float(min(exponents, key=lambda exponent: _line(x, y, exponent)[2])),
    }


def _line(x: list[int], y: list[float], exponent: float) -> tuple[float, float, float]:
    """Slope and start of y against x to a power, and the variance that is left."""
    power = np.asarray(x, float) ** exponent
    slope, start = np.polyfit(power, y, 1)
    return float(slope), float(start), float(np.var(np.asarray(y) - start - slope * power))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="only try that it runs")
    parser.add_argument("--measure", type=int, nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.smoke:
        print(measure(2, 1, ClipOptions(num_frames=8, size=44), 1))
        return
    if chosen.measure:
        print(json.dumps(measure(*chosen.measure, CLIP, 5)))
        return
    rows = {}
    for name, sizes in SWEEPS.items():
        points = [cell(NAME, f"{k} classes, vpc {v}", lambda k=k, v=v: in_a_process(k, v)) for k, v in sizes]
        x = [size[0] if name == "classes" else size[1] for size in sizes]
        rows[name] = {
            "points": points,
            "time": fit(x, [point["seconds_an_iteration"] for point in points]),
            "memory": fit(x, [point["mib"] for point in points]),
        }
    publish(NAME, {"settings": __doc__, "rows": rows})


if __name__ == "__main__":
    main()
