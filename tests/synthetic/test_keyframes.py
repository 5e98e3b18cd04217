from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vidcondense.synthetic.keyframes import (
    KeyFrameVideos,
    accumulate,
    downsample,
    interpolate,
    interpolation_weights,
    neighbours,
    spread_mask,
    upsample,
)


@st.composite
def masks(draw):
    num_videos, num_frames = draw(st.integers(1, 3)), draw(st.integers(2, 12))
    rows = draw(
        st.lists(
            st.lists(st.booleans(), min_size=num_frames, max_size=num_frames),
            min_size=num_videos,
            max_size=num_videos,
        )
    )
    mask = torch.tensor(rows)
    mask[:, [0, -1]] = True
    return mask


def slots_for(mask):
    frames = torch.randn(
        *mask.shape, 3, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float32
    )
    return frames * mask[:, :, None, None, None]


def render_by_loop(frames, mask):
    """The paper's formula, one frame at a time."""
    videos = []
    for video, row in zip(frames, mask, strict=True):
        keys = [t for t in range(len(row)) if row[t]]
        rendered = []
        for t in range(len(row)):
            if row[t]:
                rendered.append(video[t])
                continue
            i = max(k for k in keys if k < t)
            j = min(k for k in keys if k > t)
            a = (j - t) / (j - i)
            rendered.append(a * video[i] + (1 - a) * video[j])
        videos.append(torch.stack(rendered))
    return torch.stack(videos)


@given(masks())
def test_rendered_frames_against_a_loop_and_numpy(mask):
    frames = slots_for(mask)
    rendered = interpolate(frames, mask)
    torch.testing.assert_close(rendered, render_by_loop(frames, mask))
    for video in range(len(mask)):
        keys = mask[video].nonzero().flatten().numpy()
        values = frames[video].flatten(1).numpy()
        expected = np.stack(
            [np.interp(np.arange(mask.shape[1]), keys, values[keys, d]) for d in range(values.shape[1])],
            axis=1,
        )
        np.testing.assert_allclose(rendered[video].flatten(1).numpy(), expected, atol=1e-5)


@given(masks())
def test_gradient_of_key_frames_against_autograd_through_the_loop(mask):
    frames = slots_for(mask)
    weight = torch.randn(frames.shape, generator=torch.Generator().manual_seed(1))
    gradients = []
    for render in (interpolate, render_by_loop):
        leaf = frames.clone().requires_grad_()
        (weight * render(leaf, mask).sin()).sum().backward()
        gradients.append(leaf.grad)
    torch.testing.assert_close(gradients[0], gradients[1])
    upstream = weight * interpolate(frames, mask).cos()
    torch.testing.assert_close(accumulate(upstream, mask), gradients[0])


@given(masks())
def test_neighbours_and_weights(mask):
    before, after = neighbours(mask)
    for n, row in enumerate(mask.tolist()):
        for t in range(len(row)):
            assert before[n, t] == max(k for k in range(t + 1) if row[k])
            assert after[n, t] == min(k for k in range(t, len(row)) if row[k])
    weights = interpolation_weights(mask)
    torch.testing.assert_close(weights.sum(-1), torch.ones(mask.shape))
    assert (weights >= 0).all()
    assert not weights[~mask[:, None, :].expand_as(weights)].any()


def test_key_frames_everywhere_render_exactly():
    frames = torch.randn(2, 5, 3, 4, 4)
    assert interpolate(frames, torch.ones(2, 5, dtype=torch.bool)).equal(frames)


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
