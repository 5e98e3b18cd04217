from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vidcondense.storage.codecs import CODECS

OWNER = torch.tensor([0, 0, 1, 2, 2, 2])


def frames_of(low, high, seed=0):
    stream = torch.Generator().manual_seed(seed)
    return torch.rand(6, 3, 4, 5, generator=stream) * (high - low) + low


def round_trip(name, frames):
    codec = CODECS[name]
    payload = codec.encode(frames, OWNER)
    assert {key: value.dtype for key, value in payload.items()} == dict(codec.dtypes)
    return codec.decode(payload, OWNER)


def test_float32_is_exact():
    frames = frames_of(-3, 4)
    assert round_trip("float32", frames).equal(frames)


def test_float16_is_numpys():
    frames = frames_of(-3, 4)
    np.testing.assert_array_equal(round_trip("float16", frames).numpy(), frames.numpy().astype(np.float16))


def test_uint8_keeps_real_pixels_exactly():
    pixels = torch.randint(0, 256, (6, 3, 4, 5), generator=torch.Generator().manual_seed(0)) / 255
    assert round_trip("uint8", pixels).equal(pixels)


@given(st.floats(-50, 0.5), st.floats(0.6, 50), st.integers(0, 99))
def test_uint8_error_is_half_a_level_of_the_videos_own_range(low, high, seed):
    frames = frames_of(low, high, seed)
    decoded = round_trip("uint8", frames)
    for video in range(3):
        mine = video == OWNER
        width = max(1.0, float(frames[mine].max())) - min(0.0, float(frames[mine].min()))
        assert float((decoded - frames)[mine].abs().max()) <= width / 255 / 2 * 1.001


@pytest.mark.parametrize(("name", "share"), [("float32", 4), ("float16", 2), ("uint8", 1)])
def test_bytes_a_value(name, share):
    payload = CODECS[name].encode(frames_of(0, 1), OWNER)
    assert payload["key_frames"].nbytes == 6 * 3 * 4 * 5 * share
