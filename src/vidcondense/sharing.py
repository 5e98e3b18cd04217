"""What ranks tell each other while they condense together.

Videos of distribution matching are learned *apart*: the rank that has their class renders, steps and stores
them, and tells the others no more than the log wants. Any other videos are learned *alike*: each rank matches
the videos of its classes, the gradients are summed, and all take the same step; where the work does not
divide by class (mtt, frepo) the matcher divides it itself, and gives every rank the whole. Either way an
iteration takes what a single process would take, up to the rounding of a float.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from vidcondense.assembly import Parts
from vidcondense.distributed import Ranks
from vidcondense.events import Event
from vidcondense.insertion.conflict import summarise
from vidcondense.interfaces import Match, Representation, Shareable, Videos
from vidcondense.storage.accounting import paper_mb
from vidcondense.synthetic.keyframes import KeyFrameVideos

Deciding = Float[Tensor, "_ _"]
"""The deciding cosine of every frame, of this rank's videos or of all."""


def match_together(parts: Parts, ranks: Ranks, videos: Videos, iteration: int) -> Match:
    """What the matcher says of this rank's videos, or where they are everybody's, of all.

    Args:
        parts: of the stage.
        ranks: all processes.
        videos: those that this rank learns, `[N, T, C, H, W]`.
        iteration: of the stage.
    """
    if ranks.size == 1 or parts.apart or not isinstance(parts.matcher, Shareable):
        return parts.matcher.match(videos, iteration)
    rows = _rows(parts)
    own = parts.matcher.match(videos[rows], iteration)
    gradient = torch.zeros_like(videos)
    gradient[rows] = own.gradient
    losses, clips = zip(*ranks.exchange((own.losses.cpu(), own.clips)), strict=True)
    return Match(torch.cat(losses), ranks.sum(gradient), sum(clips))


def tell_together(
    parts: Parts, ranks: Ranks, match: Match, inserted: list[Event], deciding: Deciding | None
) -> tuple[list[Event], Event]:
    """Everybody's insertions, and what an iteration's event tells of the videos of all ranks.

    Args:
        parts: of the stage.
        ranks: all processes.
        match: what `match_together` gave.
        inserted: the insertions of this rank.
        deciding: their cosines, as `Inserter.after_step` gives them; None where nothing is ever inserted.
    """
    losses, clips = match.losses, match.clips
    if parts.apart:
        losses, clips, insertions, deciding = _from_all(parts, ranks, match, len(inserted), deciding)
        if insertions:
            inserted = [event for events in ranks.exchange(inserted) for event in events]
    told: Event = {"loss": float(losses.sum()), "clips": clips}
    if deciding is not None and parts.inserter is not None:
        assert isinstance(parts.videos, KeyFrameVideos), "only key frames are inserted"
        key_frames = int(deciding.isnan().sum()) + len(inserted)
        told["key_frames"] = round(key_frames / len(deciding), 4)
        told["paper_mb"] = round(paper_mb(key_frames, *parts.videos.frames.shape[2:]), 6)
        told |= summarise(deciding, parts.inserter.options.epsilon)
    return inserted, told


def gather_state(parts: Parts, ranks: Ranks, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """At rank 0 the state of the videos of all ranks, the same however many there are.

    Args:
        parts: of the stage.
        ranks: all processes.
        state: of this rank; where videos are learned apart, each tensor has a row a video.
    """
    if not parts.apart:
        return dict(state)
    num_classes = int(parts.labels.max()) + 1
    vpc = len(parts.labels) // num_classes
    lengths = [vpc * len(classes) for classes in ranks.shares(num_classes)]
    return {name: ranks.collect(tensor, lengths) for name, tensor in state.items()}


def own_state(parts: Parts, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What of a state of all ranks is this rank's."""
    return {name: tensor[_rows(parts)] if parts.apart else tensor for name, tensor in state.items()}


def gather_videos(parts: Parts, ranks: Ranks) -> Representation:
    """At rank 0 the videos of all ranks."""
    if not parts.apart:
        return parts.videos
    assert isinstance(parts.videos, KeyFrameVideos), "only key frames are learned apart"
    state = gather_state(parts, ranks, parts.videos.state())
    if not ranks.first:
        return parts.videos
    return parts.videos.like(state["frames"], state["mask"], parts.labels)


def _from_all(
    parts: Parts, ranks: Ranks, match: Match, insertions: int, deciding: Deciding | None
) -> tuple[Tensor, int, int, Deciding | None]:
    """Losses, clips, number of insertions and cosines of all ranks.

    They go into one table, a row a video, in which each rank fills its own rows: one small sum is all that an
    iteration needs of the others.
    """
    num_frames = 0 if deciding is None else deciding.shape[1]
    table = torch.zeros(len(parts.labels), 3 + num_frames, dtype=torch.float64)
    own = table[_rows(parts)]
    own[: len(match.losses), 0] = match.losses.cpu().double()  # a target has a video at least
    own[0, 1], own[0, 2] = match.clips, insertions
    if deciding is not None:
        own[:, 3:] = deciding.cpu().double()
    table = ranks.sum(table)
    scores = None if deciding is None else table[:, 3:].float()
    return table[:, 0], int(table[:, 1].sum()), int(table[:, 2].sum()), scores


def _rows(parts: Parts) -> slice:
    return slice(parts.own.start, parts.own.stop)
