"""When videos move, against where their key frames are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from vidcondense.evaluation.motion import speed_over_time
from vidcondense.interfaces import ClipSource
from vidcondense.report.axes import Number
from vidcondense.report.charts import ROW, SMALL_WIDTH, Chart, line_chart
from vidcondense.report.numbers import Values
from vidcondense.report.runs import Run
from vidcondense.video.dataset import ClipDataset

MAX_CLASSES = 12
MAX_CLIPS = 8
"""Of a class of each source: flow takes time."""

_REAL_COLOUR = -1


def motion_charts(runs: Sequence[Run], real: ClipDataset | None) -> list[Chart]:
    """A chart a class: optical flow of real clips and of condensed videos, and the key frames of these."""
    names = list(dict.fromkeys(name for run in runs for name in run.clips.classes))
    charts = [_of_class(name, runs, real) for name in names[:MAX_CLASSES]]
    return [chart for chart in charts if chart is not None]


def _of_class(name: str, runs: Sequence[Run], real: ClipDataset | None) -> Chart | None:
    sources: list[tuple[str, int, ClipSource, list[int]]] = [
        (run.name, index, run.clips, _members(run.clips, name)) for index, run in enumerate(runs)
    ]
    if real is not None:
        sources.insert(0, ("real clips", _REAL_COLOUR, real, _members(real, name)))
    series = [_speed(*source) for source in sources if source[3]]
    frames = max(run.clips.shape[0] for run in runs)
    rows = [index for index, run in enumerate(runs) if _some_but_not_all(key_frame_shares(run, name))]
    below = "; below, where key frames are" if rows else ""
    chart = line_chart(
        name,
        f"Class {name}: mean length of the optical flow between frames{below}.",
        series,
        x="frame",
        y="flow, px",
        x_range=[0, frames - 1],
        include=[0],
        width=SMALL_WIDTH,
        strip=ROW * len(rows) + ROW // 2 if rows else 0,
    )
    return chart and replace(chart, rug=tuple(_rug(chart, name, runs, rows)))


def _rug(
    chart: Chart, name: str, runs: Sequence[Run], rows: Sequence[int]
) -> Iterator[tuple[Number, Number, int, Number, str]]:
    """A sign for every frame at which videos of the class have a key frame, a row a run."""
    for row, index in enumerate(rows):
        y = chart.height - chart.bottom + ROW * (row + 1)
        for frame, share in enumerate(key_frame_shares(runs[index], name)):
            if share:
                text = f"{runs[index].name}, frame {frame}: a key frame of {100 * share:.0f} % of the videos"
                yield chart.x.at(frame), y, index, round(share, 3), text


def _some_but_not_all(shares: Sequence[Number]) -> bool:
    """Where every frame is a key frame, none says anything."""
    return any(shares) and not all(share == 1 for share in shares)


def key_frame_shares(run: Run, name: str) -> list[Number]:
    """Of each frame, the share of the videos of a class that have a key frame there."""
    members = _members(run.clips, name)
    positions = run.clips.positions
    return [
        sum(frame in positions[video] for video in members) / max(len(members), 1)
        for frame in range(run.clips.shape[0])
    ]


def _members(clips: ClipSource, name: str) -> list[int]:
    if name not in clips.classes:
        return []
    found: list[int] = (clips.labels == clips.classes.index(name)).nonzero().flatten().tolist()
    return found[:MAX_CLIPS]


def _speed(name: str, colour: int, clips: ClipSource, indices: list[int]) -> Values:
    speed = speed_over_time(clips, torch.tensor(indices)).mean(dim=0).tolist()
    return Values(name=name, colour=colour, x=[frame + 0.5 for frame in range(len(speed))], y=speed)
