"""Kernel ridge regression (FRePo): the labels of real clips must follow from the synthetic videos.

Source: Zhou, Nezhadarya and Ba, "Dataset Distillation using Neural Feature Regression" (NeurIPS 2022, arXiv
2206.00719). A network that was trained on the synthetic set is, in its last layer, a regression on its
features. So instead of unrolling a training, the last layer is solved for: with features S of the synthetic
videos and X of real clips, K_ss = S Sᵀ and K_ts = X Sᵀ, real clips are predicted to have the labels

    K_ts (K_ss + λ I)⁻¹ Y_s ,   λ = ridge · tr(K_ss) / N ,

and the loss is half the squared distance to their labels, the mean over a batch. λ follows the scale of the
features, so the loss does not depend on it. The networks are those of a pool in training (`online.py`). The
labels Y_s are learned as the videos are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vidcondense.checkpoint import part_of
from vidcondense.compute import Compute
from vidcondense.distributed import ALONE, Ranks
from vidcondense.interfaces import Labels, Match, PerTarget, RealClips, Representation, Videos
from vidcondense.matching.features import real_features, synthetic_features
from vidcondense.matching.online import OnlinePool
from vidcondense.matching.options import KernelOptions, MatchOptions
from vidcondense.matching.targets import make_targets
from vidcondense.video.fetch import fetcher

_LABELS, _POOL = "labels", "pool."


class KernelMatcher:
    """Matches the labels of real clips, predicted from synthetic videos by kernel ridge regression.

    Attributes:
        labels: of the videos, `[N, K]`, centred; they start as those of real clips are (`centred`).

    Args:
        real: the training clips.
        labels: the class of each synthetic video, `[N]`.
        options: what is matched.
        kernel: of the regression and the networks.
        seed: of networks, real clips, the order of the videos, and dropout.
        compute: where networks run; the regression is float64.
        ranks: the processes that share the classes of the real clips; all have all videos.
    """

    def __init__(
        self,
        real: RealClips,
        labels: Labels,
        options: MatchOptions,
        kernel: KernelOptions,
        *,
        seed: int,
        compute: Compute,
        ranks: Ranks = ALONE,
    ) -> None:
        self.real = real
        self.fetch = fetcher(real, compute)
        self.options = options
        self.kernel = kernel
        self.seed = seed
        self.compute = compute
        self.ranks = ranks
        targets, own = make_targets("class", real, labels, seed), ranks.share(len(real.classes))
        self.drawn = targets.num_drawn(options.real_batch_of("frepo"))
        self.targets = replace(targets, members=targets.members[own.start : own.stop], first=own.start)
        self.chunk = options.chunk_of(real.shape)
        self.labels = compute.move(centred(labels, len(real.classes)))
        self.labels.requires_grad_(self.learns_labels)
        self.pool = OnlinePool(
            options.model, real.shape, len(real.classes), kernel, batch=self.chunk, seed=seed, compute=compute
        )

    @property
    def learns_labels(self) -> bool:
        """Whether labels are learned, or stay those of the videos' classes."""
        return self.kernel.label_lr > 0

    def loss(self, videos: Videos, iteration: int) -> PerTarget:
        """The share of each of this rank's classes in the loss, float64; all sum to the mean over the batch.

        Args:
            videos: `[N, T, C, H, W]` in network units.
            iteration: from 0; it determines the network's place in the pool, and the real clips.
        """
        network = self.pool.network(iteration)
        drawn = self.targets.draw(self.options.real_batch_of("frepo"), self.seed, iteration)
        clips = torch.cat(drawn)
        real = real_features(network, self.fetch, clips, self.chunk, self.compute)
        synthetic = synthetic_features(
            lambda part, numbers: network.embed(part), videos, self.chunk, self.compute
        )
        predicted = regress(real, synthetic, self.labels, self.kernel.ridge)
        classes = self.compute.move(self.real.labels[clips])
        wanted = centred(classes, len(self.real.classes))
        each = (predicted - wanted).square().sum(dim=1) / (2 * self.drawn)
        shares = torch.zeros(len(drawn), dtype=each.dtype, device=each.device)
        return shares.index_add(0, classes - self.targets.first, each)

    def match(self, videos: Videos, iteration: int) -> Match:
        """`loss`, and the gradient of its sum in the videos and in the labels."""
        videos = videos.detach().requires_grad_()
        losses = self.loss(videos, iteration)
        learned = [self.labels] if self.learns_labels else []
        gradient, *own = torch.autograd.grad(losses.sum(), [videos, *learned])
        trained = self.options.inner_steps * min(len(videos), self.pool.batch)
        return Match(
            torch.cat(self.ranks.exchange(losses.detach().float().cpu())),
            self.ranks.sum(gradient),
            clips=self.drawn + len(videos) + trained,
            own=tuple(self.ranks.sum(each) for each in own),
        )

    def parameters(self) -> list[dict[str, Any]]:
        """The labels, with a learning rate of their own."""
        return [{"params": [self.labels], "lr": self.kernel.label_lr}] if self.learns_labels else []

    def after_step(self, videos: Representation, iteration: int) -> None:
        """Train the iteration's network on the new videos and labels."""
        rendered = videos.render(iteration).detach()
        self.pool.train(rendered, self.labels.detach(), iteration, self.options.inner_steps)

    def learned_labels(self) -> Float[Tensor, "n k"] | None:
        """The labels as they are now, on the CPU; None where they are not learned."""
        return self.labels.detach().cpu() if self.learns_labels else None

    def state(self) -> dict[str, Tensor]:
        """Labels, and the pool."""
        return {_LABELS: self.labels, **{_POOL + name: value for name, value in self.pool.state().items()}}

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take on the labels and the pool of a checkpoint."""
        self.labels.copy_(state[_LABELS])
        self.pool.load_state(part_of(state, _POOL))


def centred(classes: Labels, num_classes: int) -> Float[Tensor, "n k"]:
    """Labels to regress on: one-hot minus 1 / K, so 1 - 1/K for the class, -1/K for others, 0 in the sum.

    The published code divides those the videos start with by √(K / 10) as well; here both sides are alike.
    """
    return F.one_hot(classes, num_classes).float() - 1 / num_classes


def regress(
    real: Float[Tensor, "m d"], synthetic: Float[Tensor, "n d"], labels: Float[Tensor, "n k"], ridge: float
) -> Float[Tensor, "m k"]:
    """The labels of real clips, by kernel ridge regression on synthetic videos, float64.

    Args:
        real: features to predict from.
        synthetic: features that the labels belong to.
        labels: of the synthetic videos.
        ridge: λ over the mean of the diagonal of K_ss.

    Returns:
        `[M, K]`; NaN where the kernel cannot be inverted (features that are not finite, or all zero).
    """
    real, synthetic, labels = real.double(), synthetic.double(), labels.double()
    kernel = synthetic @ synthetic.T
    noise = ridge * kernel.trace() / len(kernel)
    eye = torch.eye(len(kernel), dtype=kernel.dtype, device=kernel.device)
    factor, failed = torch.linalg.cholesky_ex(kernel + noise * eye)
    solved = torch.cholesky_solve(labels, factor)
    return (real @ synthetic.T @ solved).where(failed == 0, torch.nan)
