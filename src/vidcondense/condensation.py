"""The loop: step, insert, log, checkpoint, stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vidcondense import __version__, rng
from vidcondense.checkpoint import load_checkpoint, save_checkpoint
from vidcondense.compute import Compute, choose_compute
from vidcondense.errors import DataError, Interrupted, LimitError, UsageError
from vidcondense.events import Event, EventLog, Listener, broadcast, ignore
from vidcondense.files import replace_folder
from vidcondense.insertion.conflict import Inserter
from vidcondense.insertion.options import InsertionOptions
from vidcondense.interfaces import RealClips
from vidcondense.interrupts import Interrupts, catch_interrupts
from vidcondense.matching.distribution import DistributionMatcher, MatchOptions
from vidcondense.methods import METHODS, Init
from vidcondense.models import check_features
from vidcondense.options import as_json, changed_fields, choose, require
from vidcondense.selection import select_random
from vidcondense.storage.codecs import CODECS
from vidcondense.storage.condensed import CondensedDataset, Origin, load_condensed, save_condensed
from vidcondense.storage.workspace import CHECKPOINT, LOG, owned_output
from vidcondense.synthetic.keyframes import KeyFrameVideos, downsample, spread_mask

_CHECKPOINT_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class CondenseOptions:
    """How a set is condensed."""

    method: str = "prism"
    """prism, dm (every frame learned), or random (real clips as they are, the control)."""

    vpc: int = 1
    """Synthetic videos per class."""

    init: Init | None = None
    """What key frames start from: noise, or frames of random real clips (default: noise; dm: real)."""

    iterations: int = 5000
    """Optimisation steps."""

    lr: float = 10.0
    """Learning rate of the key frames (SGD)."""

    momentum: float = 0.95
    """Momentum of SGD."""

    initial_key_frames: int | None = None
    """Key frames a video starts with, evenly spread (default: 2, the first and the last)."""

    key_frame_size: int | None = None
    """Side of the key frames in pixels; smaller ones are learned upsampled (default: that of the clips)."""

    codec: str = "uint8"
    """How key frames are stored: float32 (as the papers count), float16, or uint8 (a quarter)."""

    seed: int = 0
    """Seed of everything random; the same seed gives the same bytes on the same machine."""

    match: MatchOptions = field(default_factory=MatchOptions)
    """What is matched."""

    insert: InsertionOptions = field(default_factory=InsertionOptions)
    """When and where key frames appear."""

    def __post_init__(self) -> None:
        method = choose(METHODS, self.method, "method")
        choose(CODECS, self.codec, "codec")
        require(self.vpc >= 1, "vpc", self.vpc, "must be at least 1 video per class")
        require(self.iterations >= 1, "iterations", self.iterations, "must be at least 1")
        require(self.lr > 0, "lr", self.lr, "must be a positive number")
        require(0 <= self.momentum < 1, "momentum", self.momentum, "must be at least 0 and below 1")
        keys = self.initial_key_frames
        require(keys is None or keys >= 2, "initial_key_frames", keys, "must be at least 2 (first and last)")
        side = self.key_frame_size
        require(side is None or side >= 1, "key_frame_size", side, "must be at least 1 pixel")
        if keys is not None and method.kind != "sparse":
            raise UsageError(f"--initial-key-frames {keys}: --method {self.method} has no key frames")
        rng.check_seed(self.seed)


class Condenser:
    """One condensation in memory: everything but files and signals.

    Args:
        real: the training clips.
        options: what to do; the method must be one that learns.
        compute: where.
    """

    def __init__(self, real: RealClips, options: CondenseOptions, compute: Compute) -> None:
        self.options = options
        self.iteration = 0
        self.videos = initial_videos(real, options, compute)
        self.matcher = DistributionMatcher(
            real, self.videos.labels, options.match, seed=options.seed, compute=compute
        )
        self.optimiser = torch.optim.SGD(self.videos.parameters(), lr=options.lr, momentum=options.momentum)
        self.inserter = Inserter(options.insert, options.iterations, self.videos.mask, options.seed)

    def step(self) -> list[Event]:
        """Do one iteration.

        Returns:
            The insertions, and one event for the iteration: loss (summed over targets), mean number of key
            frames a video, and a summary of the cosines.

        Raises:
            LimitError: the loss is not a finite number any more; the videos are then as before the step.
        """
        videos = self.videos.render()
        losses = self.matcher.loss(videos, self.iteration)
        if not bool(losses.isfinite().all()):
            raise LimitError(
                f"the loss is not finite at iteration {self.iteration} (--lr {self.options.lr}); "
                "use a smaller --lr, and --overwrite to start anew"
            )
        (gradient,) = torch.autograd.grad(losses.sum(), [videos])
        self.optimiser.zero_grad()
        torch.autograd.backward([videos], [gradient])
        self.optimiser.step()
        inserted, cosines = self.inserter.after_step(self.videos, gradient, self.iteration)
        event = {
            "kind": "iteration",
            "iteration": self.iteration,
            "loss": float(losses.detach().sum()),
            "key_frames": round(float(self.videos.num_key_frames().float().mean()), 4),
            **cosines,
        }
        self.iteration += 1
        return [*inserted, event]

    def state(self) -> dict[str, Tensor]:
        """The tensors from which the condensation goes on exactly."""
        momentum = self.optimiser.state[self.videos.frames].get("momentum_buffer")
        state = {"frames": self.videos.frames, "mask": self.videos.mask}
        state |= {f"insert.{name}": tensor for name, tensor in self.inserter.state().items()}
        return state if momentum is None else {**state, "momentum": momentum}

    def load_state(self, state: Mapping[str, Tensor], iteration: int) -> None:
        """Continue from `state` before the step of `iteration`."""
        frames = self.videos.frames
        with torch.no_grad():
            frames.copy_(state["frames"])
        self.videos.mask.copy_(state["mask"])
        if "momentum" in state:
            self.optimiser.state[frames]["momentum_buffer"] = state["momentum"].to(frames.device)
        prefix = "insert."
        self.inserter.load_state(
            {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        )
        self.iteration = iteration


def initial_videos(real: RealClips, options: CondenseOptions, compute: Compute) -> KeyFrameVideos:
    """The synthetic videos before the first step, in network units: noise N(0, 1), or random real clips."""
    method = METHODS[options.method]
    num_frames, channels, height, width = real.shape
    labels = torch.arange(len(real.classes)).repeat_interleave(options.vpc)
    side = options.key_frame_size
    size = (side, side) if side else (height, width)
    if (options.init or method.init) == "noise":
        stream = rng.generator(options.seed, "noise")
        frames = torch.randn(len(labels), num_frames, channels, *size, generator=stream)
    else:
        frames = downsample(real.batch(select_random(real, options.vpc, options.seed)), size)
    keys = options.initial_key_frames or 2 if method.kind == "sparse" else num_frames
    mask = spread_mask(len(labels), num_frames, keys)
    return KeyFrameVideos(compute.move(frames), compute.move(mask), labels, (height, width))


def check_condense(real: RealClips, options: CondenseOptions) -> None:
    """Refuse what cannot work before anything starts.

    Raises:
        UsageError: the clips are too small for the network, or have fewer frames than key frames are asked.
        DataError: a class has fewer clips than `vpc`.
    """
    num_frames, _, size, _ = real.shape
    check_features(options.match.model, num_frames, size)
    side = options.key_frame_size or size
    if side > size:
        raise UsageError(f"--key-frame-size {side}: the clips are only {size}×{size} pixels")
    keys = options.initial_key_frames or 2
    if keys > num_frames:
        raise UsageError(f"--initial-key-frames {keys}: the clips have only {num_frames} frames")
    for label, name in enumerate(real.classes):
        found = len(real.indices_of(label))
        if found < options.vpc:
            raise DataError(
                f"class {name!r} has {found} training clips, fewer than --vpc {options.vpc}; "
                "use a smaller --vpc or leave the class out"
            )


def condense(
    real: RealClips,
    out: str | Path,
    options: CondenseOptions | None = None,
    *,
    data: Mapping[str, Any] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    compute: Compute | None = None,
    listener: Listener = ignore,
) -> CondensedDataset:
    """Make a condensed set in the folder `out`.

    The work is done in `out.partial`, beside it: a log of events and checkpoints. Only a complete set takes
    the name `out`.

    Args:
        real: the training clips.
        out: the folder to make.
        options: default: PRISM, one video per class.
        data: how the clips were read, for the manifest.
        resume: continue from `out.partial`; options must be the same.
        overwrite: replace an existing `out` (once the new one is complete), or start `out.partial` anew.
        compute: device and precision; default: chosen for this machine.
        listener: gets every event.

    Returns:
        The set, as read back from the disk.

    Raises:
        UsageError, DataError: see `check_condense`; or changed options with `resume`.
        OutputError: `out` exists, or cannot be written.
        LimitError: the loss became infinite.
        Interrupted: SIGINT or SIGTERM; a checkpoint was written.
    """
    options = options or CondenseOptions()
    compute = compute or choose_compute()
    out = Path(out)
    check_condense(real, options)
    with owned_output(out, resume=resume, overwrite=overwrite) as work:
        origin = Origin(
            method=options.method,
            options=as_json(options),
            seed=options.seed,
            classes=real.classes,
            mean=tuple(real.mean.tolist()),
            std=tuple(real.std.tolist()),
            flip=real.flip,
            data=data or {},
            versions=_versions(compute),
        )
        if METHODS[options.method].kind == "select":
            videos = initial_videos(real, options, compute)
        else:
            videos = _optimise(real, options, origin, compute, work, listener, resume=resume)
        save_condensed(work, videos, options.codec, origin)
        load_condensed(work)  # a set that cannot be read back must not take the place of one that can
        (work / CHECKPOINT).unlink(missing_ok=True)
        replace_folder(work, out)
    return load_condensed(out)


def _optimise(
    real: RealClips,
    options: CondenseOptions,
    origin: Origin,
    compute: Compute,
    work: Path,
    listener: Listener,
    *,
    resume: bool,
) -> KeyFrameVideos:
    """Run a `Condenser` to its end, with a log and checkpoints in `work`."""
    condenser = Condenser(real, options, compute)
    kept = 0
    # Whatever the bytes of the result depend on.
    settings = {
        **origin.options,
        "data": dict(origin.data),
        "classes": list(origin.classes),
        "versions": dict(origin.versions),
    }
    path = work / CHECKPOINT
    if resume:
        tensors, state = load_checkpoint(path)
        if changed := changed_fields(state["settings"], settings):
            raise UsageError(f"--resume with something else than before ({'; '.join(changed)})")
        condenser.load_state(tensors, state["iteration"])
        kept = state["lines"]
    with EventLog(work / LOG, keep=kept) as log, catch_interrupts() as interrupts:

        def save() -> None:
            log.flush()
            state = {"iteration": condenser.iteration, "lines": log.lines, "settings": settings}
            save_checkpoint(path, condenser.state(), state)

        save()
        _run(condenser, broadcast(log, listener), save, interrupts, work)
    return condenser.videos


def _run(
    condenser: Condenser, emit: Listener, save: Callable[[], None], interrupts: Interrupts, work: Path
) -> None:
    saved = time.monotonic()
    while condenser.iteration < condenser.options.iterations:
        for event in condenser.step():
            emit(event)
        if interrupts.received is not None:
            save()
            raise Interrupted(
                f"stopped after {condenser.iteration} of {condenser.options.iterations} iterations; "
                f"the checkpoint is in {work}: the same command with --resume goes on from there",
                interrupts.received,
            )
        if time.monotonic() - saved > _CHECKPOINT_SECONDS:
            save()
            saved = time.monotonic()


def _versions(compute: Compute) -> dict[str, Any]:
    """What the bytes of a result depend on beside the options."""
    return {
        "vidcondense": __version__,
        "torch": torch.__version__,
        "device": compute.device.type,
        "precision": compute.precision,
        "threads": torch.get_num_threads(),
    }
