"""What the examples share: arguments, data, parts of it, sets at equal bytes, and the table at the end."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path

import torch

import vidcondense as vc
from vidcondense.evaluation.statistics import t_interval
from vidcondense.files import write_json
from vidcondense.interfaces import ClipSource, RealClips
from vidcondense.speed.machine import machine

RESULTS = Path(__file__).parent.parent / "benchmarks" / "results"
QUALITIES = (90, 75, 60, 45, 30, 15, 0)

Rows = dict[str, dict[str, list[float]]]
"""A row's values, one a seed, by row and column."""


def parser(name: str, doc: str) -> argparse.ArgumentParser:
    """The arguments of every example."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", type=Path, help="a folder of your own videos (default: a generated set)")
    made.add_argument("--out", type=Path, default=Path("runs/examples") / name)
    made.add_argument("--num-frames", type=int, default=8)
    made.add_argument("--stride", type=int, default=1)
    made.add_argument("--size", type=int, default=48)
    made.add_argument("--vpc", type=int, default=5)
    made.add_argument("--key-frame-size", type=int, default=8, help="pixels; of condensed sets")
    made.add_argument("--iterations", type=int, default=100, help="of a condensation")
    made.add_argument("--real-batch", type=int, default=8, help="real clips a video and iteration")
    made.add_argument("--steps", type=int, default=300, help="of a training")
    made.add_argument("--lr", type=float, default=0.01)
    made.add_argument("--model", default="networks:small")
    made.add_argument("--seeds", type=int, default=3, help="repeats, each with sets and networks of its own")
    made.add_argument("--toy-videos", type=int, default=40, help="of the generated set: videos a class")
    made.add_argument("--publish", action="store_true", help=f"write the outcome to {RESULTS.name}/")
    return made


def load(arguments: argparse.Namespace) -> vc.RealData:
    """The real clips; the generated set is made first."""
    folder = arguments.data or arguments.out / "videos"
    if arguments.data is None and not folder.exists():
        count, size = arguments.toy_videos, arguments.size
        shape = {"num_frames": arguments.num_frames * arguments.stride, "size": size}
        vc.make_toy(
            folder, vc.ToyOptions(mode="scenes", train_per_class=count, test_per_class=count, **shape)
        )
    clip = vc.ClipOptions(num_frames=arguments.num_frames, stride=arguments.stride, size=arguments.size)
    return vc.load_data(folder, vc.DataOptions(), clip)


class Part:
    """Some clips, labelled by a list of classes that may be shorter or longer than their own.

    Args:
        clips: where they are from.
        classes: clips of other classes are left out.
        times: how often each clip is there, so that few weigh as much as many.
    """

    def __init__(self, clips: ClipSource, classes: Sequence[str], times: int = 1) -> None:
        names = [clips.classes[label] for label in clips.labels.tolist()]
        kept = [index for index, name in enumerate(names) if name in classes] * times
        self.classes = tuple(classes)
        self.labels = torch.tensor([self.classes.index(names[index]) for index in kept])
        self.mean, self.std = clips.mean, clips.std
        self.shape, self.flip = clips.shape, clips.flip
        self._clips, self._indices = clips, torch.tensor(kept)

    def __len__(self) -> int:
        return len(self.labels)

    def indices_of(self, label: int) -> torch.Tensor:
        """Which clips have a label."""
        return (self.labels == label).nonzero().flatten()

    def batch(self, indices: Sequence[int] | torch.Tensor) -> torch.Tensor:
        """The clips at `indices`, in network units."""
        return self._clips.batch(self._indices[torch.as_tensor(indices)])


class Joined:
    """The clips of several parts of the same classes, mean and deviation."""

    def __init__(self, *parts: Part) -> None:
        self.classes, self.mean, self.std = parts[0].classes, parts[0].mean, parts[0].std
        self.labels = torch.cat([part.labels for part in parts])
        self._owners = [(part, index) for part in parts for index in range(len(part))]

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: Sequence[int] | torch.Tensor) -> torch.Tensor:
        """The clips at `indices`, in network units."""
        chosen = [self._owners[index] for index in torch.as_tensor(indices).tolist()]
        return torch.cat([part.batch([index]) for part, index in chosen])


def condense(real: RealClips, out: Path, arguments: argparse.Namespace, seed: int) -> vc.CondensedDataset:
    """A condensed set of `real`: each video two coarse key frames with a cluster of its own to stand for."""
    match = vc.MatchOptions(match_targets="cluster", real_batch=arguments.real_batch, model=arguments.model)
    options = {"vpc": arguments.vpc, "iterations": arguments.iterations, "seed": seed}
    coarse = {"key_frame_size": arguments.key_frame_size, "codec": "lzma", "bits": 6}
    two = vc.InsertionOptions(insertion="none")
    return vc.condense(
        real, out, vc.CondenseOptions(**options, **coarse, match=match, insert=two), overwrite=True
    )


def real_at(
    num_bytes: int, real: RealClips, out: Path, arguments: argparse.Namespace, seed: int
) -> vc.CondensedDataset:
    """As many random real clips as WebP, in the form that comes nearest to `num_bytes` from below.

    Forms are whole clips, and four or two frames of each, the others interpolated, at several qualities.
    """
    fitting = []
    for frames, quality in itertools.product((None, 4, 2), QUALITIES):
        options = {"method": "random", "vpc": arguments.vpc, "seed": seed, "initial_key_frames": frames}
        made = vc.CondenseOptions(**options, codec="webp", quality=quality)
        found = vc.condense(real, out / f"{frames}-{quality}", made, overwrite=True)
        if found.bytes <= num_bytes:
            fitting.append(found)
    if not fitting:
        raise SystemExit(
            f"{arguments.vpc} real clips a class do not fit into {num_bytes} bytes; use a larger "
            "--key-frame-size, or a smaller --size"
        )
    return max(fitting, key=lambda found: found.bytes)


def new_network(real: RealClips, arguments: argparse.Namespace, seed: int) -> torch.nn.Module:
    """An untrained network for all classes of `real`."""
    frames, _, size, _ = real.shape
    compute = vc.choose_compute()
    return vc.build_network(arguments.model, len(real.classes), frames, size, seed=seed, compute=compute)


def learn(network: torch.nn.Module, clips: ClipSource, arguments: argparse.Namespace, seed: int) -> None:
    """Train a network further."""
    options = vc.TrainOptions(steps=arguments.steps, lr=arguments.lr, augment=False)
    if vc.train(network, clips, options, seed=seed, compute=vc.choose_compute()).diverged:
        raise SystemExit(f"the training diverged; use a smaller --lr than {arguments.lr}")


def accuracy(network: torch.nn.Module, test: ClipSource, classes: Sequence[str] | None = None) -> float:
    """How many test clips of `classes` (default: of all) are right, among all classes; 0 to 1."""
    right = vc.predict(network, test, compute=vc.choose_compute()).argmax(dim=1) == test.labels
    chosen = [classes is None or test.classes[label] in classes for label in test.labels.tolist()]
    return float(right[torch.tensor(chosen)].double().mean())


def finish(name: str, doc: str, rows: Rows, arguments: argparse.Namespace) -> None:
    """Print every row, the losing ones too, and publish them where that is asked for."""
    told = {
        row: {column: {"values": values, **_summary(values)} for column, values in columns.items()}
        for row, columns in rows.items()
    }
    for row, columns in told.items():
        cells = (f"{column} {each['mean']:.4g} {each['interval'] or ''}" for column, each in columns.items())
        print(f"{row}: {'; '.join(cells)}")
    if arguments.publish:
        chosen = {key: value for key, value in vars(arguments).items() if key not in ("publish", "out")}
        data = arguments.data.name if arguments.data else "a generated set of the mode scenes"
        settings = {key: str(value) for key, value in {**chosen, "data": data}.items()}
        result = {"benchmark": f"example_{name}", "machine": machine(), "about": doc, "settings": settings}
        write_json(RESULTS / f"example_{name}.json", {**result, "rows": told})


def _summary(values: Sequence[float]) -> dict[str, object]:
    interval = t_interval(values)
    rounded = None if interval is None else [round(end, 4) for end in interval]
    return {"mean": sum(values) / len(values), "interval": rounded}
