"""Testing a trained network, as the protocol says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.evaluation.protocol import EvaluateOptions
from vidcondense.interfaces import ClipSource, Labels, Videos
from vidcondense.training.predict import ViewSource, predict, predict_view, view_of
from vidcondense.training.units import Prepare, chain, change_units, standardise

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

BATCH_SIZE = 64  # of a test; where batches are standardised it belongs to the protocol

Correct = Float[Tensor, " n"]
"""How right each clip was: 0 or 1, or the share of passes."""


class HeldOutClips(ViewSource, Protocol):
    """Clips to test on."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The source group of each video (the same person, the same film)."""

    @property
    def flip(self) -> bool:
        """Whether a mirrored clip keeps its label."""


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Tests networks that were trained on one set.

    Attributes:
        train_set: what they are trained on; in `strict`, its mean and deviation normalise every clip.
        test: what they are tested on.
        options: the protocol.
        compute: device and precision.
    """

    train_set: ClipSource
    test: HeldOutClips
    options: EvaluateOptions
    compute: Compute

    @property
    def views(self) -> range:
        """Which clips of each test video are used; raises `UsageError` where they are missing."""
        return self.options.views_of(self.test.num_views)

    def prepare(self, clips: ClipSource) -> Prepare:
        """What is done to the batches of `clips`, in training and in testing."""
        if self.options.protocol == "strict":
            return change_units(clips.mean, clips.std, self.train_set.mean, self.train_set.std)
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        return chain(change_units(clips.mean, clips.std, mean, std), standardise)

    def test_correct(self, network: nn.Module, seed: int) -> Correct | None:
        """How right each test clip is classified; None where a logit is not finite.

        Args:
            network: a trained network.
            seed: of the flips (paper protocol).
        """
        if self.options.protocol == "strict":
            return self._correct(self._predict(network, self.test, self.views), self.test.labels)
        passes = [self._one_pass(network, seed, view) for view in self.views]
        finite = [correct for correct in passes if correct is not None]
        return torch.stack(finite).mean(dim=0) if len(finite) == len(passes) else None

    def train_correct(self, network: nn.Module) -> Correct | None:
        """How right each training clip is classified; None where a logit is not finite."""
        labels = self.train_set.labels
        hard = labels.argmax(dim=1) if labels.ndim == 2 else labels
        return self._correct(self._predict(network, self.train_set, (0,)), hard)

    def _predict(self, network: nn.Module, clips: ClipSource, views: Sequence[int]) -> Float[Tensor, "n k"]:
        prepare = self.prepare(clips)
        return predict(
            network, clips, compute=self.compute, batch_size=BATCH_SIZE, views=views, prepare=prepare
        )

    def _one_pass(self, network: nn.Module, seed: int, view: int) -> Correct | None:
        fetch = view_of(self.test, view)
        if self.test.flip:
            draws = torch.rand(len(self.test), generator=rng.generator(seed, "flip", view))
            fetch = flipping(fetch, draws < 0.5)
        logits = predict_view(
            network,
            fetch,
            len(self.test),
            compute=self.compute,
            batch_size=BATCH_SIZE,
            prepare=self.prepare(self.test),
        )
        return self._correct(logits, self.test.labels)

    def _correct(self, logits: Float[Tensor, "n k"], labels: Labels) -> Correct | None:
        if not bool(logits.isfinite().all()):
            return None
        highest = logits.topk(self.options.top, dim=1).indices
        return (highest == labels[:, None]).any(dim=1).float()


def flipping(fetch: Callable[[Tensor], Videos], mirrored: Bool[Tensor, " n"]) -> Callable[[Tensor], Videos]:
    """`fetch`, with the clips mirrored left to right where `mirrored` says so."""

    def fetch_flipped(indices: Tensor) -> Videos:
        clips = fetch(indices)
        return torch.where(mirrored[indices].reshape(-1, 1, 1, 1, 1), clips.flip(-1), clips)

    return fetch_flipped
