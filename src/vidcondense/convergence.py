"""Was a condensation long enough? What its log says of the end."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, variance

from vidcondense.events import Event

_LEAST_ITERATIONS = 40
_LEAST_FALL = 0.02
_ERRORS = 2.0


def fall_at_end(events: Sequence[Event]) -> float | None:
    """By what share the loss fell from the third quarter of the iterations to the last one.

    Losses scatter, for networks and real clips change: a fall of less than two of its standard errors, which
    chance alone shows in one of forty runs, is none.

    Args:
        events: of a run; of several stages the last one counts.

    Returns:
        0.1 for a tenth; None where it did not fall, by less than a fiftieth, or where there are fewer than 40
        iterations.
    """
    iterations = [event for event in events if event["kind"] == "iteration"]
    if not iterations:
        return None
    last = iterations[-1].get("stage")
    losses = [event["loss"] for event in iterations if event.get("stage") == last]
    if len(losses) < _LEAST_ITERATIONS:
        return None
    quarter = len(losses) // 4
    before, after = losses[-2 * quarter : -quarter], losses[-quarter:]
    fall = fmean(before) - fmean(after)
    error = ((variance(before) + variance(after)) / quarter) ** 0.5
    if fall <= max(_LEAST_FALL * fmean(before), _ERRORS * error):
        return None
    return fall / fmean(before)
