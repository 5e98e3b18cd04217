"""How indexing grows with the number of videos: time, and the memory of the largest process.

Trees of 1 000, 10 000 and 100 000 tiny clips (8 frames of 32×32, H.264; 20 classes, train and test folders),
each file written, none linked. Every size is indexed in a process of its own (clips of 4 frames, 16×16), then
loaded once more from the cache. Time should be in proportion to the number, memory a constant plus a little a
video, for its name and what is known of it. `/proc` is needed, so Linux.

    python benchmarks/index_scale.py               # some minutes on two cores, and about 1 GB of disk
    python benchmarks/index_scale.py --sizes 1000  # a first look
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from cells import RUNS, cell, publish

from vidcondense.media.encode import encode_h264
from vidcondense.video.index import DataOptions, load_data, read_listing
from vidcondense.video.sampling import ClipOptions

NAME = "index_scale"
SIZES = (1_000, 10_000, 100_000)
CLASSES = 20
DIFFERENT = 50  # contents
CLIP = ClipOptions(num_frames=4, stride=1, size=16)


def make_tree(root: Path, number: int) -> None:
    """Write `number` clips, a fifth of them to test on."""
    contents = [
        encode_h264(np.random.default_rng(seed).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8), crf=35)
        for seed in range(DIFFERENT)
    ]
    for index in range(number):
        split = "test" if index // CLASSES % 5 == 0 else "train"
        folder = root / split / f"class {index % CLASSES:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{index:06d}.mp4").write_bytes(contents[index % DIFFERENT])


def measure(root: Path, cache: Path) -> dict[str, Any]:
    """Index a tree and load it again, in this process and its workers."""
    data = DataOptions(workers=2, cache_dir=cache)
    before = _peak_mib()
    times = [time.perf_counter()]
    read_listing(root, data)
    times.append(time.perf_counter())
    first = load_data(root, data, CLIP)
    times.append(time.perf_counter())
    peak = _peak_mib()
    again = load_data(root, data, CLIP)
    times.append(time.perf_counter())
    assert again.cache == first.cache
    listing, index, load = (round(b - a, 3) for a, b in itertools.pairwise(times))
    return {
        "clips": len(first.train) + len(first.test),
        "quarantined": len(first.quarantined),
        "seconds_listing": listing,
        "seconds_index": index,
        "seconds_from_cache": load,
        "mib_at_start": before,
        "mib_peak": peak,
        "mib_peak_with_reload": _peak_mib(),
        "mib_peak_worker": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, 1),
    }


def _peak_mib() -> float:
    # getrusage would count what the parent had when it started this process.
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    return round(int(line.split()[1]) / 1024, 1)


def size_cell(number: int) -> dict[str, Any]:
    """Make the tree, measure in a fresh process, delete it."""
    work = RUNS / NAME / f"work {number}"
    shutil.rmtree(work, ignore_errors=True)
    try:
        make_tree(work / "tree", number)
        command = [sys.executable, __file__, "--measure", str(work / "tree"), str(work / "cache")]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return dict(json.loads(done.stdout))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of clips")
    parser.add_argument("--measure", type=Path, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(*arguments.measure)))
        return
    rows = []
    for number in arguments.sizes:
        row = cell(NAME, str(number), lambda number=number: size_cell(number))
        row["milliseconds_a_clip"] = round(1000 * row["seconds_index"] / number, 3)
        row["kib_a_clip"] = round(1024 * (row["mib_peak"] - row["mib_at_start"]) / number, 2)
        rows.append(row)
        print(row, flush=True)
    publish(NAME, {"settings": __doc__, "rows": rows})


if __name__ == "__main__":
    main()
