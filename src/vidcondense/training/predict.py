"""What a trained network says about clips."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vidcondense.compute import Compute
from vidcondense.errors import UsageError
from vidcondense.interfaces import ClipSource, Videos
from vidcondense.models import VideoNetwork
from vidcondense.training.units import Prepare, unchanged
from vidcondense.video.fetch import Fetch, goes_as_bytes, once, streamed


class ViewSource(ClipSource, Protocol):
    """Clips whose videos offer several each, in order of time."""

    @property
    def num_views(self) -> int:
        """How many clips a video there are."""

    def batch(self, indices: Sequence[int] | Tensor, view: int | None = None) -> Videos:
        """The clips `view` of the videos at `indices`, in network units; by default one it chooses."""


@torch.no_grad()
def predict(
    network: nn.Module,
    clips: ClipSource,
    *,
    compute: Compute,
    batch_size: int = 64,
    views: Sequence[int] = (0,),
    prepare: Prepare = unchanged,
) -> Float[Tensor, "n k"]:
    """The logits of every video, averaged over the clips `views` of it.

    Args:
        network: videos → logits; it is put into evaluation mode for the time being.
        clips: what to classify; more than one view takes a `ViewSource`.
        compute: device and precision of the forward passes.
        batch_size: clips a forward pass.
        views: which clips of each video, from 0.
        prepare: applied to each batch before the network sees it.

    Returns:
        `[N, K]` float32, on the CPU.

    Raises:
        UsageError: `clips` has no such view.
    """
    logits = [
        predict_view(
            network,
            view_of(clips, view, compute),
            len(clips),
            compute=compute,
            batch_size=batch_size,
            prepare=prepare,
        )
        for view in views
    ]
    return torch.stack(logits).mean(dim=0)


def view_of(clips: ClipSource, view: int, compute: Compute) -> Fetch:
    """How to get clips of one view to the device, once; raises `UsageError` where there is none such."""
    available = getattr(clips, "num_views", 1)
    if not 0 <= view < available:
        raise UsageError(
            f"clip {view} of each video: there are {available}; choose from 0 to {available - 1}"
        )
    if available == 1:
        return once(clips, compute)
    if goes_as_bytes(clips, compute):
        return streamed(clips, compute.device, view)
    several = cast(ViewSource, clips)
    return lambda indices: compute.move(several.batch(indices, view=view))


@torch.no_grad()
def predict_view(
    network: nn.Module,
    fetch: Fetch,
    num_clips: int,
    *,
    compute: Compute,
    batch_size: int = 64,
    prepare: Prepare = unchanged,
) -> Float[Tensor, "n k"]:
    """The logits, float32 on the CPU, of the clips that `fetch` brings for the indices below `num_clips`."""
    with _evaluating(network):
        return _batch_by_batch(network, fetch, num_clips, compute, batch_size, prepare)


@torch.no_grad()
def embed(
    network: VideoNetwork,
    clips: ClipSource,
    *,
    compute: Compute,
    batch_size: int = 64,
    prepare: Prepare = unchanged,
) -> Float[Tensor, "n d"]:
    """The features of every clip, in evaluation mode; arguments as of `predict`.

    Returns:
        `[N, D]` float32, on the CPU.

    Raises:
        UsageError: a network of the user's own that has no features.
    """
    with _evaluating(network):
        return _batch_by_batch(network.embed, once(clips, compute), len(clips), compute, batch_size, prepare)


@contextlib.contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def _batch_by_batch(
    ask: Callable[[Tensor], Tensor],
    fetch: Fetch,
    num_clips: int,
    compute: Compute,
    batch_size: int,
    prepare: Prepare,
) -> Float[Tensor, "n d"]:
    parts = []
    for indices in torch.split(torch.arange(num_clips), batch_size):
        videos = prepare(fetch(indices))
        with compute.autocast():
            answers = ask(videos)
        parts.append(answers.float().cpu())
    return torch.cat(parts)
