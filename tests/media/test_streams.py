from __future__ import annotations

import numpy as np
import pytest

from vidcondense.errors import FormatError
from vidcondense.media.streams import VIDEO_FORMATS, decode_stream, encode_stream


def waves(count=4, height=16, width=16, channels=3):
    frame, y, x, c = np.mgrid[:count, :height, :width, :channels]
    return np.rint(127 + 100 * np.sin(x / 9 + y / 7 + c / 3 + frame / 4)).astype(np.uint8)


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (1, 16, 16, 3), (5, 7, 9, 3), (5, 7, 9, 1), (9, 66, 34, 3)])
@pytest.mark.parametrize("name", VIDEO_FORMATS)
def test_round_trip(name, shape):
    frames = waves(*shape)
    decoded = decode_stream(encode_stream(frames, name, 80), name, shape)
    assert decoded.shape == shape
    assert psnr(decoded, frames) > 32


@pytest.mark.parametrize("name", VIDEO_FORMATS)
def test_less_quality_takes_fewer_bytes_and_loses_more(name):
    frames = waves(8, 32, 32)
    data = [encode_stream(frames, name, quality) for quality in (0, 50, 100)]
    worst, middle, best = (psnr(decode_stream(each, name, frames.shape), frames) for each in data)
    assert worst + 3 < middle < best
    assert len(data[0]) < len(data[1]) < len(data[2]) < frames.size


@pytest.mark.parametrize("name", VIDEO_FORMATS)
def test_there_is_no_header_to_speak_of_and_the_bytes_are_the_same_every_time(name, capfd):
    grey = np.full((8, 16, 16, 3), 127, np.uint8)
    data = encode_stream(grey, name, 50)
    assert len(data) < 200
    assert b"x264" not in data
    assert encode_stream(grey, name, 50) == data
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", VIDEO_FORMATS)
@pytest.mark.parametrize("shape", [(3, 16, 16, 3), (5, 16, 16, 3), (4, 18, 16, 3), (4, 16, 14, 3)])
def test_another_number_or_size_fails(name, shape):
    with pytest.raises(FormatError, match="stream is damaged"):
        decode_stream(encode_stream(waves(), name, 50), name, shape)


@pytest.mark.parametrize("name", VIDEO_FORMATS)
def test_larger_frames_fail_before_memory_is_taken(name):
    data = encode_stream(waves(1, 512, 512), name, 0)
    with pytest.raises(FormatError, match="stream is damaged"):
        decode_stream(data, name, (1, 16, 16, 3))


@pytest.mark.parametrize("name", VIDEO_FORMATS)
def test_cut_and_other_streams_fail(name):
    data = encode_stream(waves(), name, 50)
    other = next(each for each in VIDEO_FORMATS if each != name)
    for broken in [data[:length] for length in range(0, 9 * len(data) // 10, 7)] + [b"\0" * 99]:
        with pytest.raises(FormatError, match="stream is damaged"):
            decode_stream(broken, name, (4, 16, 16, 3))
    with pytest.raises(FormatError, match="stream is damaged"):
        decode_stream(data, other, (4, 16, 16, 3))


@pytest.mark.parametrize("name", VIDEO_FORMATS)
def test_flipped_bits_give_frames_of_the_right_size_or_one_error(name):
    data = encode_stream(waves(), name, 50)
    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= 1 << place % 8
        try:
            assert decode_stream(bytes(broken), name, (4, 16, 16, 3)).shape == (4, 16, 16, 3)
        except FormatError as error:
            assert "stream is damaged" in str(error)
