"""PRISM's gradient-guided insertion, and the controls it is compared with.

A frame t between key frames i and j conflicts when cos(g_t, g_i) < ε and cos(g_t, g_j) < ε, with g the
gradient of the loss in the *rendered* frames (arXiv 2505.22564, gradient-guided insertion and Lemma 1: no
convex combination of the end points' updates can then lower the loss at t, to first order).
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vidcondense import rng
from vidcondense.insertion.options import InsertionOptions, insertion_window
from vidcondense.interfaces import KeyMask, Videos
from vidcondense.synthetic.interpolation import accumulate, neighbours
from vidcondense.synthetic.keyframes import KeyFrameVideos

Scores = Float[Tensor, "n t"]

Fits = Callable[[KeyFrameVideos], bool]

_QUANTILES = {"low": 0.05, "median": 0.5, "high": 0.95}


@dataclass(frozen=True)
class Cosines:
    """How each frame's gradient agrees with those of the key frames around it; 1 at key frames themselves."""

    before: Scores
    after: Scores

    def deciding(self) -> Scores:
        """The larger of the two: a frame is in conflict when even this is below ε."""
        return torch.maximum(self.before, self.after)


def cosines(gradient: Videos, mask: KeyMask, accumulated: Videos | None = None) -> Cosines:
    """The cosines of every frame's gradient with those of its neighbouring key frames, in float32.

    A gradient of zero agrees with nothing and contradicts nothing: its cosines are 0.

    Args:
        gradient: ∂L/∂ rendered frame, `[N, T, C, H, W]`.
        mask: key frames, `[N, T]`.
        accumulated: use these gradients for the key frames instead (same shape).
    """
    unit = _unit(gradient)
    keys = unit if accumulated is None else _unit(accumulated)
    before, after = neighbours(mask)
    both = [(unit * _take(keys, index)).sum(-1).where(~mask, 1.0) for index in (before, after)]
    return Cosines(*both)


def gradient_distances(gradient: Videos, mask: KeyMask) -> Scores:
    """The L2 distance of every frame's gradient to the nearer of its neighbours' gradients."""
    flat = gradient.flatten(2).float()
    before, after = neighbours(mask)
    both = [(flat - _take(flat, index)).norm(dim=-1) for index in (before, after)]
    return torch.minimum(*both)


class Inserter:
    """Decides after each step which frames become key frames, and inserts them.

    Args:
        options: the rule and its limits.
        iterations: of the whole run; the schedule is a share of them.
        mask: the key frames at the start, `[N, T]`.
        seed: for `insertion="random"`.
        part: the numbers of the videos among all, where others insert into the rest of them.
        num_videos: how many there are in all.

    Attributes:
        fits: whether videos keep to a limit of bytes; the first that do not end insertion. None: no limit.
    """

    def __init__(
        self,
        options: InsertionOptions,
        iterations: int,
        mask: KeyMask,
        seed: int,
        *,
        part: range | None = None,
        num_videos: int | None = None,
    ) -> None:
        self.options = options
        self.part = range(len(mask)) if part is None else part
        self.num_videos = len(mask) if num_videos is None else num_videos
        self.window = insertion_window(options, iterations)
        self.seed = seed
        self.fits: Fits | None = None
        self._full = torch.tensor(False)
        self._average: Cosines | None = None
        self._streak = torch.zeros_like(mask, dtype=torch.int64)

    def after_step(
        self, videos: KeyFrameVideos, gradient: Videos, iteration: int
    ) -> tuple[list[dict[str, Any]], Scores]:
        """Insert where the rule says so.

        Args:
            videos: the representation, already stepped.
            gradient: ∂L/∂ rendered frame of that step.
            iteration: its number, from 0.

        Returns:
            One event for every insertion (iteration, video, frame, both cosines), and the deciding cosine of
            every frame, NaN at those that were key frames.
        """
        mask = videos.mask.clone()
        accumulated = None
        if self.options.match_gradient == "accumulated":
            accumulated = accumulate(gradient, mask)
        found = self._smooth(cosines(gradient, mask, accumulated))
        conflict = ~mask & (found.deciding() < self.options.epsilon)
        deciding = found.deciding().where(~mask, torch.nan)
        if self.options.insertion == "none" or iteration not in self.window:
            return [], deciding
        self._streak = (self._streak + 1).where(conflict, 0)
        wanted = conflict & (self._streak >= self.options.patience)
        chosen = self._place(wanted, found, gradient, mask, iteration)
        if self.fits is not None:
            chosen = self._afford(self.fits, chosen, found, videos)
        videos.insert(chosen)
        self._forget_around(chosen, mask)
        events = [
            {
                "kind": "insertion",
                "iteration": iteration,
                "video": self.part[video],
                "frame": frame,
                "cosine_before": round(float(found.before[video, frame]), 6),
                "cosine_after": round(float(found.after[video, frame]), 6),
            }
            for video, frame in chosen.nonzero().tolist()
        ]
        return events, deciding

    def _smooth(self, found: Cosines) -> Cosines:
        decay = self.options.cosine_ema
        if decay == 0:
            return found
        if self._average is not None:
            old = self._average
            found = Cosines(
                (decay * old.before + (1 - decay) * found.before).where(~old.before.isnan(), found.before),
                (decay * old.after + (1 - decay) * found.after).where(~old.after.isnan(), found.after),
            )
        self._average = found
        return found

    def _place(
        self, wanted: KeyMask, found: Cosines, gradient: Videos, mask: KeyMask, iteration: int
    ) -> KeyMask:
        """Choose as many frames as are wanted, within the limits, by the strategy's order of preference."""
        count = wanted.sum(dim=1)
        if self.options.max_per_iteration is not None:
            count = count.clamp(max=self.options.max_per_iteration)
        if self.options.max_key_frames is not None:
            count = torch.minimum(count, (self.options.max_key_frames - mask.sum(dim=1)).clamp(min=0))
        if self.options.insertion == "conflict":
            preference, allowed = -found.deciding(), wanted
        elif self.options.insertion == "l2":
            preference, allowed = gradient_distances(gradient, mask), ~mask
        else:
            stream = rng.generator(self.seed, "insertion", iteration)
            drawn = torch.rand(self.num_videos, mask.shape[1], generator=stream)  # whatever part this is
            preference, allowed = drawn[self.part.start : self.part.stop].to(mask.device), ~mask
        preference = preference.where(allowed, -torch.inf)
        rank = preference.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        return (rank < count[:, None]) & allowed

    def _afford(self, fits: Fits, chosen: KeyMask, found: Cosines, videos: KeyFrameVideos) -> KeyMask:
        """As many of the chosen frames as fit, strongest conflict first; none once some have not."""
        places = chosen.flatten().nonzero().flatten()
        order = places[found.deciding().flatten()[places].argsort(stable=True)]

        def first(count: int) -> KeyMask:
            return torch.zeros_like(chosen).flatten().index_fill(0, order[:count], True).view_as(chosen)

        def too_many(count: int) -> bool:
            trial = videos.like(videos.frames, videos.mask, videos.labels)
            trial.insert(first(count))
            return not fits(trial)

        if self._full or not len(order):
            return torch.zeros_like(chosen)
        if not too_many(len(order)):
            return chosen
        self._full = torch.tensor(True)
        counts = range(1, len(order))
        return first(bisect.bisect_left(counts, True, key=too_many))

    def _forget_around(self, chosen: KeyMask, mask: KeyMask) -> None:
        """Drop the history of frames that got a new neighbour: their cosines mean something else now."""
        old, new = neighbours(mask), neighbours(mask | chosen)
        moved = (old[0] != new[0]) | (old[1] != new[1])
        self._streak = self._streak.where(~moved, 0)
        if self._average is not None:
            nan = torch.nan
            self._average = Cosines(
                self._average.before.where(~moved, nan), self._average.after.where(~moved, nan)
            )

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold."""
        state = {"streak": self._streak}
        if self.fits is not None:
            state["full"] = self._full
        if self._average is not None:
            state |= {"cosine_before": self._average.before, "cosine_after": self._average.after}
        return state

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Continue from what `state` gave."""
        self._streak = torch.empty_like(self._streak).copy_(state["streak"])
        if self.fits is not None:
            self._full = state["full"].bool().clone()
        if "cosine_before" in state:
            before, after = (
                torch.empty_like(self._streak, dtype=torch.float32).copy_(state[name])
                for name in ("cosine_before", "cosine_after")
            )
            self._average = Cosines(before, after)


def _unit(gradient: Videos) -> Float[Tensor, "n t d"]:
    """Each frame's gradient, flattened and of length one; zero stays zero.

    Dividing by the largest entry first keeps tiny gradients from underflowing when they are squared.
    """
    flat = gradient.flatten(2).float()
    flat = flat / _nonzero(flat.abs().amax(dim=-1, keepdim=True))
    return flat / _nonzero(flat.norm(dim=-1, keepdim=True))


def _nonzero(size: Float[Tensor, "n t 1"]) -> Float[Tensor, "n t 1"]:
    return size.where(size > 0, 1.0)


def _take(values: Float[Tensor, "n t d"], index: Tensor) -> Float[Tensor, "n t d"]:
    return values.gather(1, index[..., None].expand_as(values))


def summarise(deciding: Scores, epsilon: float) -> dict[str, Any]:
    """What an iteration's event tells of deciding cosines: 5 %, 50 % and 95 % quantiles, and conflicts.

    Args:
        deciding: NaN at key frames, which do not count; quantiles are None where nothing does.
        epsilon: of the rule.
    """
    values = deciding[~deciding.isnan()]
    summary: dict[str, Any] = dict.fromkeys(f"cosine_{name}" for name in _QUANTILES)
    if values.numel():
        summary = {f"cosine_{name}": round(float(values.quantile(q)), 6) for name, q in _QUANTILES.items()}
    return {**summary, "conflicts": int((values < epsilon).sum())}
