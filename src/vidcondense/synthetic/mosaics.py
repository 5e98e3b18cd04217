"""Many small frames in one picture: strips for still-image formats, tiles for video formats.

A strip pays for one header where a picture a frame would pay for each: at 16×16 pixels a header weighs more
than a frame. A video of tiles pays once for what every frame of it costs, and codecs work in blocks of 16
pixels and more. All of it only moves pixels, so gradients go through.
"""

from __future__ import annotations

from jaxtyping import Shaped
from torch import Tensor

from vidcondense.media.coded import MAX_SIDE

Pictures = Shaped[Tensor, "m c h w"]
Shape = tuple[int, int, int, int]
"""Of all frames: M, C, h, w."""

STRIP_WIDTH = 32
"""Pixels that narrower frames are put side by side to fill."""

TILES_SIDE = 64
"""Height and width in pixels that smaller frames are put side by side to fill."""

TILE_FRAMES = 4
"""Fewest frames, one after the other, that a tile shows."""


def strip_columns(width: int) -> int:
    """How many frames of this width lie side by side in a strip."""
    return max(1, STRIP_WIDTH // width)


def strip_sizes(shape: Shape) -> list[tuple[int, int, int]]:
    """The frames in each strip, its rows and its columns."""
    count, _, height, width = shape
    columns = min(strip_columns(width), count)
    full = MAX_SIDE // height * columns
    own = [min(full, count - start) for start in range(0, count, full)]
    return [(frames, -(-frames // columns), columns) for frames in own]


def to_strips(frames: Pictures) -> list[Shaped[Tensor, "c y x"]]:
    """Frames row by row in tall pictures; the last one again where a row is not full."""
    strips, rest = [], frames
    for count, rows, columns in strip_sizes(_shape(frames)):
        part, rest = rest[:count], rest[count:]
        strips.append(_grid(_filled(part, rows * columns), rows, columns))
    return strips


def from_strips(strips: list[Shaped[Tensor, "c y x"]], shape: Shape) -> list[Pictures]:
    """The frames of each strip: the way back from `to_strips`."""
    sizes = strip_sizes(shape)
    return [
        _cells(strip, rows, columns)[:count]
        for strip, (count, rows, columns) in zip(strips, sizes, strict=True)
    ]


def tile_grid(shape: Shape) -> tuple[int, int, int]:
    """Rows and columns of tiles, and the frames that each shows."""
    count, _, height, width = shape
    most = max(1, count // TILE_FRAMES)
    columns = max(1, min(TILES_SIDE // width, most))
    rows = max(1, min(TILES_SIDE // height, most // columns))
    return rows, columns, -(-count // (rows * columns))


def to_tiles(frames: Pictures) -> Shaped[Tensor, "t c y x"]:
    """Frames as a video of tiles: the first shows the first so many frames, the next those that follow.

    The last frame stands still where there are no more.
    """
    rows, columns, length = tile_grid(_shape(frames))
    runs = _filled(frames, rows * columns * length)
    channels, height, width = frames.shape[1:]
    grid = runs.view(rows, columns, length, channels, height, width).permute(2, 3, 0, 4, 1, 5)
    return grid.reshape(length, channels, rows * height, columns * width)


def from_tiles(video: Shaped[Tensor, "t c y x"], shape: Shape) -> Pictures:
    """The way back from `to_tiles`."""
    count, channels, height, width = shape
    rows, columns, length = tile_grid(shape)
    grid = video.view(length, channels, rows, height, columns, width).permute(2, 4, 0, 1, 3, 5)
    return grid.reshape(-1, channels, height, width)[:count]


def _filled(frames: Pictures, count: int) -> Shaped[Tensor, "n c h w"]:
    """Frames, and the last one again up to `count`."""
    return frames[[min(index, len(frames) - 1) for index in range(count)]]


def _grid(frames: Pictures, rows: int, columns: int) -> Shaped[Tensor, "c y x"]:
    channels, height, width = frames.shape[1:]
    cells = frames.reshape(rows, columns, channels, height, width).permute(2, 0, 3, 1, 4)
    return cells.reshape(channels, rows * height, columns * width)


def _cells(strip: Shaped[Tensor, "c y x"], rows: int, columns: int) -> Pictures:
    channels, height, width = strip.shape
    cells = strip.reshape(channels, rows, height // rows, columns, width // columns)
    return cells.permute(1, 3, 0, 2, 4).reshape(-1, channels, height // rows, width // columns)


def _shape(frames: Pictures) -> Shape:
    count, channels, height, width = frames.shape
    return count, channels, height, width
