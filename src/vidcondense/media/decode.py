"""Reading clips from a video file: the real frames, counted, whatever the header says.

Reasons a file is refused (`VideoError.code`): those of `open_video`, and `no-frames`, `too-short`,
`too-large`, `too-long`, `corrupt`. The last means damage in the middle; a file that is only cut short is used
up to there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

from vidcondense.errors import VideoError
from vidcondense.media.frames import crop_and_resize, frames_of, rgb_converter, stack_clips
from vidcondense.media.skim import skim as skim_frames
from vidcondense.media.skim import skim_plan
from vidcondense.media.source import Limits, check_pixels, open_video, too_long

_NO_CLIPS = np.empty((0, 0, 1, 1, 3), np.uint8)

Pick = Callable[[int], list[list[int]]]
"""Number of frames → the frame indices of each clip; raises `VideoError` (`too-short`)."""


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """The clips of one file, and what was found out about it."""

    clips: UInt8[np.ndarray, "k t size size 3"]
    """RGB, 0 to 255."""
    num_frames: int
    """Frames that really decode."""
    width: int
    height: int
    """Pixels of the first frame, upright."""
    fps: float | None
    """Frames per second as the file says; None where it does not."""
    notes: tuple[str, ...]
    """What a person may want to know: `partial`, `rotated`, …"""


@dataclass
class _Pass:
    """One pass over all frames of a file."""

    kept: dict[int, np.ndarray] = field(default_factory=dict)
    count: int = 0
    first_size: tuple[int, int] = (0, 0)
    same_size: bool = True
    rotation: int = 0
    damaged: int = 0
    damaged_inside: bool = False
    notes: list[str] = field(default_factory=list)
    fps: Fraction | None = None


def read_clips(
    path: Path, *, size: int, pick: Pick, limits: Limits | None = None, skim: bool = False
) -> Decoded:
    """Decode the clips that `pick` chooses from a video file.

    Every frame is decoded (so that the count is real and damage is seen), only the chosen ones are converted;
    unless `skim` allows to decode only what the chosen ones need, which is done where that is little.

    Args:
        path: the file; anything but a regular file is refused without being opened.
        size: side of the square frames in pixels (see `media.frames` for the rule).
        pick: chooses frame indices once the number of frames is known. May be called twice.
        limits: the most the file may cost; None for the defaults.
        skim: whether damage in parts that no clip needs may go unseen.

    Raises:
        VideoError: the file cannot be used; its code is the reason.
    """
    limits = limits or Limits()
    found = _skim(path, size, pick, limits) if skim else None
    if found is not None:
        return found
    wanted = _guess(path, pick, limits)
    seen = _decode(path, set(frames_of(wanted)), size, limits)
    chosen = pick(seen.count)
    if chosen != wanted:
        seen = _decode(path, set(frames_of(chosen)), size, limits)
    return _decoded(seen, stack_clips(seen.kept, chosen))


def _skim(path: Path, size: int, pick: Pick, limits: Limits) -> Decoded | None:
    """As `read_clips`, from as few packets as will do; None where that does not pay or does not work."""
    plan = skim_plan(path, pick, limits)
    if plan is None:
        return None
    seen, to_rgb = _Pass(), rgb_converter()
    with open_video(path, limits) as (container, stream):
        seen.fps = stream.average_rate or stream.guessed_rate
        try:
            for number, frame in skim_frames(container, stream, plan):
                check_pixels(frame.width, frame.height, limits)
                _look_at(frame, seen)
                seen.kept[number] = crop_and_resize(to_rgb(frame), size)
                seen.count = plan.num_frames
        except av.error.FFmpegError:
            return None
    if len(seen.kept) < len(plan.wanted):
        return None
    _take_notes(seen)
    return _decoded(seen, stack_clips(seen.kept, pick(plan.num_frames)))


def look_through(path: Path, look: Callable[[np.ndarray], object], limits: Limits) -> Decoded:
    """Decode every frame of a video file and keep none.

    Args:
        path: the file.
        look: called with each frame as uint8 RGB `[H, W, 3]`, upright.
        limits: the most the file may cost.

    Raises:
        VideoError: as `read_clips`.
    """
    seen = _decode(path, set(), 1, limits, look)
    return _decoded(seen, _NO_CLIPS)


def look_at_first(path: Path, limits: Limits) -> tuple[Decoded, int] | None:
    """What the first frame of a video file tells, and which of its streams it is of; no clips.

    Returns:
        None where no whole frame comes first.

    Raises:
        VideoError: the file must not be opened, or the frame is too large.
    """
    seen = _Pass()
    with open_video(path, limits) as (container, stream):
        seen.fps = stream.average_rate or stream.guessed_rate
        frame = next(_frames(container, stream, seen), None)
        if frame is None or seen.damaged:
            return None
        check_pixels(frame.width, frame.height, limits)
        _look_at(frame, seen)
        _note_stream(container, stream, seen)
        number = stream.index
    _take_notes(seen)
    return _decoded(seen, _NO_CLIPS), number


def _decoded(seen: _Pass, clips: np.ndarray) -> Decoded:
    height, width = seen.first_size
    fps = float(seen.fps) if seen.fps else None
    notes = tuple(seen.notes)
    return Decoded(clips=clips, num_frames=seen.count, width=width, height=height, fps=fps, notes=notes)


def _guess(path: Path, pick: Pick, limits: Limits) -> list[list[int]]:
    """The indices if the header is right, or else the number of packets; nothing where those are too few."""
    with open_video(path, limits) as (container, stream):
        told = 0 < stream.frames <= limits.max_frames  # a number beyond the limit may be a lie, so count
        frames = stream.frames if told else _count_packets(container, stream, limits)
    try:
        return pick(frames)
    except VideoError:
        return []


def _count_packets(container: InputContainer, stream: VideoStream, limits: Limits) -> int:
    packets = 0
    try:
        for packet in container.demux(stream):
            packets += packet.size > 0
            if packets > limits.max_frames:
                raise too_long(packets, limits)
    except av.error.FFmpegError:
        pass  # only a guess; decoding will tell
    return packets


def _decode(
    path: Path,
    wanted: Set[int],
    size: int,
    limits: Limits,
    look: Callable[[np.ndarray], object] | None = None,
) -> _Pass:
    seen, to_rgb = _Pass(), rgb_converter()
    with open_video(path, limits) as (container, stream):
        seen.fps = stream.average_rate or stream.guessed_rate
        for frame in _frames(container, stream, seen):
            check_pixels(frame.width, frame.height, limits)
            _look_at(frame, seen)
            if seen.count in wanted:
                seen.kept[seen.count] = crop_and_resize(to_rgb(frame), size)
            if look is not None:
                look(to_rgb(frame))
            seen.count += 1
            if seen.count > limits.max_frames:
                raise too_long(seen.count, limits)
        _note_stream(container, stream, seen)
    if seen.damaged_inside:
        raise VideoError("corrupt", f"it is damaged inside; {seen.count} frames decode")
    if not seen.count:
        raise VideoError("no-frames", "no frame decodes")
    _take_notes(seen)
    return seen


def _frames(container: InputContainer, stream: VideoStream, seen: _Pass) -> Iterator[VideoFrame]:
    """All whole frames in order of display; damage is counted in `seen`."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            seen.damaged += 1
            return
        if packet is None:
            return
        try:
            frames = packet.decode()
            whole = not any(frame.is_corrupt for frame in frames)
        except av.error.FFmpegError:
            frames, whole = [], False
        if not whole:
            seen.damaged += 1
        elif seen.damaged and packet.size:
            seen.damaged_inside = True
        yield from (frame for frame in frames if not frame.is_corrupt and isinstance(frame, VideoFrame))


def _look_at(frame: VideoFrame, seen: _Pass) -> None:
    quarter_turns = round(frame.rotation / 90) % 4
    size = (frame.height, frame.width) if quarter_turns % 2 == 0 else (frame.width, frame.height)
    if seen.count == 0:
        seen.first_size, seen.rotation = size, 90 * quarter_turns
    seen.same_size = seen.same_size and size == seen.first_size


def _note_stream(container: InputContainer, stream: VideoStream, seen: _Pass) -> None:
    streams = len(container.streams.video)
    if streams > 1:
        seen.notes.append(f"video stream {stream.index}, one of {streams}")


def _take_notes(seen: _Pass) -> None:
    if seen.damaged:
        seen.notes.append(f"partial: cut short after {seen.count} frames")
    if seen.rotation:
        seen.notes.append(f"rotated by {seen.rotation} degrees")
    if not seen.same_size:
        seen.notes.append("frames of several sizes")
