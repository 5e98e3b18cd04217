"""Where a condensation works, and when it may take the place of what is there."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from vidcondense.errors import OutputError, UsageError
from vidcondense.files import locked, make_folder, restore_folder, writing
from vidcondense.storage.kinds import KINDS
from vidcondense.storage.manifest import MANIFEST

CHECKPOINT = "checkpoint.safetensors"
LOG = "events.jsonl"
RECIPE = "recipe.toml"

_PAYLOADS = tuple(kind.payload for kind in KINDS.values())


def check_output(out: Path, *, resume: bool, overwrite: bool) -> Path:
    """Refuse, before any work is done and without touching anything, what `owned_output` would refuse.

    Returns:
        The folder to work in, `out.partial`.

    Raises:
        OutputError: something is there already that neither `resume` nor `overwrite` may touch.
        UsageError: there is nothing to resume.
    """
    work = out.with_name(out.name + ".partial")
    if resume and overwrite:
        raise UsageError("--resume and --overwrite contradict each other; use one")
    if out.exists() and not (overwrite and _is_ours(out, MANIFEST)):
        raise OutputError(_occupied(out, overwrite=overwrite))
    if work.exists() and not _is_ours(work, MANIFEST, CHECKPOINT, LOG, *_PAYLOADS):
        raise OutputError(f"{work} is in the way and not of our making; move it or choose another --out")
    if resume and not (work / CHECKPOINT).is_file():
        raise UsageError(f"nothing to --resume: {work} has no checkpoint; run without --resume")
    if (work / CHECKPOINT).is_file() and not (resume or overwrite):
        raise OutputError(
            f"{work} holds an interrupted run; use --resume to go on, or --overwrite to start anew"
        )
    return work


@contextlib.contextmanager
def owned_output(out: Path, *, resume: bool, overwrite: bool) -> Iterator[Path]:
    """The folder to work in, `out.partial`, empty or with a checkpoint to continue from; for one process.

    Raises:
        OutputError, UsageError: as `check_output`; or the folder cannot be made; or another process works
            there.
    """

    def refuse() -> None:
        raise OutputError(f"another process is working on {out}; wait for it or choose another --out")

    work = check_output(out, resume=resume, overwrite=overwrite)
    make_folder(work)
    with locked(out.with_name(f".{out.name}.lock"), refuse):
        restore_folder(out)
        check_output(out, resume=resume, overwrite=overwrite)  # it may have changed before the lock
        with writing(work):
            if resume:
                for half in work.glob(".*.tmp-*"):  # of a process that was killed while it wrote
                    half.unlink()
            else:
                shutil.rmtree(work)
                work.mkdir()
        try:
            yield work
        except BaseException:
            with contextlib.suppress(OSError):  # there is something to go on from
                work.rmdir()
            raise


def _occupied(out: Path, *, overwrite: bool) -> str:
    if overwrite:
        return f"{out} is no condensed set, so --overwrite leaves it alone; choose another --out"
    return f"{out} exists; use --overwrite to replace it, or another --out"


def _is_ours(folder: Path, *signs: str) -> bool:
    """Whether a folder is empty or holds a file that we put there."""
    if not folder.is_dir():
        return False
    with writing(folder):
        names = {entry.name for entry in folder.iterdir()}
    return not names or not names.isdisjoint(signs)
