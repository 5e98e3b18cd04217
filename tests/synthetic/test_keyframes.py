from __future__ import annotations

import numpy as np
import pytest
import torch

from vidcondense.synthetic.interpolation import interpolate
from vidcondense.synthetic.keyframes import KeyFrameVideos, downsample, spread_mask, upsample


def test_insert_starts_at_the_interpolated_value_and_changes_no_frame():
    videos = KeyFrameVideos(torch.randn(2, 9, 3, 4, 4), spread_mask(2, 9, 2), torch.tensor([0, 1]))
    before = videos.render().detach()
    where = torch.zeros(2, 9, dtype=torch.bool)
    where[0, 3] = where[1, 6] = where[1, 7] = where[1, 0] = True
    videos.insert(where)
    torch.testing.assert_close(videos.render(), before)
    assert videos.num_key_frames().tolist() == [3, 4]
    assert videos.frames[0, 3].equal(before[0, 3])


def test_inserted_key_frame_has_zero_momentum_and_then_moves_alone():
    videos = KeyFrameVideos(torch.randn(1, 5, 3, 2, 2), spread_mask(1, 5, 2), torch.tensor([0]))
    optimiser = torch.optim.SGD(videos.parameters(), lr=0.1, momentum=0.9)
    for _ in range(3):
        optimiser.zero_grad()
        videos.render().square().sum().backward()
        optimiser.step()
    momentum = optimiser.state[videos.frames]["momentum_buffer"]
    assert momentum[0, [0, 4]].abs().min() > 0
    assert not momentum[0, 1:4].any()
    where = torch.zeros(1, 5, dtype=torch.bool)
    where[0, 2] = True
    videos.insert(where)
    start = videos.frames[0, 2].detach().clone()
    optimiser.zero_grad()
    videos.render()[0, 2].sum().backward()
    optimiser.step()
    torch.testing.assert_close(videos.frames[0, 2].detach(), start - 0.1)
    assert not videos.frames[0, [1, 3]].any()


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, [0]), (2, [0, 15]), (4, [0, 5, 10, 15]), (8, [0, 2, 4, 6, 9, 11, 13, 15]), (16, list(range(16)))],
)
def test_spread_mask(count, expected):
    mask = spread_mask(3, 16, count)
    assert all(row.nonzero().flatten().tolist() == expected for row in mask)


def test_small_key_frames_render_large_and_learn_through_it():
    mask = spread_mask(2, 5, 3)
    frames = torch.randn(2, 5, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    videos = KeyFrameVideos(frames, mask, torch.tensor([0, 1]), size=(8, 9))
    rendered = videos.render()
    assert rendered.shape == (2, 5, 3, 8, 9)
    small = interpolate(videos.frames, mask).detach()
    for n, t, c in [(0, 0, 0), (1, 3, 2)]:
        expected = bilinear_by_hand(small[n, t, c].numpy(), 8, 9)
        np.testing.assert_allclose(rendered[n, t, c].detach().numpy(), expected, atol=1e-5)
    where = torch.zeros(2, 5, dtype=torch.bool)
    where[1, 1] = True
    videos.insert(where)
    torch.testing.assert_close(videos.render(), rendered)
    rendered.sum().backward()
    assert videos.frames.grad.shape == (2, 5, 3, 4, 6)
    assert float(videos.frames.grad.sum()) == pytest.approx(2 * 5 * 3 * 8 * 9, rel=1e-5)


def bilinear_by_hand(image, height, width):
    """Pixel centres at half integers; beyond the outermost centres the edge goes on."""
    rows = np.clip((np.arange(height) + 0.5) * image.shape[0] / height - 0.5, 0, image.shape[0] - 1)
    columns = np.clip((np.arange(width) + 0.5) * image.shape[1] / width - 0.5, 0, image.shape[1] - 1)
    across = np.stack([np.interp(columns, np.arange(image.shape[1]), row) for row in image])
    return np.stack([np.interp(rows, np.arange(image.shape[0]), column) for column in across.T], axis=1)


def test_downsample_averages_and_undoes_nothing_at_the_same_size():
    videos = torch.randn(2, 3, 3, 8, 4, generator=torch.Generator().manual_seed(0))
    expected = videos.numpy().reshape(2, 3, 3, 4, 2, 2, 2).mean((4, 6))
    np.testing.assert_allclose(downsample(videos, (4, 2)).numpy(), expected, atol=1e-6)
    assert downsample(videos, (8, 4)) is videos
    assert upsample(videos, (8, 4)) is videos


def test_a_still_repeats_its_frame_and_learns_from_all_of_them():
    videos = KeyFrameVideos(torch.randn(2, 5, 3, 2, 2), spread_mask(2, 5, 1), torch.tensor([0, 1]))
    rendered = videos.render()
    assert all(rendered[:, t].equal(videos.frames[:, 0]) for t in range(5))
    rendered.sum().backward()
    assert (videos.frames.grad[:, 0] == 5).all()
    assert not videos.frames.grad[:, 1:].any()


@pytest.mark.parametrize("row", [[False, True, True], [True, True, False], [False]])
def test_mask_without_an_end_fails(row):
    with pytest.raises(ValueError, match="first and the last"):
        KeyFrameVideos(torch.zeros(1, len(row), 3, 2, 2), torch.tensor([row]), torch.tensor([0]))
