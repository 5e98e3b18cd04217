"""Condense a folder of your own videos and measure the result.

The folder holds train/ and test/ with one folder per class in each, or just one folder per class:

    python examples/own_videos.py path/to/videos path/to/condensed
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch.utils.data import DataLoader

import vidcondense as vc


def main() -> None:
    """Read, condense, look, measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--num-frames", type=int, default=16)
    parser.add_argument("--stride", type=int, default=4)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--vpc", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=150)
    parser.add_argument("--steps", type=int, default=500)
    arguments = parser.parse_args()

    clip = vc.ClipOptions(num_frames=arguments.num_frames, stride=arguments.stride, size=arguments.size)
    data = vc.load_data(arguments.videos, vc.DataOptions(), clip)
    print(f"{len(data.train)} training clips, {len(data.test)} test clips, classes {data.train.classes}")

    options = vc.CondenseOptions(vpc=arguments.vpc, iterations=arguments.iterations)
    small = vc.condense(data.train, arguments.out, options)
    print(f"{small.bytes} bytes; key frames of each video: {small.positions}")

    for clips, labels in DataLoader(small, batch_size=4):
        print(f"a batch for any training loop: {tuple(clips.shape)}, labels {labels.tolist()}")
        assert clips.dtype == torch.float32

    judge = vc.EvaluateOptions(repeats=3, steps=arguments.steps)
    found = vc.summarise([vc.evaluate(small, data.test, judge, compute=vc.choose_compute())])
    print(f"accuracy {found.accuracy}, 95 % interval over networks {found.interval}")


if __name__ == "__main__":
    main()
