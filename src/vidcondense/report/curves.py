"""The charts of a report that come from logs: how a condensation went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeGuard

from vidcondense.files import size_text
from vidcondense.report.axes import Number
from vidcondense.report.charts import Chart, Point, line_chart, scatter
from vidcondense.report.numbers import Values
from vidcondense.report.runs import Run


def training_charts(runs: Sequence[Run]) -> list[Chart]:
    """Loss, cosines, and bytes over the iterations; of each only where a log has it."""
    charts = [
        line_chart(
            "Loss",
            "What the condensation minimises, summed over classes; sets of different methods minimise "
            "different things.",
            [_values(run, index, "loss") for index, run in enumerate(runs)],
            x="iteration",
            y="loss",
            include=[0],
        ),
        line_chart(
            "Deciding cosine",
            "Of the frames that are no key frames: median, and the band from the 5 % to the 95 % quantile. "
            "A frame below the line is in conflict with both key frames around it.",
            [
                _values(run, index, "cosine_median", "cosine_low", "cosine_high")
                for index, run in enumerate(runs)
            ],
            x="iteration",
            y="cosine",
            marks=_thresholds(runs),
        ),
        line_chart(
            "Size",
            "Lines: the key frames as float32 numbers, as papers count. Dots: what lies on the disk.",
            [
                replace(_values(run, index, "paper_mb"), name=f"{run.name}, {_on_disk(run)}")
                for index, run in enumerate(runs)
            ],
            x="iteration",
            y="MiB",
            include=[0],
            points=[_written(run, index) for index, run in enumerate(runs) if run.iterations],
        ),
    ]
    return [chart for chart in charts if chart is not None]


def arrival_charts(runs: Sequence[Run]) -> list[Chart]:
    """How many key frames there are over the iterations, and when and where each came."""
    many = line_chart(
        "Key frames a video",
        "Mean number of key frames of a video.",
        [_values(run, index, "key_frames") for index, run in enumerate(runs)],
        x="iteration",
        y="key frames",
        include=[0],
    )
    where = [_arrivals(run, index) for index, run in enumerate(runs)]
    return [chart for chart in (many, *where) if chart is not None]


def reason(run: Run, before: int | None, after: int | None) -> str:
    """Why a frame between two key frames was made one, in words."""
    rule, epsilon = _insertion(run)
    if rule == "conflict":
        return (
            f"its gradient disagreed with those of key frames {before} and {after} "
            f"(both cosines below ε = {epsilon}): no blend of the two could follow"
        )
    if rule == "l2":
        return "placed where the gradient was farthest from those of its neighbours (control)"
    return f"placed by the rule {rule!r} (control)"


def cosines_head(run: Run) -> str:
    """The title of the cosines of inserted frames: with what they had to lie below."""
    rule, epsilon = _insertion(run)
    return f"cosines, both below ε = {epsilon:g}" if rule == "conflict" and _is(epsilon) else "cosines"


def by_conflict(run: Run) -> bool:
    """Whether key frames came where gradients disagreed."""
    return bool(run.insertions) and _insertion(run)[0] == "conflict"


def _is(epsilon: object) -> TypeGuard[float]:
    return isinstance(epsilon, int | float)


def _arrivals(run: Run, index: int) -> Chart | None:
    classes, labels = run.clips.classes, run.clips.labels.tolist()
    points = [
        (
            float(event["iteration"]),
            float(event["frame"]),
            index,
            f"{classes[labels[event['video']]]}, video {event['video']}: frame {event['frame']} "
            f"at iteration {event['iteration']}",
        )
        for event in run.insertions
    ]
    last = run.iterations[-1]["iteration"] if run.iterations else 0
    return scatter(
        f"When and where: {run.name}",
        f"Every insertion of {run.name}: at which iteration, at which frame of its video.",
        points,
        x="iteration",
        y="frame",
        x_range=[0, last],
        y_range=[0, run.clips.shape[0] - 1],
    )


def _values(run: Run, colour: int, middle: str, low: str = "", high: str = "") -> Values:
    events = run.iterations
    return Values(
        name=run.name,
        colour=colour,
        x=[event["iteration"] for event in events],
        y=[event.get(middle) for event in events],
        low=[event.get(low) for event in events] if low else (),
        high=[event.get(high) for event in events] if high else (),
    )


def _on_disk(run: Run) -> str:
    return f"{size_text(run.clips.bytes)} on disk"


def _written(run: Run, colour: int) -> Point:
    """The bytes of the set, at its last iteration."""
    return run.iterations[-1]["iteration"], run.clips.bytes / 2**20, colour, f"{run.name}: {_on_disk(run)}"


def _thresholds(runs: Sequence[Run]) -> list[tuple[Number, str]]:
    """ε of every run whose log has cosines, once each."""
    found = {
        epsilon
        for run in runs
        if any(event.get("cosine_median") is not None for event in run.iterations)
        if _is(epsilon := _insertion(run)[1])
    }
    return [(epsilon, f"ε = {epsilon:g}") for epsilon in sorted(found)]


def _insertion(run: Run) -> tuple[object, object]:
    """The rule of insertion, and ε, as the manifest has them."""
    options = run.clips.manifest["options"].get("insert")
    return (options.get("insertion"), options.get("epsilon")) if isinstance(options, dict) else (None, None)
