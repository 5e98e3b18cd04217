"""Reading clips with torchcodec: the chosen frames alone, behind the same door and by the same rule of size.

The file is opened by `source.open_video` first, and its first frame decoded: what is to be refused is, before
torchcodec sees it. What torchcodec then cannot read is left to PyAV, which says why: a cut or damaged file
costs time, never a different reason.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from vidcondense.errors import UsageError
from vidcondense.extras import import_extra, require_extra
from vidcondense.media.decode import Decoded, Pick, look_at_first
from vidcondense.media.frames import crop_and_resize
from vidcondense.media.source import Limits, check_pixels, open_regular, too_long


def check_torchcodec() -> None:
    """Raise `UsageError` unless torchcodec is installed, fits this torch, and finds FFmpeg's libraries."""
    require_extra("torchcodec", "--decoder torchcodec")
    try:
        import_extra("torchcodec.decoders")
    except (ImportError, OSError, RuntimeError) as error:
        raise UsageError(
            f"--decoder torchcodec: it cannot be loaded ({str(error).strip().splitlines()[0]}); it needs "
            "the shared libraries of FFmpeg 4 to 8, and a version that fits this torch"
        ) from error


def read_by_torchcodec(path: Path, *, size: int, pick: Pick, limits: Limits) -> Decoded | None:
    """As `media.decode.read_clips`, but damage is seen only where no frame comes of it at all.

    Returns:
        None where torchcodec cannot read the file: PyAV may, or says why not.

    Raises:
        VideoError: as `read_clips`, of what the header tells or `pick` refuses.
    """
    opened = look_at_first(path, limits)
    if opened is None:
        return None
    first, number = opened
    kept: dict[int, np.ndarray] = {}
    with open_regular(path) as file:
        try:
            decoder = import_extra("torchcodec.decoders").VideoDecoder(
                file, stream_index=number, dimension_order="NHWC", num_ffmpeg_threads=1, seek_mode="exact"
            )
        except (RuntimeError, ValueError):
            return None
        num_frames = len(decoder)
        if num_frames > limits.max_frames:
            raise too_long(num_frames, limits)
        chosen = pick(num_frames)
        for index in sorted({index for clip in chosen for index in clip}):
            try:
                frame = decoder.get_frame_at(index).data.numpy()
            except (RuntimeError, IndexError):
                return None
            check_pixels(frame.shape[1], frame.shape[0], limits)
            kept[index] = crop_and_resize(frame, size)
    clips = np.stack([np.stack([kept[index] for index in clip]) for clip in chosen])
    return replace(first, clips=clips, num_frames=num_frames)
