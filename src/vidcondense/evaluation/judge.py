"""Testing a trained network, as the protocol says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Bool, Float, Int
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


@dataclass(frozen=True, kw_only=True)
class Tested:
    """What a network says of the test clips.

    Attributes:
        correct: how right each clip was.
        confusion: how many clips (of all passes) of each class, by row, had the highest score for each, by
            column.
    """

    correct: Correct
    confusion: Int[Tensor, "k k"]


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

    def test_network(self, network: nn.Module, seed: int) -> Tested | None:
        """Classify the test clips; None where a logit is not finite.

        Args:
            network: a trained network.
            seed: of the flips (paper protocol).
        """
        if self.options.protocol == "strict":
            passes = [self._predict(network, self.test, self.views)]
        else:
            passes = [self._one_pass(network, seed, view) for view in self.views]
        labels = self.test.labels
        correct = [each for logits in passes if (each := self._correct(logits, labels)) is not None]
        if len(correct) < len(passes):
            return None
        return Tested(
            correct=torch.stack(correct).mean(dim=0),
            confusion=torch.stack([confusion(logits, labels) for logits in passes]).sum(dim=0),
        )

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

    def _one_pass(self, network: nn.Module, seed: int, view: int) -> Float[Tensor, "n k"]:
        fetch = view_of(self.test, view, self.compute)
        if self.test.flip:
            draws = torch.rand(len(self.test), generator=rng.generator(seed, "flip", view))
            fetch = flipping(fetch, draws < 0.5)
        return predict_view(
            network,
            fetch,
            len(self.test),
            compute=self.compute,
            batch_size=BATCH_SIZE,
            prepare=self.prepare(self.test),
        )

    def _correct(self, logits: Float[Tensor, "n k"], labels: Labels) -> Correct | None:
        if not bool(logits.isfinite().all()):
            return None
        highest = logits.topk(self.options.top, dim=1).indices
        return (highest == labels[:, None]).any(dim=1).float()


def confusion(logits: Float[Tensor, "n k"], labels: Labels) -> Int[Tensor, "k k"]:
    """How many clips of each class (row) have their highest score for each class (column)."""
    num_classes = logits.shape[1]
    pairs = labels * num_classes + logits.argmax(dim=1)
    return torch.bincount(pairs, minlength=num_classes**2).view(num_classes, num_classes)


def flipping(fetch: Callable[[Tensor], Videos], mirrored: Bool[Tensor, " n"]) -> Callable[[Tensor], Videos]:
    """`fetch`, with the clips mirrored left to right where `mirrored` says so."""

    def fetch_flipped(indices: Tensor) -> Videos:
        clips = fetch(indices)
        chosen = mirrored[indices].to(clips.device)
        return torch.where(chosen.reshape(-1, 1, 1, 1, 1), clips.flip(-1), clips)

    return fetch_flipped
