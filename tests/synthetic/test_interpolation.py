from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vidcondense.synthetic.interpolation import accumulate, interpolate, linear_weights, neighbours


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
def test_accumulate_is_the_transpose(mask):
    frames = slots_for(mask)
    upstream = torch.randn(frames.shape, generator=torch.Generator().manual_seed(1))
    forward = (interpolate(frames, mask) * upstream).sum()
    backward = (frames * accumulate(upstream, mask)).sum()
    assert float(forward) == pytest.approx(float(backward), rel=1e-3, abs=1e-3)


@given(masks(), st.data())
def test_a_key_frame_at_its_rendered_value_changes_nothing(mask, data):
    frames = slots_for(mask)
    rendered = interpolate(frames, mask)
    frame = data.draw(st.integers(0, mask.shape[1] - 1))
    more = mask.clone()
    more[:, frame] = True
    added = torch.where(more[:, :, None, None, None], rendered, frames)
    torch.testing.assert_close(interpolate(added, more), rendered, atol=1e-4, rtol=1e-4)


def test_two_key_frames_make_a_line_and_one_a_still():
    ends = torch.tensor([[True, False, False, False, True], [True, False, False, False, False]])
    expected = torch.zeros(2, 5, 5)
    expected[0, :, 0] = torch.linspace(1, 0, 5)
    expected[0, :, 4] = torch.linspace(0, 1, 5)
    expected[1, :, 0] = 1
    torch.testing.assert_close(linear_weights(ends), expected)
    assert linear_weights(torch.ones(1, 1, dtype=torch.bool)).tolist() == [[[1.0]]]


@given(masks())
def test_neighbours_and_weights(mask):
    before, after = neighbours(mask)
    for n, row in enumerate(mask.tolist()):
        for t in range(len(row)):
            assert before[n, t] == max(k for k in range(t + 1) if row[k])
            assert after[n, t] == min(k for k in range(t, len(row)) if row[k])
    weights = linear_weights(mask)
    torch.testing.assert_close(weights.sum(-1), torch.ones(mask.shape))
    assert not weights[~mask[:, None, :].expand_as(weights)].any()
    assert (weights >= 0).all()


def test_key_frames_everywhere_render_exactly():
    frames = torch.randn(2, 5, 3, 4, 4)
    assert interpolate(frames, torch.ones(2, 5, dtype=torch.bool)).equal(frames)
