"""The lucky draw made honest: the best of several random draws, chosen without a test clip.

Draws of real clips differ much in what they are worth, so the best of a few is a strong baseline. Each draw
trains networks, which are tested on the training clips from other source groups than the draw's own: clips of
one recording are nearly copies of each other and would flatter it. A draw is a small part of the clips, so it
can be tested on nearly all others at once; no rotation of folds is needed. Classes count alike, however many
of their clips are left: a draw that touches many sources of a hard class must not gain by that.

The choice is not nested: the best draw at VPC 5 need not contain the best one at VPC 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.errors import DataError, LimitError, UsageError
from vidcondense.events import Listener
from vidcondense.interfaces import ClipSource, Indices, Labels, RealClips, Videos
from vidcondense.models import network_for
from vidcondense.selection.options import SelectOptions
from vidcondense.selection.random import select_random
from vidcondense.training import TrainOptions, predict, train
from vidcondense.video.views import Chosen


@runtime_checkable
class GroupedClips(RealClips, Protocol):
    """Real clips whose sources are known."""

    @property
    def groups(self) -> Sequence[str]:
        """The source group of each clip (the same person, the same film)."""


class Rendered:
    """Rendered videos, as a source of clips.

    Args:
        videos: `[N, T, C, H, W]` in network units, on any device.
        labels: `[N]`.
        real: the clips whose classes and units they have.
    """

    def __init__(self, videos: Videos, labels: Labels, real: ClipSource) -> None:
        self._videos = videos.detach().cpu()
        self.labels = labels
        self.classes = real.classes
        self.mean, self.std = real.mean, real.std

    def batch(self, indices: Sequence[int] | Tensor) -> Videos:
        """The videos at `indices`, in network units."""
        return self._videos[torch.as_tensor(indices)]

    def __len__(self) -> int:
        return len(self._videos)


def select_best(
    real: RealClips,
    vpc: int,
    model: str,
    options: SelectOptions,
    *,
    seed: int,
    compute: Compute,
    listener: Listener,
    keep: Callable[[Indices], ClipSource],
    chunk: int,
) -> Indices:
    """The best of `options.draws` random draws of `vpc` clips of every class.

    Args:
        real: the training clips, with `groups`.
        vpc: clips of each class.
        model: the network to train on each draw.
        options: how many draws and networks, and how long these are trained.
        seed: of draws and networks; draw 0 is that of `--method random`.
        compute: where the networks run.
        listener: gets a `draw` event after each draw: its accuracy, on how many clips, and how many clips
            went through networks for it.
        keep: what will be stored of chosen clips, to train on.
        chunk: clips a forward pass of a test.

    Raises:
        UsageError: the clips' source groups are not known.
        DataError: a class has no clip left to test a draw on.
        LimitError: every training diverged.
    """
    if not isinstance(real, GroupedClips):
        raise UsageError(
            "best-of-random needs to know the clips' source groups; use clips that have `groups`"
        )
    best: tuple[float, Indices] | None = None
    for draw in range(options.draws):
        chosen = select_random(real, vpc, seed if draw == 0 else rng.derive_seed(seed, "draw", draw))
        held_out = other_groups(real.groups, chosen)
        tested = set(real.labels[held_out].tolist())
        if bare := [name for label, name in enumerate(real.classes) if label not in tested]:
            raise DataError(
                f"draw {draw} of --vpc {vpc} touches every source group of class {bare[0]!r}, so no clip of "
                "it is left to test the draw on; use a smaller --vpc, or leave the class out"
            )
        accuracy, clips = _accuracy(
            real, keep(chosen), held_out, model, options, rng.derive_seed(seed, "judge"), compute, chunk
        )
        listener(
            {
                "kind": "draw",
                "draw": draw,
                "done": draw + 1,
                "total": options.draws,
                "accuracy": accuracy,
                "tested_on": len(held_out),
                "clips": clips,
            }
        )
        if accuracy is not None and (best is None or accuracy > best[0]):
            best = (accuracy, chosen)
    if best is None:
        raise LimitError("the training diverged on every draw; use another --model or --seed")
    return best[1]


def other_groups(groups: Sequence[str], chosen: Indices) -> Indices:
    """The clips that share no source group with the chosen ones."""
    taken = {groups[index] for index in chosen.tolist()}
    return torch.tensor(
        [index for index, group in enumerate(groups) if group not in taken], dtype=torch.int64
    )


def balanced_accuracy(found: Labels, wanted: Labels) -> float:
    """The mean over the classes of `wanted` of how much of each was found."""
    right = (found == wanted).double()
    return float(torch.stack([right[wanted == label].mean() for label in set(wanted.tolist())]).mean())


def _accuracy(
    real: RealClips,
    kept: ClipSource,
    held_out: Indices,
    model: str,
    options: SelectOptions,
    seed: int,
    compute: Compute,
    chunk: int,
) -> tuple[float | None, int]:
    """The mean accuracy of networks trained on `kept` (None where one diverged), and the clips they saw."""
    training = TrainOptions(steps=options.draw_steps)
    accuracies, clips = [], 0
    for number in range(options.draw_networks):
        own = rng.derive_seed(seed, "network", number)
        network = network_for(model, real.shape, len(real.classes), seed=own, compute=compute)
        trained = train(network, kept, training, seed=own, compute=compute, mirror=real.flip)
        clips += trained.steps_done * training.batch_of(len(kept))
        if trained.diverged:
            return None, clips
        logits = predict(network, Chosen(real, held_out), compute=compute, batch_size=chunk)
        clips += len(held_out)
        accuracies.append(balanced_accuracy(logits.argmax(dim=1), real.labels[held_out]))
    return sum(accuracies) / len(accuracies), clips
