"""A condensation from start to end: log, checkpoint, resume, stop, write the set."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vidcondense.assembly import check_condense, followed_experts
from vidcondense.checkpoint import load_checkpoint, save_checkpoint
from vidcondense.compute import Compute, choose_compute, versions_of
from vidcondense.condenser import Condenser
from vidcondense.errors import FormatError, Interrupted, UsageError
from vidcondense.events import EventLog, Listener, broadcast, ignore
from vidcondense.files import replace_folder, write_text
from vidcondense.interfaces import RealClips, Representation
from vidcondense.interrupts import Interrupts, catch_interrupts
from vidcondense.methods import METHODS
from vidcondense.options import as_json, changed_fields
from vidcondense.real_sets import selected_videos
from vidcondense.settings import CondenseOptions
from vidcondense.storage.condensed import CondensedDataset, Origin, load_condensed, save_condensed
from vidcondense.storage.labels import SoftLabels
from vidcondense.storage.workspace import CHECKPOINT, LOG, RECIPE, owned_output

_CHECKPOINT_SECONDS = 60.0


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
        listener: gets every event.

    Returns:
        The set, as read back from the disk.

    Raises:
        UsageError, DataError, FormatError: see `check_condense`; or changed options with `resume`.
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
            data={**(data or {}), **followed_experts(options)},
            versions=versions_of(compute),
        )
        videos: Representation
        learned_labels: SoftLabels | None = None
        if METHODS[options.method].select is not None:
            with EventLog(work / LOG) as log:
                videos = selected_videos(real, options, compute, broadcast(log, listener))
        else:
            condenser = _optimise(real, options, origin, compute, work, listener, resume=resume)
            videos, origin = condenser.videos, replace(origin, learned=condenser.learned())
            learned_labels = condenser.learned_labels()
        save_condensed(work, videos, options.codec, origin, options.coding(), learned_labels)
        if recipe is not None:
            write_text(work / RECIPE, recipe)
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
) -> Condenser:
    """A `Condenser` that was run to its end, with a log and checkpoints in `work`."""
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
        for name, wanted in {"settings": dict, "iteration": int, "lines": int}.items():
            if type(state.get(name)) is not wanted:
                raise FormatError(f"the checkpoint {path}: {name!r} is missing or of the wrong type")
        if changed := changed_fields(state["settings"], settings):
            raise UsageError(f"--resume with something else than before ({'; '.join(changed)})")
        condenser.load_state(tensors, state["iteration"])
        kept = max(state["lines"], 0)
    with EventLog(work / LOG, keep=kept) as log, catch_interrupts() as interrupts:

        def save() -> None:
            log.flush()
            state = {"iteration": condenser.iteration, "lines": log.lines, "settings": settings}
            save_checkpoint(path, condenser.state(), state)

        save()
        _run(condenser, broadcast(log, listener), save, interrupts, work)
    return condenser


def _run(
    condenser: Condenser, emit: Listener, save: Callable[[], None], interrupts: Interrupts, work: Path
) -> None:
    saved = time.monotonic()
    while condenser.iteration < condenser.iterations:
        for event in condenser.step():
            emit(event)
        if interrupts.received is not None:
            save()
            raise Interrupted(
                f"stopped after {condenser.iteration} of {condenser.iterations} iterations; "
                f"the checkpoint is in {work}: the same command with --resume goes on from there",
                interrupts.received,
            )
        if time.monotonic() - saved > _CHECKPOINT_SECONDS:
            save()
            saved = time.monotonic()
