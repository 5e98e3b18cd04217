from __future__ import annotations

import numpy as np
import pytest

from vidcondense.media import decode
from vidcondense.media.decode import read_clips
from vidcondense.media.skim import skim_plan
from vidcondense.media.source import Limits

H264 = {"crf": "20", "g": "12", "bf": "3", "b_strategy": "0", "sc_threshold": "0"}


@pytest.fixture
def film(tmp_path, encode, busy):
    """100 frames of H.264 with B-frames, a key frame every 12."""
    path = tmp_path / "film.mp4"
    path.write_bytes(encode(busy, "mp4", "libx264", "yuv420p", **H264))
    return path


def pick_only(*frames):
    return lambda count: [list(frames)]


@pytest.mark.parametrize("frames", [(0,), (11, 12, 13), (40, 44, 48, 52), (99,), (5, 95), (30, 30, 29)])
def test_the_pixels_are_those_of_decoding_everything(film, monkeypatch, frames):
    plain = read_clips(film, size=24, pick=pick_only(*frames))
    monkeypatch.setattr(decode, "_decode", lambda *arguments: pytest.fail("all of it was decoded"))
    skimmed = read_clips(film, size=24, pick=pick_only(*frames), skim=True)
    assert np.array_equal(skimmed.clips, plain.clips)
    assert (skimmed.num_frames, skimmed.width, skimmed.height) == (100, 64, 48)
    assert (skimmed.fps, skimmed.notes) == (plain.fps, plain.notes)


def test_only_what_is_needed_is_decoded(film):
    plan = skim_plan(film, pick_only(40, 41), Limits())
    ((first, last),) = plan.runs
    assert first % 12 == 0
    assert last - first < 12
    assert plan.num_frames == 100


def test_where_it_does_not_pay_or_cannot_be_told_all_is_decoded(film, tmp_path, encode, busy):
    assert skim_plan(film, lambda count: [list(range(0, 100, 10))], Limits()) is None, "most of the packets"
    assert skim_plan(film, pick_only(*range(60)), Limits()) is None
    hidden = tmp_path / "hidden.webm"
    hidden.write_bytes(encode(busy, "webm", "libvpx-vp9", "yuv420p"))
    assert skim_plan(hidden, pick_only(3), Limits()) is None, "VP9 has packets that are not shown"
    plain, skimmed = (read_clips(hidden, size=8, pick=pick_only(3), skim=skim) for skim in (False, True))
    assert np.array_equal(plain.clips, skimmed.clips)


@pytest.mark.parametrize("container", ["avi", "matroska", "mp4"])
def test_every_frame_is_the_one_that_is_wanted(tmp_path, encode, busy, container):
    """AVI stores no times: with B-frames those that FFmpeg makes up name other frames."""
    path = tmp_path / "film"
    path.write_bytes(encode(busy, container, "libx264", "yuv420p", **H264))
    for frame in range(0, 100, 7):
        plain, skimmed = (read_clips(path, size=24, pick=pick_only(frame), skim=s) for s in (False, True))
        assert np.array_equal(plain.clips, skimmed.clips), frame


def test_damage_elsewhere_is_not_seen_and_damage_in_a_clip_is(film):
    data = bytearray(film.read_bytes())
    at = data.find(b"mdat")
    end = len(data) if data.find(b"moov") < at else data.find(b"moov")
    middle = at + 4 + (end - at) * 2 // 3
    data[middle : middle + 2000] = b"\xff" * 2000
    film.write_bytes(data)
    with pytest.raises(decode.VideoError, match="corrupt"):
        read_clips(film, size=8, pick=pick_only(1, 2))
    assert read_clips(film, size=8, pick=pick_only(1, 2), skim=True).num_frames == 100
    with pytest.raises(decode.VideoError, match="corrupt"):
        read_clips(film, size=8, pick=pick_only(*range(56, 84)), skim=True)


def test_a_real_video_has_the_same_clips(ucf101_5):
    path = next(iter(sorted((ucf101_5 / "UCF-101").rglob("*.mp4"))))
    frames = pick_only(*range(30, 46))
    plain, skimmed = (read_clips(path, size=64, pick=frames, skim=skim) for skim in (False, True))
    assert np.array_equal(plain.clips, skimmed.clips)
    assert plain.num_frames == skimmed.num_frames
