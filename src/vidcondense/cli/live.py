"""What a person watches while a set is condensed: figures under the bar, with a small curve of the loss."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.table import Table

from vidcondense.events import Event

_BLOCKS = "▁▂▃▄▅▆▇█"
_HISTORY = 48  # losses in the curve, one a sign
_RECENT = 20  # iterations that the speed is taken from


@dataclass
class Figures:
    """A listener that rich can show: empty until the first iteration.

    Args:
        clock: seconds, from any beginning.
    """

    clock: Callable[[], float] = time.monotonic
    _losses: deque[float] = field(default_factory=lambda: deque(maxlen=_HISTORY))
    _times: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    _last: Event = field(default_factory=dict)
    _inserted: Event | None = None

    def __call__(self, event: Event) -> None:
        """Take note of an iteration or an insertion; other events are ignored."""
        if event["kind"] == "insertion":
            self._inserted = event
        elif event["kind"] == "iteration":
            self._last = event
            self._losses.append(event["loss"])
            self._times.append(self.clock())

    def rows(self) -> dict[str, str]:
        """What is shown, by its name."""
        if not self._last:
            return {}
        rows = {"loss": f"{self._last['loss']:.4g}  {sparkline(self._losses)}"}
        if self._last.get("cosine_median") is not None:
            low, middle, high = (self._last[f"cosine_{name}"] for name in ("low", "median", "high"))
            rows["cosines"] = (
                f"{middle:+.3f} ({low:+.3f} to {high:+.3f}), {self._last['conflicts']} in conflict"
            )
        if "key_frames" in self._last:
            rows["key frames"] = f"{self._last['key_frames']:.2f} a video{self._newest()}"
        if "paper_mb" in self._last:
            rows["size"] = f"{self._last['paper_mb']:.3f} paper MB"
        if len(self._times) > 1 and self._times[-1] > self._times[0]:
            speed = (len(self._times) - 1) / (self._times[-1] - self._times[0])
            rows["speed"] = f"{speed:.2f} iterations/s" if speed >= 0.5 else f"{1 / speed:.1f} s an iteration"
        return rows

    def _newest(self) -> str:
        if self._inserted is None:
            return ""
        video, frame, iteration = (self._inserted[name] for name in ("video", "frame", "iteration"))
        return f"; newest: frame {frame} of video {video}, at iteration {iteration}"

    def __rich__(self) -> Table:
        """The rows as a table without lines."""
        table = Table.grid(padding=(0, 2))
        for name, text in self.rows().items():
            table.add_row(f"  {name}", text)
        return table


def sparkline(values: Sequence[float]) -> str:
    """A curve of one sign a value, from the least to the greatest."""
    if not values:
        return ""
    low, high = min(values), max(values)
    scale = (len(_BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BLOCKS[round((value - low) * scale)] for value in values)
