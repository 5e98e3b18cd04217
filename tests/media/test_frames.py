from __future__ import annotations

import struct

import av
import numpy as np
import pytest

from marks import fault
from vidcondense.media.decode import read_clips
from vidcondense.media.encode import encode_lossless
from vidcondense.media.frames import crop_and_resize, rgb_converter


def naive(frame, size):
    """Antialiased bilinear scaling of the centre square, by its definition: a triangle of weights."""
    height, width = frame.shape[:2]
    side = min(height, width)

    def weights(start, length):
        scale = side / size
        support = max(scale, 1.0)
        rows = np.zeros((size, length))
        for target in range(size):
            centre = start + (target + 0.5) * scale
            for source in range(length):
                rows[target, source] = max(0.0, 1 - abs(source + 0.5 - centre) / support)
        return rows / rows.sum(1, keepdims=True)

    down, across = weights((height - side) / 2, height), weights((width - side) / 2, width)
    return np.einsum("yh,hwc,xw->yxc", down, frame.astype(float), across)


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(48, 64, 16), (63, 47, 20), (10, 7, 32), (2, 2, 5), (1, 1, 4), (8, 200, 16), (30, 30, 30)],
)
def test_resize_is_the_triangle_filter(height, width, size):
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    ours = crop_and_resize(frame, size)
    assert ours.shape == (size, size, 3)
    assert ours.dtype == np.uint8
    assert np.abs(ours - naive(frame, size)).max() <= 1.01  # two roundings


def test_the_centre_is_kept():
    frame = np.zeros((4, 12, 3), np.uint8)
    frame[:, 4:8] = np.arange(48).reshape(4, 4, 3)
    assert np.array_equal(crop_and_resize(frame, 4), frame[:, 4:8])


def first_frame(path, size):
    return read_clips(path, size=size, pick=lambda count: [[0]])


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_of_the_file_is_applied(tmp_path, degrees):
    """The display matrix is patched in by hand, as the mp4 standard writes a clockwise turn."""
    frame = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    data = bytearray(encode_lossless(np.stack([frame] * 3), container="mp4"))
    turns = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}
    a, b, c, d = turns[degrees]
    one = 1 << 16
    plain = struct.pack(">9i", one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    turned = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    at = data.find(plain, data.find(b"tkhd"))
    assert at > 0
    data[at : at + len(plain)] = turned
    path = tmp_path / "x.mp4"
    path.write_bytes(data)
    decoded = first_frame(path, 16)
    assert np.array_equal(decoded.clips[0, 0], np.rot90(frame, -degrees // 90))
    assert bool(decoded.notes) == (degrees != 0)


def test_width_and_height_are_told_upright(tmp_path):
    path = tmp_path / "x.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264rgb", rate=25, options={"qp": "0"})
        stream.height, stream.width, stream.pix_fmt = 16, 32, "rgb24"
        stream.set_display_rotation(90)
        for _ in range(2):
            output.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.zeros((16, 32, 3), np.uint8), format="rgb24"))
            )
        output.mux(stream.encode())
    decoded = first_frame(path, 8)
    assert (decoded.width, decoded.height) == (16, 32)


@fault("23i", "BT.601, BT.709, limited and full range", "the colours that the file says")
@pytest.mark.parametrize(("matrix", "red", "blue"), [("bt709", 0.2126, 0.0722), ("smpte170m", 0.299, 0.114)])
@pytest.mark.parametrize("full_range", [False, True])
def test_colour_is_what_the_file_says(tmp_path, matrix, red, blue, full_range):
    y, u, v = 120, 90, 180
    path = tmp_path / "x.mp4"
    options = {"qp": "0", "colorspace": matrix, "color_range": "pc" if full_range else "tv"}
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = 16, 32, "yuv444p"
        frame = av.VideoFrame(32, 16, "yuv444p")
        for plane, value in zip(frame.planes, (y, u, v), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    luma = y / 255 if full_range else (y - 16) / 219
    chroma = 255 if full_range else 224
    pb, pr = (u - 128) / chroma, (v - 128) / chroma
    r, b = luma + 2 * (1 - red) * pr, luma + 2 * (1 - blue) * pb
    g = (luma - red * r - blue * b) / (1 - red - blue)
    got = first_frame(path, 4).clips[0, 0, 0, 0]
    assert np.abs(got - 255 * np.array([r, g, b])).max() <= 1.5


def test_one_converter_for_frames_of_all_formats_and_sizes_gives_the_pixels_of_a_plain_conversion():
    pixels, to_rgb = np.random.default_rng(0), rgb_converter()
    for height, width, kind in [
        (48, 64, "yuv420p"),
        (30, 50, "yuv444p"),
        (48, 64, "rgb24"),
        (48, 64, "yuv420p"),
    ]:
        rgb = pixels.integers(0, 256, (height, width, 3), dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=kind)
        assert np.array_equal(to_rgb(frame), frame.to_ndarray(format="rgb24"))
