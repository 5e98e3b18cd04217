"""How much videos move, and whether networks look at it: a set may win by its looks alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vidcondense.compute import Compute
from vidcondense.evaluation import statistics
from vidcondense.evaluation.flow import Pictures, optical_flow, warp
from vidcondense.evaluation.judge import HeldOutClips
from vidcondense.evaluation.measures import Correct, Measured, correct
from vidcondense.evaluation.networks import NetworkOptions, check_alike, subjects
from vidcondense.events import Listener, ignore
from vidcondense.interfaces import ClipSource, Labels, RealClips, Videos
from vidcondense.models import check_size
from vidcondense.video.views import FrameOrder, Reordered

ORDERS: tuple[FrameOrder, ...] = ("ordered", "shuffled", "reversed")
MOVING = 0.5
"""Pixels a frame from which a pixel counts as moving."""

_LUMA = (0.299, 0.587, 0.114)
_CHUNK = 16  # clips at a time


@dataclass(frozen=True, kw_only=True)
class Motion:
    """How much each of some videos moves, in pixel units: RGB from 0 to 1, or beyond where it was learned.

    Attributes:
        energy: mean squared difference between neighbouring frames.
        speed: mean length of the optical flow, in pixels a frame.
        moving: share of the pixels whose flow is longer than half a pixel a frame.
        change: squared difference of grey values between neighbouring frames, summed over pixels, mean over
            frames.
        rest: what is left of it when the later frame is moved back along the flow.
    """

    energy: Float[Tensor, " n"]
    speed: Float[Tensor, " n"]
    moving: Float[Tensor, " n"]
    change: Float[Tensor, " n"]
    rest: Float[Tensor, " n"]

    @property
    def explained(self) -> float | None:
        """The share of all change that is motion: what moves keeps its looks, what fades does not.

        1: motion only; 0: none that can be found; None: nothing changes.
        """
        change = float(self.change.sum())
        return 1 - float(self.rest.sum()) / change if change else None


@torch.no_grad()
def motion_of(clips: ClipSource, indices: Sequence[int] | Tensor | None = None) -> Motion:
    """Measure the motion of the clips at `indices` (default: all)."""
    chosen = torch.arange(len(clips)) if indices is None else torch.as_tensor(indices)
    parts = [_motion(videos) for videos in _pixels(clips, chosen)]
    return Motion(**{name: torch.cat([part[name] for part in parts]) for name in parts[0]})


@torch.no_grad()
def speed_over_time(clips: ClipSource, indices: Sequence[int] | Tensor) -> Float[Tensor, "n steps"]:
    """Mean length of the optical flow from each frame to the next, in pixels, of the clips at `indices`.

    Returns:
        `[N, T - 1]`: when each clip moves.
    """
    parts = []
    for videos in _pixels(clips, torch.as_tensor(indices)):
        length = optical_flow(*_neighbours(videos)).norm(dim=1)
        parts.append(length.mean(dim=(1, 2)).view(len(videos), -1))
    return torch.cat(parts)


def _pixels(clips: ClipSource, indices: Tensor) -> Iterator[Videos]:
    """The clips in pixel units, some at a time."""
    scale, shift = clips.std[:, None, None], clips.mean[:, None, None]
    for part in torch.split(indices, _CHUNK):
        yield clips.batch(part) * scale + shift


def _neighbours(videos: Videos) -> tuple[Pictures, Pictures]:
    """Every frame but the last in grey, and the frame after each; clip by clip."""
    grey = torch.einsum("ntchw,c->nthw", videos, torch.tensor(_LUMA))
    return grey[:, :-1].flatten(0, 1), grey[:, 1:].flatten(0, 1)


def _motion(videos: Videos) -> dict[str, Float[Tensor, " n"]]:
    energy = (videos[:, 1:] - videos[:, :-1]).square().mean(dim=(1, 2, 3, 4))
    before, after = _neighbours(videos)
    flow = optical_flow(before, after)
    length = flow.norm(dim=1)
    values = {
        "speed": length.mean(dim=(1, 2)),
        "moving": (length > MOVING).float().mean(dim=(1, 2)),
        "change": (after - before).square().sum(dim=(1, 2)),
        "rest": (warp(after, flow) - before).square().sum(dim=(1, 2)),
    }
    a_clip = (len(videos), -1)
    return {"energy": energy} | {name: value.view(a_clip).mean(dim=1) for name, value in values.items()}


def key_frame_correlation(
    key_frames: Sequence[int], labels: Labels, motion: Float[Tensor, " m"], real_labels: Int[Tensor, " m"]
) -> float | None:
    """Spearman's rank correlation of how many key frames a video has with how much its class really moves.

    Args:
        key_frames: of each condensed video.
        labels: its class.
        motion: of each real clip: energy or speed.
        real_labels: its class.

    Returns:
        -1 to 1; None where all videos have as many key frames, or all classes move alike.
    """
    of_class = {label: float(motion[real_labels == label].mean()) for label in set(labels.tolist())}
    return statistics.rank_correlation(key_frames, [of_class[label] for label in labels.tolist()])


def order_accuracy(
    train_set: ClipSource,
    real: RealClips,
    test: HeldOutClips,
    options: NetworkOptions,
    *,
    compute: Compute,
    listener: Listener = ignore,
) -> Measured:
    """Train networks on a set; are they right on test clips in order, shuffled, and backwards?

    A network that is as good on shuffled frames has not learned from their order. Backwards, motion stays
    smooth but turns round: on classes that are each other's reversal such a network is wrong.

    Args:
        train_set: what to train on.
        real: the real training clips, for classes, frames and size.
        test: held-out clips of the same classes.
        options: how networks are trained.
        compute: device and precision of the forward passes.
        listener: gets the training events, each with its `repeat`.

    Raises:
        UsageError: the model does not fit the clips.
        DataError: clips differ in classes or shape.
    """
    num_frames, _, size, _ = real.shape
    check_size(options.model, num_frames, size)
    check_alike(train_set, real, test)
    # One order for all networks and sets, so that these can be compared.
    views = {order: Reordered(test, order, seed=0) for order in ORDERS}
    seeds: list[int] = []
    networks: list[dict[str, Correct]] = []
    for subject, usable in subjects(train_set, real, options, compute=compute, listener=listener):
        seeds.append(subject.seed)
        logits = {order: subject.predict(view) for order, view in views.items()} if usable else {}
        finite = all(bool(each.isfinite().all()) for each in logits.values())
        networks.append({order: correct(each, test.labels) for order, each in logits.items() if finite})
    return Measured(
        num_train=len(train_set), groups=test.groups, seeds=tuple(seeds), networks=tuple(networks)
    )
