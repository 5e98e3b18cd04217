"""Draw the picture of the README: real videos of the toy set, and what one class of them is condensed to.

    python examples/picture.py docs/pictures/toy.webp

A few minutes on one core. What it makes on its way goes to a temporary folder.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import vidcondense as vc
from vidcondense.media.images import save_animation, viewable

TOY = vc.ToyOptions(mode="scenes", train_per_class=40, test_per_class=1, num_frames=8, size=48)
CLIP = vc.ClipOptions(num_frames=8, stride=1, size=48)
CONDENSE = vc.CondenseOptions(
    vpc=1, init="real", iterations=100, lr=10.0, match=vc.MatchOptions(real_batch=8), codec="float32"
)
TILE, GAP, LINE = 112, 12, 26
"""Pixels: the side of a video, between videos, and the height of a line of text or of a timeline."""
PAPER, INK, FAINT, ACCENT = "#ffffff", "#24292f", "#b6bec8", "#cf5a1a"


def tile(frame: np.ndarray) -> Image.Image:
    """A frame `[h, w, 3]`, enlarged."""
    return Image.fromarray(frame).resize((TILE, TILE), Image.Resampling.BICUBIC)


def timeline(
    draw: ImageDraw.ImageDraw, left: int, top: int, keys: list[int], num_frames: int, now: int
) -> None:
    """A dot a frame, large where it is a key frame, in colour where it is shown."""
    step = (TILE - 16) / (num_frames - 1)
    draw.line((left + 8, top, left + TILE - 8, top), fill=FAINT)
    for frame in range(num_frames):
        radius = 5 if frame in keys else 2
        x, colour = left + 8 + frame * step, ACCENT if frame == now else INK if frame in keys else FAINT
        draw.ellipse((x - radius, top - radius, x + radius, top + radius), fill=colour)


def draw_frame(real: np.ndarray, made: np.ndarray, small: vc.CondensedDataset, now: int) -> np.ndarray:
    """One picture of the animation, from videos `[k, t, h, w, 3]` in the order of the classes."""
    width = len(real) * (TILE + GAP) + GAP
    canvas = Image.new("RGB", (width, 3 * LINE + 2 * TILE + 2 * GAP), PAPER)
    draw = ImageDraw.Draw(canvas)
    for number, name in enumerate(small.classes):
        left, below = GAP + number * (TILE + GAP), LINE + TILE + GAP
        draw.text((left, 7), name, fill=INK, font_size=13)
        canvas.paste(tile(real[number, now]), (left, LINE))
        canvas.paste(tile(made[number, now]), (left, below))
        timeline(draw, left, below + TILE + LINE // 2, small.positions[number], real.shape[1], now)
    stored = sum(map(len, small.positions))
    text = f"above: real videos · below: condensed, {len(small)} videos, {stored} key frames"
    draw.text((GAP, canvas.height - LINE + 4), text, fill=INK, font_size=13)
    return np.asarray(canvas)


def picture(data: vc.RealData, small: vc.CondensedDataset) -> bytes:
    """The animation, WebP: the first real clip of each class above its condensed video."""
    first = [int(data.train.indices_of(label)[0]) for label in range(len(small.classes))]
    real = data.train.clips8(first).permute(0, 1, 3, 4, 2).numpy()
    made = viewable(small.clips(list(range(len(small)))))
    frames = [draw_frame(real, made, small, now) for now in range(real.shape[1])]
    return save_animation(np.stack(frames), fps=5)


def main() -> None:
    """Generate, condense, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        vc.make_toy(folder / "videos", TOY)
        data = vc.load_data(folder / "videos", vc.DataOptions(cache_dir=folder / "cache"), CLIP)
        small = vc.condense(data.train, folder / "small", CONDENSE)
        out.write_bytes(picture(data, small))
    print(f"{out}: {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
