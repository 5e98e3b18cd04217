from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from marks import installed
from vidcondense.errors import LimitError, UsageError
from vidcondense.storage.codecs import CODECS, Coding, check_coding, check_packed
from vidcondense.storage.packing import bits_length, pack_bits, unpack_bits, unpack_images

LOSSY = {"jpeg": 24, "webp": 24, "avif": 24, "jxl": 24, "h264": 15, "av1": 24}
"""Decibels that waves keep at quality 10."""

OWNER = torch.tensor([0, 0, 1, 2, 2, 2])


def frames_of(low, high, seed=0):
    stream = torch.Generator().manual_seed(seed)
    return torch.rand(6, 3, 4, 5, generator=stream) * (high - low) + low


def round_trip(name, frames, owner=OWNER, **changes):
    codec, coding = CODECS[name], Coding(**changes)
    payload = codec.encode(frames, owner, coding)
    layout = codec.layout(tuple(frames.shape), int(owner.max()) + 1, coding)
    assert set(payload) == set(layout)
    for key, (dtype, shape) in layout.items():
        assert payload[key].dtype == dtype
        assert len(shape) == payload[key].ndim
        assert all(wanted in (None, side) for wanted, side in zip(shape, payload[key].shape, strict=True))
    return codec.decode(payload, owner, tuple(frames.shape), coding)


def test_float32_is_exact():
    frames = frames_of(-3, 4)
    assert round_trip("float32", frames).equal(frames)


def test_float16_is_numpys():
    frames = frames_of(-3, 4)
    np.testing.assert_array_equal(round_trip("float16", frames).numpy(), frames.numpy().astype(np.float16))


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("name", ["uint8", "lzma", "png", "webp-lossless"])
def test_real_pixels_stay_exact(name, channels):
    pixels = torch.randint(0, 256, (6, channels, 4, 5), generator=torch.Generator().manual_seed(0)) / 255
    assert round_trip(name, pixels).equal(pixels)


@pytest.mark.parametrize("name", ["png", "webp-lossless"])
def test_frames_that_fill_several_strips_stay_in_order(name, monkeypatch):
    monkeypatch.setattr("vidcondense.synthetic.mosaics.MAX_SIDE", 20)
    pixels = torch.randint(0, 256, (6, 3, 8, 17), generator=torch.Generator().manual_seed(0)) / 255
    assert round_trip(name, pixels).equal(pixels)
    assert len(CODECS[name].encode(pixels, OWNER, Coding())["sizes"]) == 3


def waves(side=32):
    """Frames as smooth as real ones, in 0 to 1."""
    frame, y, x = np.mgrid[:6, :side, :side]
    colours = [np.sin(x / 9 + frame), np.cos(y / 7 - frame), np.sin((x + y) / 11)]
    return torch.from_numpy(np.stack(colours, axis=1) / 2 + 0.5).float()


def psnr(frames, decoded):
    return -10 * float(torch.log10((frames - decoded).square().mean()))


@pytest.mark.parametrize("name", installed(LOSSY))
def test_loss_is_bounded_and_follows_the_quality(name):
    frames = waves()
    codec = CODECS[name]
    low, middle, high = (psnr(frames, round_trip(name, frames, quality=quality)) for quality in (10, 60, 95))
    assert low + 2 < middle < high
    assert (low > LOSSY[name], middle > 29, high > 31) == (True, True, True)
    sizes = [
        len(codec.encode(frames, OWNER, Coding(quality=quality))["key_frames"]) for quality in (10, 60, 95)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] > 0 and sizes[2] < frames.numel() / 4


@pytest.mark.parametrize("name", installed(CODECS))
def test_same_frames_same_bytes(name):
    first, second = (CODECS[name].encode(waves(16), OWNER, Coding()) for _ in range(2))
    assert all(first[key].equal(second[key]) for key in first)


def test_jpeg_is_what_pillow_makes_of_the_strip():
    frames = (waves() * 255).round() / 255
    strip = (frames * 255).round().byte().permute(0, 2, 3, 1).reshape(6 * 32, 32, 3).numpy()
    file = io.BytesIO()
    Image.fromarray(strip).save(file, "JPEG", quality=60)
    expected = np.asarray(Image.open(file)).reshape(6, 32, 32, 3).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(round_trip("jpeg", frames, quality=60).numpy() * 255, expected, atol=1e-3)


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("name", ["uint8", "lzma", "png", "webp-lossless"])
def test_fewer_bits_are_the_nearest_of_fewer_levels(name, bits):
    frames = frames_of(0, 1)
    frames[0, 0, 0, :2], frames[2, 0, 0, :2] = torch.tensor([0.0, 1]), torch.tensor([0.0, 1])
    top = 2**bits - 1
    expected = np.rint(frames.numpy().astype(np.float64) * top) / top
    np.testing.assert_allclose(round_trip(name, frames, bits=bits).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("bits", range(1, 8))
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (6, 3, 4, 5), (1, 3, 3, 7)])
def test_bits_are_packed_as_a_string_of_digits_would_be(shape, bits):
    stream = torch.Generator().manual_seed(bits)
    levels = torch.randint(0, 2**bits, shape, generator=stream).byte()
    digits = "".join(f"{level:0{bits}b}" for level in levels.flatten().tolist())
    digits += "0" * (-len(digits) % 8)
    packed = pack_bits(levels, bits)
    assert bytes(packed.tolist()) == int(digits, 2).to_bytes(len(digits) // 8, "big")
    assert len(packed) == bits_length(bits, shape)
    assert unpack_bits(packed, bits, shape).equal(levels)


@pytest.mark.parametrize("name", ["float32", "float16", *installed(LOSSY)])
def test_codecs_without_exact_levels_have_no_fewer_bits(name):
    check_coding(name, Coding(bits=8))
    with pytest.raises(UsageError, match=f"--bits 4: --codec {name} has no such levels; use one of uint8"):
        check_coding(name, Coding(bits=4))


@pytest.mark.parametrize("name", [name for name in installed(CODECS) if name not in ("float32", "float16")])
@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (1, 3, 16, 16), (7, 3, 5, 9), (9, 2, 8, 8), (3, 3, 66, 34)])
def test_odd_sizes_single_frames_and_grey_ones(name, shape):
    count, channels, height, width = shape
    frame, c, y, x = np.mgrid[:count, :channels, :height, :width]
    frames = torch.from_numpy(0.5 + 0.4 * np.sin(x / 9 + y / 11 + frame / 5 + c / 8)).float()
    owner = torch.zeros(count, dtype=torch.int64)
    assert psnr(frames, round_trip(name, frames, owner, quality=90)) > 30


def test_too_many_numbers_are_refused():
    check_packed("uint8", 2**31)
    check_packed("png", 2**30)
    with pytest.raises(LimitError, match="--codec uint8"):
        check_packed("png", 2**30 + 1)


@pytest.mark.parametrize("values", [{"quality": -1}, {"quality": 101}, {"bits": 0}, {"bits": 9}])
def test_coding_fails_out_of_range(values):
    with pytest.raises(UsageError, match="must be"):
        Coding(**values)


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
    payload = CODECS[name].encode(frames_of(0, 1), OWNER, Coding())
    assert payload["key_frames"].nbytes == 6 * 3 * 4 * 5 * share


def test_without_its_package_a_codec_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for use in (
        lambda: check_coding("jxl", Coding()),
        lambda: CODECS["jxl"].encode(waves(16), OWNER, Coding()),
        lambda: unpack_images(torch.zeros(3).byte(), torch.tensor([3]), "jxl", (1, 3, 1, 1)),
    ):
        with pytest.raises(
            UsageError, match=r"--codec jxl needs the package imagecodecs.*vidcondense\[jxl\]"
        ):
            use()
