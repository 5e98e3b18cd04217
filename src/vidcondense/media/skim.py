"""Decoding only the parts of a video that its clips come from; for long videos, of which that is little.

A first look at the packets, undecoded, gives their times and which of them can be decoded without others.
Frames are counted and found by these times, and decoding begins at the last such packet before a wanted
frame. Damage elsewhere in the file is not seen, so this is for who asks for it.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidcondense.errors import VideoError
from vidcondense.media.frames import frames_of
from vidcondense.media.source import Limits, open_video, too_long

_CODECS = ("h264", "hevc")
"""Where every packet is a frame that is shown; others have hidden ones, so that counting needs decoding."""

_PAYS = 0.5
"""Most of the packets that may be decoded; more, and all are, for then the file is looked through as well."""


@dataclass(frozen=True)
class Plan:
    """Which packets to decode.

    Attributes:
        num_frames: of the video.
        runs: first and last packet of each stretch, in the order of the file.
        wanted: the time of each frame that is wanted, and its number.
    """

    num_frames: int
    runs: list[tuple[int, int]]
    wanted: dict[int, int]


def skim_plan(path: Path, pick: Callable[[int], list[list[int]]], limits: Limits) -> Plan | None:
    """Find out which packets a video's clips need; None where all of it should be decoded.

    Raises:
        VideoError: the file cannot be opened, or is too long.
    """
    with open_video(path, limits) as (container, stream):
        times = packet_times(container, stream, limits)
    if times is None:
        return None
    shown, keys = times
    order = {time: number for number, time in enumerate(sorted(shown))}
    try:
        wanted = set(frames_of(pick(len(shown))))
    except VideoError:
        return None  # the header's times may be wrong; decoding will tell
    packets = [packet for packet, time in enumerate(shown) if order[time] in wanted]
    runs = _runs(packets, shown, keys)
    if runs is None or sum(last - first + 1 for first, last in runs) > _PAYS * len(shown):
        return None
    return Plan(len(shown), runs, {shown[packet]: order[shown[packet]] for packet in packets})


def skim(container: InputContainer, stream: VideoStream, plan: Plan) -> Iterator[tuple[int, VideoFrame]]:
    """The wanted frames with their numbers, as they come; ends early where the file is not as planned."""
    packets = (packet for packet in container.demux(stream) if packet.size)
    ends = {last for _, last in plan.runs}
    starts = [first for first, _ in plan.runs]
    for number, packet in enumerate(packets):
        run = bisect.bisect_right(starts, number) - 1
        if run < 0 or number > plan.runs[run][1]:
            continue
        frames = packet.decode()
        if number in ends:
            frames = [*frames, *stream.codec_context.decode(None)]
            stream.codec_context.flush_buffers()
        for frame in frames:
            if frame.pts in plan.wanted and isinstance(frame, VideoFrame) and not frame.is_corrupt:
                yield plan.wanted[frame.pts], frame


def packet_times(
    container: InputContainer, stream: VideoStream, limits: Limits
) -> tuple[list[int], list[int]] | None:
    """The time of each packet, and which packets can be decoded alone.

    Returns:
        None where the file does not tell, or where a packet may not be one frame with a time of its own.

    Raises:
        VideoError: there are too many.
    """
    if stream.codec_context.name not in _CODECS:
        return None
    if "avi" in container.format.name.split(","):
        return None  # it stores no times, and those that FFmpeg makes up are wrong where there are B-frames
    shown: list[int] = []
    keys: list[int] = []
    try:
        for packet in container.demux(stream):
            if not packet.size:
                continue
            if packet.pts is None or packet.is_discard or packet.is_corrupt:
                return None
            if packet.is_keyframe:
                keys.append(len(shown))
            shown.append(packet.pts)
            if len(shown) > limits.max_frames:
                raise too_long(len(shown), limits)
    except av.error.FFmpegError:
        return None
    return (shown, keys) if len(set(shown)) == len(shown) else None


def _runs(packets: Sequence[int], shown: Sequence[int], keys: Sequence[int]) -> list[tuple[int, int]] | None:
    """Stretches of packets that hold the wanted ones and begin with one that can be decoded alone."""
    runs: list[tuple[int, int]] = []
    for packet in packets:
        # A frame that is shown before a key packet may need what lies before that, though it follows it.
        before = [key for key in keys[: bisect.bisect_right(keys, packet)] if shown[key] <= shown[packet]]
        if not before:
            return None
        first = before[-1]
        if runs and first <= runs[-1][1] + 1:
            runs[-1] = (min(first, runs[-1][0]), packet)
        else:
            runs.append((first, packet))
    return runs
