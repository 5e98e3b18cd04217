"""Reading clips from a folder of numbered images such as `frame000001.jpg` or `img_00001.jpg`.

Only the chosen images are decoded, for each stands alone. Reasons a folder is refused (`VideoError.code`):
`no-frames`, `mixed-frames`, `missing-frames`, `not-a-video`, `not-regular`, `permission`, `unreadable`,
`too-short`, `too-large`, `too-long`.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

from vidcondense.errors import VideoError
from vidcondense.media import FRAME
from vidcondense.media.decode import Decoded, Pick
from vidcondense.media.frames import crop_and_resize, frames_of, stack_clips
from vidcondense.media.source import Limits, check_pixels, open_regular, too_long


def read_frames(folder: Path, *, size: int, pick: Pick, limits: Limits | None = None) -> Decoded:
    """Decode the clips that `pick` chooses from a folder of images.

    Args:
        folder: its images are numbered without a gap, from any number.
        size: side of the square frames in pixels (see `media.frames` for the rule).
        pick: chooses frame indices by the number of frames.
        limits: the most it may cost; None for the defaults.

    Raises:
        VideoError: the folder cannot be used; its code is the reason.
    """
    limits = limits or Limits()
    paths = list_frames(folder)
    if len(paths) > limits.max_frames:
        raise too_long(len(paths), limits)
    chosen = pick(len(paths))
    resized: dict[int, np.ndarray] = {}
    shapes = []
    for index in frames_of(chosen):
        image = load_frame(paths[index], limits)
        shapes.append(image.shape[:2])
        resized[index] = crop_and_resize(image, size)  # at once: of the large images only one is ever held
    height, width = shapes[0]
    return Decoded(
        clips=stack_clips(resized, chosen),
        num_frames=len(paths),
        width=width,
        height=height,
        fps=None,
        notes=() if len(set(shapes)) == 1 else ("frames of several sizes",),
    )


def list_frames(folder: Path) -> list[Path]:
    """The images of a frame folder, in order of their numbers.

    Raises:
        VideoError: there are none, of several kinds, or not all.
    """
    found: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    try:
        for name in sorted(path.name for path in folder.iterdir()):
            if match := FRAME.fullmatch(name):
                numbers = found[match[1], match[3]]
                if int(match[2]) in numbers:
                    raise VideoError(
                        "mixed-frames", f"{numbers[int(match[2])]} and {name} have the same number"
                    )
                numbers[int(match[2])] = name
    except OSError as error:
        code = "permission" if isinstance(error, PermissionError) else "unreadable"
        raise VideoError(code, error.strerror or str(error)) from error
    if not found:
        raise VideoError("no-frames", "the folder holds no numbered image")
    if len(found) > 1:
        kinds = ", ".join(f"{before}…{ending}" for before, ending in sorted(found))
        raise VideoError("mixed-frames", f"the folder holds images of several kinds: {kinds}")
    (numbers,) = found.values()
    first, last = min(numbers), max(numbers)
    if last - first + 1 != len(numbers):
        gap = next(number for number in range(first, last) if number not in numbers)
        lacking = last - first + 1 - len(numbers)
        raise VideoError("missing-frames", f"{lacking} frames between {first} and {last} lack, first {gap}")
    return [folder / numbers[number] for number in sorted(numbers)]


def load_frame(path: Path, limits: Limits) -> np.ndarray:
    """One image as uint8 RGB `[H, W, 3]`; transparency is dropped, and no rotation is applied.

    Raises:
        VideoError: it is no JPEG or PNG, damaged, too large, or no regular file.
    """
    # The limit is ours, not Pillow's, which would warn of large images and go on.
    with open_regular(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(file, formats=("JPEG", "PNG")) as image:
                check_pixels(*image.size, limits)
                return np.asarray(image.convert("RGB"))
        except Image.DecompressionBombError as error:
            raise VideoError("too-large", f"{path.name} has too many pixels") from error
        except MemoryError as error:  # a part of a file may claim to be of any length
            raise VideoError(
                "out-of-memory", f"reading {path.name} takes more memory than there is"
            ) from error
        except (OSError, ValueError, SyntaxError) as error:
            raise VideoError("not-a-video", f"{path.name} is no whole JPEG or PNG image") from error
