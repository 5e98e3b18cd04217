"""Does only motion tell the toy set's classes apart?

ConvNet3D trained on the full toy set (ten classes, five pairs of opposite motions; 2 000 training and 2 000
test clips of 8 frames, 48×48), once with frames in order and once with the frames of every clip shuffled,
training and test alike. If a still frame told the members of a pair apart, the second network would do so.

The strict protocol, with more steps and a higher learning rate than on real clips, as sets that motion
decides need; both were set on clips generated from other seeds. On these clips, 600 steps had reached 88.9
with ordered frames.

    python benchmarks/toy.py  # about ten minutes on two cores
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from cells import RUNS, cell, publish
from torch import Tensor

from vidcondense import rng
from vidcondense.compute import choose_compute
from vidcondense.models import build_network
from vidcondense.training import TrainOptions, predict, train
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions
from vidcondense.video.toy import PAIRS, ToyOptions, make_toy

NAME = "toy"
TRAINING = TrainOptions(steps=1000, lr=0.01, augment=False)


class Shuffled:
    """Clips whose frames come in a random order, a fixed one for every clip."""

    def __init__(self, clips: ClipDataset) -> None:
        self.clips = clips
        self.classes, self.labels = clips.classes, clips.labels
        self.mean, self.std = clips.mean, clips.std

    def __len__(self) -> int:
        return len(self.clips)

    def batch(self, indices: Sequence[int] | Tensor, view: int = 0) -> Tensor:
        return torch.stack(
            [
                clip[torch.randperm(len(clip), generator=rng.generator(0, "shuffle", int(index)))]
                for index, clip in zip(indices, self.clips.batch(indices, view), strict=True)
            ]
        )


def measure(
    training: ClipDataset | Shuffled, test: ClipDataset | Shuffled, options: TrainOptions, seed: int
) -> dict[str, Any]:
    """Train a network; accuracy, and how often it prefers the right member of the right pair."""
    compute = choose_compute()
    network = build_network("convnet3d", len(test.classes), num_frames=8, size=48, seed=seed, compute=compute)
    result = train(network, training, options, seed=seed, compute=compute)
    logits = predict(network, test, compute=compute)
    partner = {**dict(PAIRS), **{second: first for first, second in PAIRS}}
    other = torch.tensor([test.classes.index(partner[name]) for name in test.classes])
    rows = torch.arange(len(test))
    within = logits[rows, test.labels] > logits[rows, other[test.labels]]
    return {
        "accuracy": float((logits.argmax(1) == test.labels).double().mean()),
        "within_pairs": float(within.double().mean()),
        "test_clips": len(test),
        "training_clips": len(training),
        "diverged": result.diverged,
        "last_losses": sum(result.losses[-50:]) / 50,
    }


def main() -> None:
    folder = RUNS / NAME / "videos"
    toy = ToyOptions(train_per_class=200, test_per_class=200, num_frames=8, size=48)
    if not folder.exists():
        make_toy(folder, toy)
    data = load_data(folder, DataOptions(), ClipOptions(num_frames=8, stride=1, size=48))
    rows = {}
    for name, wrap in {"ordered frames": lambda clips: clips, "shuffled frames": Shuffled}.items():
        rows[name] = cell(
            NAME, name, lambda wrap=wrap: measure(wrap(data.train), wrap(data.test), TRAINING, seed=0)
        )
        print(name, rows[name])
        publish(NAME, {"settings": __doc__, "rows": rows})


if __name__ == "__main__":
    main()
