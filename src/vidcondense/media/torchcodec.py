"""Reading clips with torchcodec: the chosen frames alone, behind the same door and by the same rule of size.

The file is opened by `source.open_video` first, its packets are looked at and its first frame is decoded:
what is to be refused is, before torchcodec sees it. Only where every packet is one frame that says when it is
shown does torchcodec find frames by their number; all else is left to PyAV, and so is what it cannot read.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from vidcondense.errors import UsageError
from vidcondense.extras import import_extra, require_extra
from vidcondense.media.decode import Decoded, Pick, look_at_first
from vidcondense.media.frames import crop_and_resize, frames_of, stack_clips
from vidcondense.media.skim import packet_times
from vidcondense.media.source import Limits, open_regular, open_video


def check_torchcodec() -> None:
    """Raise `UsageError` unless torchcodec is installed, fits this torch, and finds FFmpeg's libraries."""
    require_extra("torchcodec", "--decoder torchcodec")
    try:
        import_extra("torchcodec.decoders")
    except (ImportError, OSError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UsageError(
            f"--decoder torchcodec: it cannot be loaded ({reason}); it needs the shared libraries of FFmpeg, "
            "4 to 8, and a version made for this torch, with CUDA or without"
        ) from error


def read_by_torchcodec(path: Path, *, size: int, pick: Pick, limits: Limits) -> Decoded | None:
    """As `media.decode.read_clips`, but damage is seen only where no frame comes of it at all.

    Returns:
        None where torchcodec may find other frames, or none: PyAV reads the file, or says why not.

    Raises:
        VideoError: as `read_clips`, of what the header tells or `pick` refuses.
    """
    num_frames = _plain_frames(path, limits)
    if num_frames is None:
        return None
    opened = look_at_first(path, limits)
    if opened is None:
        return None
    first, number = opened
    chosen = pick(num_frames)
    kept: dict[int, np.ndarray] = {}
    with open_regular(path) as file:
        try:
            decoder = import_extra("torchcodec.decoders").VideoDecoder(
                file, stream_index=number, dimension_order="NHWC", num_ffmpeg_threads=1, seek_mode="exact"
            )
            if len(decoder) != num_frames:
                return None
            for index in frames_of(chosen):
                frame = decoder.get_frame_at(index).data.numpy()
                if frame.shape[:2] != (first.height, first.width):
                    return None
                kept[index] = crop_and_resize(frame, size)
        except (RuntimeError, ValueError, IndexError):
            return None
    return replace(first, clips=stack_clips(kept, chosen), num_frames=num_frames)


def _plain_frames(path: Path, limits: Limits) -> int | None:
    """How many there are, where each packet is one, of 8 bits, with a time of its own, the first first."""
    with open_video(path, limits) as (container, stream):
        times, pixels = packet_times(container, stream, limits), stream.format  # None: it does not tell
    if times is None or pixels is None or any(part.bits != 8 for part in pixels.components):
        return None
    shown, keys = times
    return len(shown) if keys[:1] == [0] and shown[0] == min(shown) else None
