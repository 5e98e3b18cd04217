"""Opening a file: the reasons that need no bad file of their own; tests/faults has the hostile ones."""

from __future__ import annotations

import pytest

from vidcondense.errors import UsageError, VideoError
from vidcondense.media.source import Limits, check_pixels, open_video, too_long


def test_broken_link(tmp_path):
    (tmp_path / "x.mp4").symlink_to(tmp_path / "nowhere")
    with pytest.raises(VideoError) as caught, open_video(tmp_path / "x.mp4", Limits()):
        pass
    assert (caught.value.code, bool(caught.value.detail)) == ("unreadable", True)


@pytest.mark.parametrize(("width", "height", "fits"), [(10, 10, True), (20, 5, True), (101, 1, False)])
def test_pixels_are_counted(width, height, fits):
    limits = Limits(max_pixels=100)
    if fits:
        check_pixels(width, height, limits)
    else:
        with pytest.raises(VideoError, match=f"too-large.*{width}×{height}.*100"):
            check_pixels(width, height, limits)


def test_too_long_names_both_numbers():
    assert "7 frames or more; the limit is 5" in str(too_long(7, Limits(max_frames=5)))


def test_what_fails_while_it_is_open_is_a_reason(tmp_path, numbers):
    for error, code in ((MemoryError(), "out-of-memory"),):
        with pytest.raises(VideoError) as caught, open_video(numbers(3), Limits()):
            raise error
        assert caught.value.code == code


def test_limits_are_checked():
    for wrong in ({"max_pixels": 0}, {"max_frames": 0}):
        with pytest.raises(UsageError, match="must be at least 1"):
            Limits(**wrong)
