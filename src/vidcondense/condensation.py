"""A condensation from start to end: log, checkpoint, resume, stop, write the set."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vidcondense.assembly import check_condense, followed_experts
from vidcondense.byte_limit import ByteLimit
from vidcondense.checkpoint import load_checkpoint, save_checkpoint
from vidcondense.compute import Compute, choose_compute, versions_of
from vidcondense.condenser import Condenser
from vidcondense.distributed import ALONE, Ranks
from vidcondense.errors import FormatError, Interrupted, UsageError
from vidcondense.events import Event, EventLog, Listener, broadcast, ignore
from vidcondense.files import write_text
from vidcondense.interfaces import RealClips, Representation
from vidcondense.interrupts import Interrupts, catch_interrupts
from vidcondense.matching.kept_means import KeptMeans
from vidcondense.memory import most_saved
from vidcondense.methods import METHODS
from vidcondense.options import as_json, changed_fields, require, without_former
from vidcondense.real_sets import selected_videos
from vidcondense.settings import CondenseOptions
from vidcondense.storage.codecs import CODECS, Coding
from vidcondense.storage.condensed import (
    CondensedDataset,
    Origin,
    load_condensed,
    put_in_place,
    save_condensed,
)
from vidcondense.storage.labels import SoftLabels
from vidcondense.storage.option_defaults import NEWEST, TABLES, with_defaults
from vidcondense.storage.workspace import CHECKPOINT, LOG, RECIPE, owned_output


@dataclass(frozen=True, kw_only=True)
class CheckpointOptions:
    """When a condensation keeps a checkpoint, beside Ctrl-C, SIGTERM, an error outside a step and its end."""

    checkpoint_every: int | None = None
    """Keep a checkpoint every so many iterations (default: by the clock alone)."""

    checkpoint_seconds: float = 60.0
    """Keep a checkpoint when so many seconds have gone since the last one."""

    def __post_init__(self) -> None:
        every, seconds = self.checkpoint_every, self.checkpoint_seconds
        require(every is None or every >= 1, "checkpoint_every", every, "must be at least 1 iteration")
        require(seconds > 0, "checkpoint_seconds", seconds, "must be more than 0 seconds")


def condense(
    real: RealClips,
    out: str | Path,
    options: CondenseOptions | None = None,
    *,
    data: Mapping[str, Any] | None = None,
    recipe: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    compute: Compute | None = None,
    ranks: Ranks = ALONE,
    checkpoints: CheckpointOptions | None = None,
    means: KeptMeans | None = None,
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
        recipe: text to keep beside the set, as recipe.toml: how to make it again.
        resume: continue from `out.partial`; options must be the same.
        overwrite: replace an existing `out` (once the new one is complete), or start `out.partial` anew.
        compute: device and precision; default: chosen for this machine.
        ranks: the processes that share the work (`join_ranks`); all call this with the same arguments, and
            see the same `out`.
        checkpoints: when to keep one.
        means: where mean features of real clips are kept, for condensations of the same clips with other
            options (distribution matching); the set has the same bytes.
        listener: gets every event, on every rank.

    Returns:
        The set, as read back from the disk.

    Raises:
        UsageError, DataError, FormatError: see `check_condense`; or changed options with `resume`.
        OutputError: `out` exists, or cannot be written.
        LimitError: the loss became infinite, or the set cannot be kept to its budget.
        RankError: another rank failed.
        Interrupted: SIGINT or SIGTERM; a checkpoint was written.
    """
    options = options or CondenseOptions()
    compute = compute or choose_compute()
    out = Path(out)
    check_condense(real, options, ranks)
    work = out.with_name(out.name + ".partial")
    owned = owned_output(out, resume=resume, overwrite=overwrite) if ranks.first else nullcontext()
    with owned:
        ranks.wait()  # until the folder is there
        origin = origin_of(real, options, data or {}, compute, ranks)
        videos: Representation
        coding = options.coding()
        learned_labels: SoftLabels | None = None
        if METHODS[options.method].select is not None:
            with EventLog(work / LOG) as log:
                videos = selected_videos(real, options, compute, broadcast(log, listener))
        else:
            condenser = Condenser(real, options, compute, ranks, means)
            if options.max_bytes is not None:
                coding = _limit(
                    condenser, ByteLimit(budget=options.max_bytes, options=options, origin=origin)
                )
            keeping = checkpoints or CheckpointOptions()
            videos = _optimise(condenser, origin, work, keeping, listener, resume=resume)
            learned_labels, origin = condenser.learned_labels(), replace(origin, learned=condenser.learned())
        if ranks.first:
            save_condensed(work, videos, options.codec, origin, coding, learned_labels, options.max_bytes)
            if recipe is not None:
                write_text(work / RECIPE, recipe)
            put_in_place(work, out)
            (out / CHECKPOINT).unlink(missing_ok=True)  # not earlier: a kill must not leave neither
        ranks.wait()  # until the set is there
    return load_condensed(out)


def _limit(condenser: Condenser, limit: ByteLimit) -> Coding:
    """Refuse a budget that the set cannot keep, insert no more than it allows; how to code the set."""
    coding, last = limit.options.coding(), len(condenser.stages) - 1
    if last:
        condenser.enter(last)  # as yet with what the first stage starts from: it takes as many bytes
    videos = condenser.result()
    if condenser.ranks.first:
        coding = limit.check_start(videos, condenser.learned_labels(), condenser.learned())
    if last:
        condenser.enter(0)
    condenser.learn_for(coding)
    condenser.limit_insertion(
        lambda videos: limit.fits(videos, condenser.learned_labels(), condenser.learned())
    )
    return coding


def check_budget(
    real: RealClips, options: CondenseOptions, data: Mapping[str, Any], compute: Compute
) -> Coding:
    """How `condense` would code a set to keep to its budget, as far as that is known beforehand.

    Of frames that will be compressed it is not: what is asked for is to be tried.

    Raises:
        UsageError, DataError: as `condense` would.
        LimitError: not even the fewest bits would do.
    """
    if options.max_bytes is None or CODECS[options.codec].packed:
        return options.coding()
    check_condense(real, options)
    limit = ByteLimit(
        budget=options.max_bytes, options=options, origin=origin_of(real, options, data, compute)
    )
    if METHODS[options.method].select is None:
        return _limit(Condenser(real, options, compute), limit)
    drawn = selected_videos(real, replace(options, method="random"), compute, ignore)
    return limit.check_start(drawn, None, {})  # before compression all draws take the same


def origin_of(
    real: RealClips, options: CondenseOptions, data: Mapping[str, Any], compute: Compute, ranks: Ranks = ALONE
) -> Origin:
    """What the manifest of a set says that `condense` makes with the same arguments."""
    return Origin(
        method=options.method,
        options=as_json(options),
        seed=options.seed,
        classes=real.classes,
        mean=tuple(real.mean.tolist()),
        std=tuple(real.std.tolist()),
        flip=real.flip,
        data={**data, **followed_experts(options)},
        versions={**versions_of(compute), **({"ranks": ranks.size} if ranks.size > 1 else {})},
    )


def _optimise(
    condenser: Condenser,
    origin: Origin,
    work: Path,
    options: CheckpointOptions,
    listener: Listener,
    *,
    resume: bool,
) -> Representation:
    """Run a `Condenser` to its end, with a log and checkpoints in `work`."""
    # Whatever the bytes of the result depend on, as a checkpoint gives it back: lists for tuples.
    settings = json.loads(
        json.dumps(
            {
                **origin.options,
                "data": dict(origin.data),
                "classes": origin.classes,
                "versions": dict(origin.versions),
            }
        )
    )
    kept = _resume(condenser, work / CHECKPOINT, settings) if resume else 0
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(EventLog(work / LOG, keep=kept)) if condenser.ranks.first else None
        interrupts = stack.enter_context(catch_interrupts(patient=condenser.ranks.size > 1))
        keeper = _Keeper(condenser, work / CHECKPOINT, settings, log)
        keeper.save()
        _run(condenser, keeper, options, listener, interrupts)
    return condenser.result()


def _resume(condenser: Condenser, path: Path, settings: Mapping[str, Any]) -> int:
    """Go on from a checkpoint; returns how many lines the log had."""
    most = most_saved(condenser.real, condenser.options, condenser.compute)
    tensors, state = load_checkpoint(path, most)
    for name, wanted in {"settings": dict, "iteration": int, "lines": int}.items():
        if type(state.get(name)) is not wanted:
            raise FormatError(f"the checkpoint {path}: {name!r} is missing or of the wrong type")
    before = with_defaults(without_former(state["settings"]), TABLES[NEWEST])  # of options new since then
    if changed := changed_fields(before, settings):
        raise UsageError(
            f"--resume with something else than before ({'; '.join(changed)}); give the same options, or "
            "--overwrite to start anew"
        )
    condenser.load_state(tensors, state["iteration"])
    return max(int(state["lines"]), 0)


@dataclass
class _Keeper:
    """Writes checkpoints; rank 0 does, with the help of all."""

    condenser: Condenser
    path: Path
    settings: Mapping[str, Any]
    log: EventLog | None
    iteration: int = -1
    seconds: float = 0.0

    def save(self) -> None:
        """Keep a checkpoint, unless the last one is of this iteration."""
        if self.iteration == self.condenser.iteration:
            return
        self.iteration, tensors = self.condenser.iteration, self.condenser.state()
        if self.log is not None:
            self.log.flush()
            state = {"iteration": self.iteration, "lines": self.log.lines, "settings": self.settings}
            save_checkpoint(self.path, tensors, state)
        self.condenser.ranks.wait()
        self.seconds = time.monotonic()

    def tell(self, events: Sequence[Event], listener: Listener) -> None:
        """Log and pass on the events of a complete iteration; keep a checkpoint of it where that fails."""
        emit = broadcast(self.log, listener) if self.log is not None else listener
        lines = self.log.lines if self.log is not None else 0
        try:
            for event in events:
                emit(event)
        except Exception:
            with contextlib.suppress(Exception):  # the first error is the one to tell
                self._save_at_exit(events, lines)
            raise

    def _save_at_exit(self, events: Sequence[Event], lines: int) -> None:
        """Keep a checkpoint of an iteration whose events were not all told; the log had `lines` before it.

        Not with several ranks: the others do not wait to be asked for what they hold. Nor where videos are
        not finite: the last checkpoint is worth more.
        """
        if self.log is None or self.condenser.ranks.size > 1 or not self.condenser.finite():
            return
        for event in events[self.log.lines - lines :]:
            self.log(event)
        self.save()

    def due(self, options: CheckpointOptions) -> bool:
        """Whether it is time for one."""
        every = options.checkpoint_every
        by_count = every is not None and self.condenser.iteration % every == 0
        return by_count or time.monotonic() - self.seconds > options.checkpoint_seconds


def _run(
    condenser: Condenser,
    keeper: _Keeper,
    options: CheckpointOptions,
    listener: Listener,
    interrupts: Interrupts,
) -> None:
    while condenser.iteration < condenser.iterations:
        events = condenser.step()  # an error in here may leave half an iteration: the last checkpoint stays
        keeper.tell(events, listener)
        # What one rank saw, all act on, after the same iteration.
        number, due = condenser.ranks.largest(interrupts.received or 0, int(keeper.due(options)))
        if number or due:
            keeper.save()
        if number:
            raise Interrupted(
                f"stopped after {condenser.iteration} of {condenser.iterations} iterations; "
                f"the checkpoint is in {keeper.path.parent}: the same command with --resume goes on there",
                number,
            )
    keeper.save()  # the set may yet fail to be written
