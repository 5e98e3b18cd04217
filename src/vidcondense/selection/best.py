"""The lucky draw made honest: the best of several random draws, chosen without a test clip.

Draws of real clips differ much in what they are worth, so the best of a few is a strong baseline. Each draw
trains networks, which are tested on the training clips from other source groups than the draw's own: clips of
one recording are nearly copies of each other and would flatter it. A draw is a small part of the clips, so it
can be tested on nearly all others at once; no rotation of folds is needed.

The choice is not nested: the best draw at VPC 5 need not contain the best one at VPC 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.errors import DataError, LimitError, UsageError
from vidcondense.events import Listener
from vidcondense.interfaces import Indices, RealClips
from vidcondense.models import build_network
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


def select_best(
    real: RealClips,
    vpc: int,
    model: str,
    options: SelectOptions,
    *,
    seed: int,
    compute: Compute,
    listener: Listener,
    chunk: int = 64,
) -> Indices:
    """The best of `options.draws` random draws of `vpc` clips of every class.

    Args:
        real: the training clips, with `groups`.
        vpc: clips of each class.
        model: the network to train on each draw.
        options: how many draws and networks, and how long these are trained.
        seed: of draws and networks; draw 0 is that of `--method random`.
        compute: where the networks run.
        listener: gets a `draw` event after each draw: its accuracy, and on how many clips.
        chunk: clips a forward pass of a test.

    Raises:
        UsageError: the clips' source groups are not known.
        DataError: no clip is left to test a draw on.
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
        if not len(held_out):
            raise DataError(
                f"draw {draw} of --vpc {vpc} touches every source group, so no clip is left to test it on; "
                "use a smaller --vpc"
            )
        accuracy = _accuracy(
            real, chosen, held_out, model, options, rng.derive_seed(seed, "judge"), compute, chunk
        )
        listener(
            {
                "kind": "draw",
                "draw": draw,
                "done": draw + 1,
                "total": options.draws,
                "accuracy": accuracy,
                "tested_on": len(held_out),
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


def _accuracy(
    real: RealClips,
    chosen: Indices,
    held_out: Indices,
    model: str,
    options: SelectOptions,
    seed: int,
    compute: Compute,
    chunk: int,
) -> float | None:
    """The mean accuracy of networks trained on `chosen`; None where one diverged."""
    num_frames, _, size, _ = real.shape
    accuracies = []
    for number in range(options.draw_networks):
        own = rng.derive_seed(seed, "network", number)
        network = build_network(
            model, len(real.classes), num_frames=num_frames, size=size, seed=own, compute=compute
        )
        training = TrainOptions(steps=options.draw_steps)
        if train(network, Chosen(real, chosen), training, seed=own, compute=compute).diverged:
            return None
        logits = predict(network, Chosen(real, held_out), compute=compute, batch_size=chunk)
        accuracies.append(float((logits.argmax(dim=1) == real.labels[held_out]).double().mean()))
    return sum(accuracies) / len(accuracies)
