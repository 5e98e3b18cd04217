"""Listeners that pass a run on to TensorBoard and Weights & Biases; each is an extra, imported only here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from vidcondense.events import Event, Listener, broadcast
from vidcondense.extras import import_extra, require_extra
from vidcondense.files import make_folder
from vidcondense.options import choose, flattened

TrackerName = Literal["tensorboard", "wandb"]


@contextlib.contextmanager
def tracking(names: Sequence[str], folder: Path, options: Mapping[str, Any]) -> Iterator[Listener]:
    """A listener that passes on what the events of iterations count; closed with the context.

    Args:
        names: of `TRACKERS`; none: a listener that does nothing.
        folder: for their files; made when there is a tracker.
        options: of the run, as JSON, to be shown beside it.

    Raises:
        UsageError: a name is unknown, or its package is not installed.
        OutputError: the folder cannot be made.
    """
    open_trackers = [choose(TRACKERS, name, "tracker") for name in names]
    for name in names:
        require_extra(name, f"--log {name}")
    with contextlib.ExitStack() as stack:
        if names:
            make_folder(folder)
        yield broadcast(*[stack.enter_context(opened(folder, options)) for opened in open_trackers])


@contextlib.contextmanager
def _tensorboard(folder: Path, options: Mapping[str, Any]) -> Iterator[Listener]:
    """Event files in `folder`, for `tensorboard --logdir`."""
    writer = import_extra("torch.utils.tensorboard").SummaryWriter(str(folder))
    writer.add_text(
        "options", "\n".join(f"    {name}: {value}" for name, value in flattened(options).items())
    )

    def listen(event: Event) -> None:
        for name, value in _counted(event).items():
            writer.add_scalar(name, value, event["iteration"])

    try:
        yield listen
    finally:
        writer.close()


@contextlib.contextmanager
def _wandb(folder: Path, options: Mapping[str, Any]) -> Iterator[Listener]:
    """A run of the project `vidcondense`; where it is sent is said by wandb's own settings."""
    run = import_extra("wandb").init(
        project="vidcondense", name=folder.name, dir=str(folder), config=flattened(options)
    )

    def listen(event: Event) -> None:
        if counted := _counted(event):
            run.log(counted, step=event["iteration"])

    try:
        yield listen
    finally:
        run.finish()


TRACKERS: dict[str, Callable[[Path, Mapping[str, Any]], contextlib.AbstractContextManager[Listener]]] = {
    "tensorboard": _tensorboard,
    "wandb": _wandb,
}


def _counted(event: Event) -> dict[str, float | int]:
    """The numbers of the event of an iteration; of another event none."""
    if event["kind"] != "iteration":
        return {}
    return {
        name: value
        for name, value in event.items()
        if name != "iteration" and isinstance(value, (float, int)) and not isinstance(value, bool)
    }
