from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vidcondense.errors import VideoError
from vidcondense.media.decode import read_clips
from vidcondense.media.read import try_read_clips
from vidcondense.media.source import Limits


def every(count):
    return [list(range(count))]


def numbers_in(clips):
    """The frame numbers that a numbered video's pixels tell."""
    return np.rint(clips.mean(axis=(2, 3, 4)) / 5).astype(int).tolist()


def code_of(path, pick=every, **limits):
    with pytest.raises(VideoError) as caught:
        read_clips(path, size=8, pick=pick, limits=Limits(**limits))
    return caught.value.code


@pytest.mark.parametrize("name", ["clip.mkv", "clip.mp4"])
def test_indices_are_exact(numbers, name):
    path = numbers(40, name)
    wanted = [[0, 1, 39], [7, 7, 20]]
    decoded = read_clips(path, size=8, pick=lambda count: wanted)
    assert numbers_in(decoded.clips) == wanted
    assert decoded.clips.shape == (2, 3, 8, 8, 3)
    assert (decoded.num_frames, decoded.width, decoded.height, decoded.fps) == (40, 24, 16, 25.0)
    assert decoded.notes == ()


def test_indices_are_exact_with_b_frames(tmp_path, encode, numbered):
    frames = numbered(50, 32, 32)
    data = encode(frames, "mp4", "libx264", "yuv420p", crf="4", bf="4", b_strategy="0", g="50")
    path = tmp_path / "b.mp4"
    path.write_bytes(data)
    decoded = read_clips(path, size=16, pick=every)
    assert numbers_in(decoded.clips) == every(50)


@pytest.mark.parametrize(
    ("container", "codec", "pixels"),
    [
        ("avi", "mpeg4", "yuv420p"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("mov", "libx264", "yuv420p"),
        ("matroska", "ffv1", "gray16le"),
        ("matroska", "ffv1", "yuva444p"),
        ("mp4", "libx264", "yuv420p10le"),
    ],
)
def test_all_our_formats_give_every_frame(tmp_path, encode, numbered, container, codec, pixels):
    path = tmp_path / "x.mp4"  # the content counts, not the name
    quality = {"b": "8M"} if codec == "mpeg4" else {}
    path.write_bytes(encode(numbered(20, 32, 32), container, codec, pixels, **quality))
    decoded = read_clips(path, size=8, pick=every)
    assert numbers_in(decoded.clips) == every(20)


def test_the_count_is_real_when_the_header_lies(tmp_path, encode, busy):
    data = encode(busy, "mp4", "libx264", "yuv420p", crf="20", movflags="faststart")
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: len(data) // 2])
    counts = []

    def last_frames(count):
        counts.append(count)
        return [[count - 2, count - 1]]

    decoded = read_clips(path, size=8, pick=last_frames)
    assert counts == [100, decoded.num_frames], "the header says 100"
    assert 30 < decoded.num_frames < 70
    assert decoded.notes == (f"partial: cut short after {decoded.num_frames} frames",)
    grey = decoded.clips[0, :, 4:].mean(axis=(1, 2, 3))
    assert np.allclose(grey, [2 * (decoded.num_frames - 2), 2 * (decoded.num_frames - 1)], atol=3)


def test_a_refusal_by_the_header_alone_is_not_final(tmp_path, encode, busy):
    """The policy is asked again with the real count; its answer to the header's count decides nothing."""
    data = encode(busy, "mp4", "libx264", "yuv420p", crf="20", movflags="faststart")
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: len(data) // 2])

    def refuse_100(count):
        if count == 100:
            raise VideoError("too-short", "only the header says so")
        return [[0]]

    assert read_clips(path, size=8, pick=refuse_100).clips.shape == (1, 1, 8, 8, 3)


def test_too_many_frames(numbers):
    assert code_of(numbers(20, "clip.mp4"), max_frames=19) == "too-long"  # mp4 tells in its header
    assert code_of(numbers(20, "clip.mkv"), max_frames=19) == "too-long"  # mkv does not
    assert read_clips(numbers(20), size=8, pick=every, limits=Limits(max_frames=20)).num_frames == 20


def test_the_policy_for_short_videos_decides(numbers):
    def pick(count):
        raise VideoError("too-short", f"{count} frames")

    assert code_of(numbers(3), pick) == "too-short"


def test_try_returns_what_read_raises(numbers):
    path = numbers(3)
    decoded = try_read_clips(path, 8, every, Limits())
    assert not isinstance(decoded, VideoError)
    assert decoded.num_frames == 3
    error = try_read_clips(path.with_name("none.mp4"), 8, every, Limits())
    assert isinstance(error, VideoError)
    assert error.code == "unreadable"


def test_two_reads_are_equal(numbers):
    path = numbers(10, "clip.mp4")
    first, second = (read_clips(path, size=11, pick=every).clips for _ in range(2))
    assert np.array_equal(first, second)


def test_workers_need_no_torch():
    code = (
        "import sys, vidcondense.media.decode, vidcondense.media.encode, vidcondense.media.images, "
        "vidcondense.video.sampling, vidcondense.video.motions; "
        "assert 'torch' not in sys.modules and 'torchvision' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=Path(__file__).parent)
