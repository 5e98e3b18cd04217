"""The toy set: generated videos of moving shapes, real mp4 files, whose classes only motion tells apart."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from vidcondense.errors import OutputError, VidcondenseError, VideoError
from vidcondense.events import Listener, ignore
from vidcondense.files import make_folder, replace_folder, write_json, writing
from vidcondense.media.encode import encode_h264
from vidcondense.options import as_json, check_choices, require
from vidcondense.rng import derive_seed
from vidcondense.video.cache import temporary_folder
from vidcondense.video.layouts import CARD
from vidcondense.video.motions import draw
from vidcondense.video.pool import run_tasks

_VERSION = 1
_QUALITY = 14
_TIME_LIMIT = 120.0

PAIRS = (
    ("right", "left"),
    ("clockwise", "counterclockwise"),
    ("grow", "shrink"),
    ("open", "close"),
    ("fall", "rise"),
)
"""Classes of mode `reversal`: the second of a pair is the first, played backwards."""

KINDS = ("sideways", "turning", "size", "gap", "upright")
"""Classes of the modes `kinds` and `scenes`: the motions of the pairs, forwards or backwards at random."""

_TINT = 0.3
_TINT_SPREAD = 0.2
"""How much a class of mode `scenes` brightens and darkens the colour channels, and how much that varies."""


Mode = Literal["reversal", "kinds", "scenes"]
"""What tells the classes apart."""


@dataclass(frozen=True, kw_only=True)
class ToyOptions:
    """What a toy set is like."""

    mode: Mode = "reversal"
    """reversal: classes in pairs, each the time reversal of the other; kinds: the kinds of motion (easier);
    scenes: kinds of motion that also tend to a light of their own, as real actions do (easy)."""
    pairs: int = 5
    """How many motions: sideways, turning, size, gap, upright, in this order. In the mode reversal each is
    two classes (right-left, clockwise-counterclockwise, grow-shrink, open-close, fall-rise), else one."""
    train_per_class: int = 200
    """Training videos a class."""
    test_per_class: int = 200
    """Test videos a class."""
    num_frames: int = 16
    """Frames a video."""
    size: int = 64
    """Height and width in pixels; an even number."""
    seed: int = 0
    """Seed of everything drawn."""
    workers: int = -1
    """Processes that draw: -1 for one per core, 0 for none. Changes nothing in the files."""

    def __post_init__(self) -> None:
        check_choices(self)
        require(1 <= self.pairs <= len(PAIRS), "pairs", self.pairs, f"must be 1 to {len(PAIRS)}")
        require(
            self.pairs > 1 or self.mode == "reversal",
            "pairs",
            self.pairs,
            f"must be 2 or more with --mode {self.mode}",
        )
        for name in ("train_per_class", "test_per_class"):
            require(1 <= getattr(self, name) <= 10**6, name, getattr(self, name), "must be 1 to 1000000")
        require(2 <= self.num_frames <= 1024, "num_frames", self.num_frames, "must be 2 to 1024")
        require(
            16 <= self.size <= 1024 and self.size % 2 == 0, "size", self.size, "must be even, from 16 to 1024"
        )
        require(0 <= self.seed < 2**63, "seed", self.seed, "must be 0 to 2^63 - 1")
        require(-1 <= self.workers <= 1024, "workers", self.workers, "must be -1 (all cores), 0, or a number")

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        if self.mode == "reversal":
            return tuple(name for pair in PAIRS[: self.pairs] for name in pair)
        return KINDS[: self.pairs]


def make_toy(out: str | Path, options: ToyOptions | None = None, *, listener: Listener = ignore) -> None:
    """Make a toy set in the folder `out`: `{train,test}/{class}/{number}.mp4`, and `dataset.json`.

    Every video has a random stream of its own: its bytes depend on seed, split, class and number alone.

    Args:
        out: the folder; must not exist, or be empty.
        options: what the set is like.
        listener: hears `{"kind": "toy", "done": i, "total": n}` after each video.

    Raises:
        OutputError: `out` is not empty, or cannot be written; nothing is left there then.
    """
    out, options = Path(out), options or ToyOptions()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} is not empty; choose a new folder")
    make_folder(out.parent)
    with temporary_folder(out) as folder:
        _fill(folder, options, listener)
        replace_folder(folder, out)


def toy_video(options: ToyOptions, class_name: str, seed: int) -> np.ndarray:
    """Draw one video of a class: uint8 RGB `[T, H, W, 3]`."""
    rng = np.random.default_rng(seed)
    if options.mode == "reversal":
        motion, backwards = next((pair[0], class_name == pair[1]) for pair in PAIRS if class_name in pair)
    else:
        motion, backwards = PAIRS[KINDS.index(class_name)][0], bool(rng.integers(2))
    frames = draw(motion, rng, options.num_frames, options.size)
    if options.mode == "scenes":
        frames = _lit(frames, KINDS.index(class_name) / len(KINDS), rng)
    return frames[::-1] if backwards else frames


def _lit(frames: np.ndarray, hue: float, rng: np.random.Generator) -> np.ndarray:
    """The video in a light of about a hue (0 to 1): single videos vary, the class tends to it."""
    wave = np.cos(2 * np.pi * (hue + np.arange(3) / 3))
    gain = 1 + _TINT * wave + rng.normal(0, _TINT_SPREAD, 3)
    return np.rint(np.clip(frames * gain, 0, 255)).astype(np.uint8)


def _fill(folder: Path, options: ToyOptions, listener: Listener) -> None:
    names = list(_names(options))
    tasks = [(options, class_name, seed) for _, class_name, seed in names]
    videos = run_tasks(_encode, tasks, workers=options.workers, time_limit=_TIME_LIMIT)
    with contextlib.closing(videos), writing(folder):
        for done, ((path, _, _), video) in enumerate(zip(names, videos, strict=True), start=1):
            if isinstance(video, VideoError):
                raise VidcondenseError(f"drawing {path} failed ({video}); try again with --workers 0")
            make_folder((folder / path).parent)
            (folder / path).write_bytes(video)
            listener({"kind": "toy", "done": done, "total": len(names)})
    made = {key: value for key, value in as_json(options).items() if key != "workers"}
    write_json(folder / CARD, {"layout": "folder", "flip": False, "toy": {"version": _VERSION, **made}})


def _names(options: ToyOptions) -> Iterator[tuple[str, str, int]]:
    """Of each video: its path, its class, its seed."""
    for split, count in (("train", options.train_per_class), ("test", options.test_per_class)):
        for class_name in options.classes:
            for number in range(count):
                seed = derive_seed(options.seed, f"toy/{options.mode}/{split}/{class_name}", number)
                yield f"{split}/{class_name}/{number:06d}.mp4", class_name, seed


def _encode(options: ToyOptions, class_name: str, seed: int) -> bytes:
    # Each frame on its own, so that not even the losses of the codec tell forwards from backwards.
    return encode_h264(toy_video(options, class_name, seed), fps=8.0, crf=_QUALITY, intra=True)
