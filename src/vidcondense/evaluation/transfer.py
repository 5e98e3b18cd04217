"""What else a network trained on a set is good for: retrieval, a linear probe, few real clips."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.errors import DataError
from vidcondense.evaluation.judge import HeldOutClips
from vidcondense.evaluation.measures import Correct, Measured, correct
from vidcondense.evaluation.networks import NetworkOptions, Subject, check_alike, subjects
from vidcondense.evaluation.probe import linear_probe
from vidcondense.evaluation.retrieval import RANKS, retrieve
from vidcondense.events import Listener, ignore
from vidcondense.interfaces import ClipSource, RealClips
from vidcondense.models import check_features
from vidcondense.options import require
from vidcondense.selection.random import select_random
from vidcondense.video.views import Chosen


@dataclass(frozen=True, kw_only=True)
class TransferOptions(NetworkOptions):
    """What is measured of the networks that a set trains."""

    shots: tuple[int, ...] = (1, 5)
    """Real training clips a class to train further on, a measurement each."""

    probe_decay: float = 1e-3
    """Weight decay of the linear probe, on standardised features."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(all(shots >= 1 for shots in self.shots), "shots", self.shots, "must be at least 1 each")
        require(self.probe_decay > 0, "probe_decay", self.probe_decay, "must be a positive number")

    def measurements(self, num_gallery: int) -> tuple[str, ...]:
        """The names of what is measured, in order, where there are `num_gallery` real training clips."""
        recalls = (f"R@{rank}" for rank in _ranks(num_gallery))
        return (*recalls, "probe", *(f"{shots}-shot" for shots in self.shots))


def transfer(
    train_set: ClipSource | None,
    real: RealClips,
    test: HeldOutClips,
    options: TransferOptions,
    *,
    compute: Compute,
    listener: Listener = ignore,
) -> Measured:
    """Train networks on a set, then measure on each test clip what they are good for.

    - `R@1`, `R@5`, `R@10`: whether the nearest of the real training clips (by the cosine of the features)
      has its class, or one of the 5 or 10 nearest. Not measured where there are fewer training clips.
    - `probe`: whether a linear classifier of the features, fitted to all real training clips, is right.
    - `k-shot`: whether the network is right once it was trained further on k real clips a class.

    All clips are normalised as the set was. A network that was trained on nothing (`train_set` None) is the
    control for all of these: its `k-shot` is a training from scratch.

    Args:
        train_set: condensed videos, selected clips, all real clips, or None.
        real: the real training clips: gallery, probe and few shots.
        test: held-out clips of the same classes; the queries.
        options: what to do.
        compute: device and precision of the forward passes.
        listener: gets the events of the training on the set, each with its `repeat`.

    Raises:
        UsageError: the model does not fit the clips, or has no features.
        DataError: a class has fewer real clips than are asked of it, or clips differ in classes or shape.
    """
    num_frames, _, size, _ = real.shape
    check_features(options.model, num_frames, size)
    check_alike(train_set, real, test)
    _check_shots(real, options)
    seeds, networks = [], []
    for subject, usable in subjects(train_set, real, options, compute=compute, listener=listener):
        seeds.append(subject.seed)
        found: dict[str, Correct] = {}
        if usable:
            found |= _of_features(subject, real, test, options)
            found |= _of_few_clips(subject, real, test, options)
        networks.append(found)
    return Measured(
        num_train=0 if train_set is None else len(train_set),
        groups=test.groups,
        seeds=tuple(seeds),
        networks=tuple(networks),
    )


def _of_features(
    subject: Subject, real: RealClips, test: HeldOutClips, options: TransferOptions
) -> dict[str, Correct]:
    gallery, query = subject.embed(real), subject.embed(test)
    if not _finite(gallery, query):
        return {}
    ranks = _ranks(len(gallery))
    hits = retrieve(query, gallery, test.labels, real.labels, ranks)
    probe = linear_probe(
        gallery, real.labels, query, num_classes=len(real.classes), decay=options.probe_decay
    )
    found = {f"R@{rank}": tuple(row.float().tolist()) for rank, row in zip(ranks, hits, strict=True)}
    return {**found, "probe": correct(probe, test.labels)}


def _of_few_clips(
    subject: Subject, real: RealClips, test: HeldOutClips, options: TransferOptions
) -> dict[str, Correct]:
    found = {}
    for shots in options.shots:
        student = subject.copy()
        few = Chosen(real, select_random(real, shots, rng.derive_seed(subject.seed, "shots")))
        if student.train(few) and _finite(logits := student.predict(test)):
            found[f"{shots}-shot"] = correct(logits, test.labels)
    return found


def _ranks(num_gallery: int) -> list[int]:
    return [rank for rank in RANKS if rank <= num_gallery]


def _finite(*tensors: Tensor) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in tensors)


def _check_shots(real: RealClips, options: TransferOptions) -> None:
    needed = max(options.shots, default=1)
    for label, name in enumerate(real.classes):
        found = len(real.indices_of(label))
        if found < needed:
            raise DataError(
                f"class {name!r} has {found} training clips, {needed} are needed; use fewer --shots"
            )
