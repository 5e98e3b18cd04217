from __future__ import annotations

import numpy as np
import pytest
import torch

from vidcondense.synthetic.mosaics import from_strips, from_tiles, tile_grid, to_strips, to_tiles

SHAPES = [
    (1, 3, 1, 1),
    (1, 3, 64, 64),
    (40, 3, 8, 8),
    (41, 1, 16, 12),
    (6, 3, 6000, 2),
    (5, 3, 31, 33),
    (200, 3, 16, 16),
]


def frames_of(shape):
    return torch.arange(int(np.prod(shape))).view(shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_there_and_back(shape):
    frames = frames_of(shape)
    assert torch.cat(from_strips(to_strips(frames), shape)).equal(frames)
    assert from_tiles(to_tiles(frames), shape).equal(frames)


def test_narrow_frames_lie_side_by_side_in_a_strip():
    frames = frames_of((9, 3, 8, 8))
    (strip,) = to_strips(frames)
    rows = [np.concatenate([frames[min(4 * row + k, 8)] for k in range(4)], axis=2) for row in range(3)]
    np.testing.assert_array_equal(strip, np.concatenate(rows, axis=1))


def test_wide_frames_lie_below_each_other_in_a_strip():
    frames = frames_of((3, 3, 5, 33))
    (strip,) = to_strips(frames)
    np.testing.assert_array_equal(strip, np.concatenate(list(frames), axis=1))


@pytest.mark.parametrize(
    ("shape", "grid"),
    [
        ((200, 3, 64, 64), (1, 1, 200)),
        ((200, 3, 112, 112), (1, 1, 200)),
        ((200, 3, 32, 32), (2, 2, 50)),
        ((40, 3, 16, 16), (2, 4, 5)),
        ((512, 3, 8, 8), (8, 8, 8)),
        ((7, 3, 8, 8), (1, 1, 7)),
        ((1, 3, 1, 1), (1, 1, 1)),
    ],
)
def test_small_frames_share_a_video_but_every_tile_lasts(shape, grid):
    assert tile_grid(shape) == grid


def test_tiles_show_one_run_of_frames_each():
    frames = frames_of((11, 1, 32, 32))
    video = to_tiles(frames)
    assert video.shape == (6, 1, 32, 64)
    for time in range(6):
        expected = np.concatenate([frames[time], frames[min(6 + time, 10)]], axis=2)
        np.testing.assert_array_equal(video[time], expected)
