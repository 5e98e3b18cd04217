from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marks import fault
from vidcondense.errors import UsageError, VideoError
from vidcondense.video.sampling import ClipOptions, clip_indices, span


def indices(video_frames, seed=0, **options):
    return clip_indices(video_frames, ClipOptions(**options), seed)


def refused(video_frames, **options):
    with pytest.raises(VideoError, match="too-short") as caught:
        indices(video_frames, **options)
    return caught.value.detail


any_options = st.builds(
    ClipOptions,
    num_frames=st.integers(1, 40),
    stride=st.integers(1, 12),
    clips_per_video=st.integers(1, 5),
    placement=st.sampled_from(["centre", "random"]),
    short=st.sampled_from(["stride", "repeat", "loop", "reject"]),
)


@fault("10b", "indices of clips of any video", "never out of range")
@given(any_options, st.integers(0, 300), st.integers(0, 2**63 - 1))
def test_indices_are_always_in_range(options, video_frames, seed):
    try:
        clips = clip_indices(video_frames, options, seed)
    except VideoError as error:
        assert error.code == "too-short"
        nominal = (options.num_frames - 1) * options.stride + 1
        least = {"stride": options.num_frames, "reject": nominal, "repeat": 1, "loop": 1}
        assert video_frames < least[options.short]
        return
    assert len(clips) == options.clips_per_video
    for clip in clips:
        assert len(clip) == options.num_frames
        assert all(0 <= index < video_frames for index in clip)
        if options.short != "loop":
            assert clip == sorted(clip)
    assert clips == sorted(clips)
    assert clips == clip_indices(video_frames, options, seed)


@given(any_options, st.integers(1, 300), st.integers(0, 2**63 - 1))
def test_a_long_enough_video_keeps_its_stride(options, video_frames, seed):
    nominal = (options.num_frames - 1) * options.stride + 1
    clips = clip_indices(video_frames + nominal, options, seed)
    for clip in clips:
        assert clip == list(range(clip[0], clip[0] + nominal, options.stride))


def test_span():
    assert span(16, 4) == 61
    assert span(1, 9) == 1


def test_centre_by_hand():
    assert indices(9, num_frames=3, stride=2) == [[2, 4, 6]]
    assert indices(10, num_frames=3, stride=2) == [[2, 4, 6]]
    assert indices(5, num_frames=3, stride=2) == [[0, 2, 4]]


def test_several_centred_clips_are_evenly_spaced():
    assert indices(61, num_frames=1, clips_per_video=3) == [[10], [30], [50]]
    starts = [clip[0] for clip in indices(1000, num_frames=4, stride=3, clips_per_video=5)]
    assert len({b - a for a, b in itertools.pairwise(starts)}) == 1


@pytest.mark.parametrize(
    ("video_frames", "stride"), [(61, 4), (60, 3), (46, 3), (45, 2), (31, 2), (30, 1), (16, 1)]
)
def test_the_stride_gets_smaller_until_it_fits(video_frames, stride):
    (clip,) = indices(video_frames, num_frames=16, stride=4)
    assert {b - a for a, b in itertools.pairwise(clip)} == {stride}
    largest = max(s for s in range(1, 5) if 15 * s + 1 <= video_frames)
    assert stride == largest


def test_too_short_for_any_stride():
    assert "15 frames" in refused(15, num_frames=16, stride=4)


def test_reject():
    assert indices(61, num_frames=16, stride=4, short="reject") == [list(range(0, 61, 4))]
    assert "61" in refused(60, num_frames=16, stride=4, short="reject")


def test_repeat_and_loop_by_hand():
    assert indices(5, num_frames=4, stride=2, short="repeat") == [[0, 2, 4, 4]]
    assert indices(5, num_frames=4, stride=2, short="loop") == [[0, 2, 4, 1]]
    for short in ("repeat", "loop"):
        refused(0, short=short)


def test_random_placement_takes_every_start():
    starts = {indices(10, seed, num_frames=4, stride=2, placement="random")[0][0] for seed in range(200)}
    assert starts == {0, 1, 2, 3}


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_frames": 0},
        {"stride": 0},
        {"size": 0},
        {"size": 5000},
        {"clips_per_video": 0},
        {"placement_seed": -1},
        {"placement_seed": 2**63},
    ],
)
def test_wrong_options(wrong):
    with pytest.raises(UsageError, match=f"--{next(iter(wrong)).replace('_', '-')}"):
        ClipOptions(**wrong)
