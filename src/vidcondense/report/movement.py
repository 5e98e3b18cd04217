"""When videos move, against where their key frames are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from vidcondense.evaluation.motion import speed_over_time
from vidcondense.interfaces import ClipSource
from vidcondense.report.axes import Number
from vidcondense.report.charts import Chart, Values, line_chart
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
    chart = line_chart(
        name,
        f"Class {name}: mean length of the optical flow between frames; below, where key frames are.",
        series,
        x="frame",
        y="flow, px",
        x_range=[0, frames - 1],
        include=[0],
    )
    return chart and replace(chart, rug=tuple(_rug(chart, name, runs)))


def _rug(chart: Chart, name: str, runs: Sequence[Run]) -> Iterator[tuple[Number, int, Number, str]]:
    """A sign for every frame at which videos of the class have a key frame."""
    for index, run in enumerate(runs):
        shares = key_frame_shares(run, name)
        if all(share == 1 for share in shares):  # where every frame is one, none says anything
            continue
        for frame, share in enumerate(shares):
            if share:
                text = f"{run.name}, frame {frame}: a key frame of {100 * share:.0f} % of the videos"
                yield chart.x.at(frame), index, round(share, 3), text


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
