"""Drawing moving shapes, for the toy set: one random video of a kind of motion.

Every motion is a cycle that starts anywhere: a shape leaves on one side and comes back on the other, or a
size jumps back once it is largest. So each single frame, the first one too, has the same distribution whether
time runs forwards or backwards; only the order of the frames tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

_CYCLES = (0.9, 1.3)


@dataclass(frozen=True)
class _Shape:
    corners: int
    """0: a disc; 1: a ring; else a polygon, or with `spikes` a star."""
    spikes: float
    angle: float
    radius: float
    """As a share of the picture's side, as are all lengths here."""


Place = tuple[float, float, float]
"""x, y (0 to 1, rightwards and downwards, wrapping around) and radius."""


@dataclass(frozen=True)
class _Scene:
    """What stays the same during a video."""

    x: float
    y: float
    axis: float
    reach: float
    radius: float


def _rightwards(scene: _Scene, phase: float) -> list[Place]:
    return [(scene.x + phase, scene.y, scene.radius)]


def _downwards(scene: _Scene, phase: float) -> list[Place]:
    return [(scene.x, scene.y + phase, scene.radius)]


def _clockwise(scene: _Scene, phase: float) -> list[Place]:
    angle = 2 * np.pi * phase
    return [(scene.x + scene.reach * np.cos(angle), scene.y + scene.reach * np.sin(angle), scene.radius)]


def _growing(scene: _Scene, phase: float) -> list[Place]:
    return [(scene.x, scene.y, 0.08 + 0.32 * (phase % 1))]


def _opening(scene: _Scene, phase: float) -> list[Place]:
    gap = 0.06 + 0.18 * (phase % 1)  # beyond a quarter, the two would come closer again on the other side
    dx, dy = gap * np.cos(scene.axis), gap * np.sin(scene.axis)
    radius = 0.75 * scene.radius
    return [(scene.x + dx, scene.y + dy, radius), (scene.x - dx, scene.y - dy, radius)]


MOTIONS: Mapping[str, Callable[[_Scene, float], list[Place]]] = {
    "right": _rightwards,
    "clockwise": _clockwise,
    "grow": _growing,
    "open": _opening,
    "fall": _downwards,
}
"""The motions by name; time reversal of each gives the other class of its pair."""


def draw(motion: str, rng: np.random.Generator, num_frames: int, size: int) -> UInt8[np.ndarray, "t h w 3"]:
    """Draw one random video.

    Args:
        motion: a key of `MOTIONS`.
        rng: decides shape, colours, background, place, speed and start.
        num_frames: T.
        size: height and width in pixels.
    """
    background = _background(rng, size)
    colour = _colour(rng)
    shape = _Shape(
        corners=int(rng.choice([0, 1, 3, 4, 5])),
        spikes=float(rng.choice([0.0, 0.25])),
        angle=rng.uniform(0, 2 * np.pi),
        radius=rng.uniform(0.15, 0.22),
    )
    scene = _Scene(
        x=rng.uniform(0, 1),
        y=rng.uniform(0, 1),
        axis=rng.uniform(0, 2 * np.pi),
        reach=rng.uniform(0.24, 0.32),
        radius=shape.radius,
    )
    start, cycles = rng.uniform(), rng.uniform(*_CYCLES)
    frames = np.empty((num_frames, size, size, 3), np.uint8)
    for t in range(num_frames):
        places = MOTIONS[motion](scene, start + cycles * t / num_frames)
        cover = np.max([_cover(shape, place, size) for place in places], axis=0)[..., None]
        frames[t] = np.rint(background + cover * (colour - background))
    return frames


def _background(rng: np.random.Generator, size: int) -> Float[np.ndarray, "h w 3"]:
    """A smooth random texture around a random dark colour, 0 to 255."""
    base = rng.uniform(30, 95, 3)
    cells = int(rng.integers(4, 9))
    grid = rng.uniform(-30, 30, (cells, cells, 3))
    at = np.linspace(0, cells - 1, size)
    low = np.minimum(at.astype(int), cells - 2)
    share = (at - low)[:, None, None]
    rows = grid[low] * (1 - share) + grid[low + 1] * share
    columns = rows.transpose(1, 0, 2)
    texture = columns[low] * (1 - share) + columns[low + 1] * share
    coloured: np.ndarray = np.clip(base + texture.transpose(1, 0, 2), 0, 255)
    return coloured


def _colour(rng: np.random.Generator) -> np.ndarray:
    """A random light colour.

    Shapes are always lighter than what is behind them: were the sign of the contrast random, too, a network
    would need ten times as many steps to see any motion at all.
    """
    return rng.uniform(170, 255, 3)


def _cover(shape: _Shape, place: Place, size: int) -> Float[np.ndarray, "h w"]:
    """How much of each pixel the shape covers, 0 to 1 `[size, size]`; the picture wraps around."""
    x, y, radius = (value * size for value in place)
    centres = np.arange(size) + 0.5
    dx = ((centres - x + size / 2) % size - size / 2)[None, :]
    dy = ((centres - y + size / 2) % size - size / 2)[:, None]
    distance = np.hypot(dx, dy)
    if shape.corners == 0:
        outside = distance - radius
    elif shape.corners == 1:
        outside = np.abs(distance - 0.72 * radius) - 0.28 * radius
    else:
        angle = np.arctan2(dy, dx) - shape.angle
        sector = 2 * np.pi / shape.corners
        edge = np.cos((angle % sector) - sector / 2) / np.cos(sector / 2)
        outside = distance * (edge + shape.spikes * (edge - 1)) - radius
    cover: np.ndarray = np.clip(0.5 - outside, 0, 1)
    return cover
