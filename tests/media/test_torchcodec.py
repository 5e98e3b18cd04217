from __future__ import annotations

import numpy as np
import pytest

from bad_videos import rotated
from vidcondense.errors import UsageError, VideoError
from vidcondense.media import torchcodec
from vidcondense.media.decode import read_clips
from vidcondense.media.read import try_read_clips
from vidcondense.media.source import Limits
from vidcondense.media.torchcodec import check_torchcodec, read_by_torchcodec
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions
from vidcondense.video.toy import ToyOptions, make_toy


@pytest.fixture
def loaded():
    try:
        check_torchcodec()
    except UsageError as error:
        pytest.skip(str(error))


@pytest.fixture
def film(tmp_path, encode, busy):
    """100 frames of H.264."""
    path = tmp_path / "film.mp4"
    path.write_bytes(encode(busy, "mp4", "libx264", "yuv420p"))
    return path


@pytest.fixture
def root(tmp_path):
    make_toy(tmp_path / "toy", ToyOptions(pairs=1, train_per_class=2, test_per_class=1, size=44, workers=0))
    return tmp_path / "toy"


def some(count):
    return [[0, count // 3, count - 1], [1, 1, 2]]


def both(path, pick=some, size=24):
    ours = read_clips(path, size=size, pick=pick)
    theirs = read_by_torchcodec(path, size=size, pick=pick, limits=Limits())
    return ours, theirs


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("container", "codec", "options"),
    [
        ("mp4", "libx264", {"bf": "3", "g": "12"}),
        ("matroska", "libx264", {"bf": "0"}),
        ("mp4", "libx265", {"x265-params": "log-level=none"}),
    ],
)
def test_the_clips_are_those_of_pyav(tmp_path, encode, busy, container, codec, options):
    path = tmp_path / f"film.{container}"
    path.write_bytes(encode(busy, container, codec, "yuv420p", **options))
    for frame in (0, 5, 37, 99):
        ours, theirs = both(path, pick=lambda count, frame=frame: [[frame]])
        np.testing.assert_allclose(theirs.clips.astype(int), ours.clips, atol=1)
    ours, theirs = both(path)
    assert theirs.clips.dtype == np.uint8
    facts = ("num_frames", "width", "height", "fps", "notes")
    assert [getattr(theirs, name) for name in facts] == [getattr(ours, name) for name in facts]


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("container", "codec", "pixels", "options"),
    [
        ("avi", "mpeg4", "yuv420p", {"bf": "2"}),
        ("avi", "libx264", "yuv420p", {"bf": "2"}),
        ("webm", "libvpx-vp9", "yuv420p", {}),
        ("mp4", "libx264", "yuv420p10le", {}),
    ],
)
def test_files_in_which_it_may_find_other_frames_are_left_to_pyav(
    tmp_path, encode, busy, container, codec, pixels, options
):
    path = tmp_path / f"film.{container}"
    path.write_bytes(encode(busy, container, codec, pixels, **options))
    ours, theirs = both(path)
    assert theirs is None
    found = try_read_clips(path, 24, some, Limits(), decoder="torchcodec")
    assert np.array_equal(found.clips, ours.clips)


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_what_is_rotated_is_upright(tmp_path, encode, busy, degrees):
    path = tmp_path / "film.mp4"
    path.write_bytes(rotated(encode(busy, "mp4", "libx264", "yuv420p"), degrees))
    ours, theirs = both(path)
    np.testing.assert_allclose(theirs.clips.astype(int), ours.clips, atol=1)
    assert (theirs.width, theirs.height, theirs.notes) == (ours.width, ours.height, ours.notes)


@pytest.mark.usefixtures("loaded")
def test_real_videos_have_the_same_clips(ucf101_5):
    for path in sorted((ucf101_5 / "UCF-101").rglob("*.mp4"))[::80]:
        ours, theirs = both(path, size=64)
        assert np.array_equal(theirs.clips, ours.clips)
        assert theirs.num_frames == ours.num_frames


@pytest.mark.usefixtures("loaded")
def test_what_may_not_be_opened_never_reaches_it(tmp_path, film, monkeypatch):
    monkeypatch.setattr(torchcodec, "import_extra", lambda module: pytest.fail(f"{module} was asked"))
    for name, content in (("list.mp4", b"#EXTM3U\nfilm.mp4\n"), ("empty.mp4", b""), ("text.mp4", b"hello")):
        (tmp_path / name).write_bytes(content)
        found = try_read_clips(tmp_path / name, 8, some, Limits(), decoder="torchcodec")
        assert isinstance(found, VideoError)
        assert found.code == try_read_clips(tmp_path / name, 8, some, Limits()).code
    found = try_read_clips(film, 8, some, Limits(max_pixels=10), decoder="torchcodec")
    assert found.code == "too-large"


@pytest.mark.usefixtures("loaded")
def test_limits_and_choices_that_cannot_be(film):
    assert try_read_clips(film, 8, some, Limits(max_frames=99), decoder="torchcodec").code == "too-long"

    def refuse(count):
        raise VideoError("too-short", f"{count} frames")

    assert try_read_clips(film, 8, refuse, Limits(), decoder="torchcodec").code == "too-short"


def test_a_header_that_does_not_tell_the_pixels_is_left_to_pyav(tmp_path, encode, busy):
    film = bytearray(encode(busy, "mp4", "libx264", "yuv420p"))
    at = film.find(b"avcC")
    end = at - 4 + int.from_bytes(film[at - 4 : at], "big")
    film[at + 4 : end] = bytes(end - at - 4)
    at = film.find(b"mdat") + 4
    film[at : at + 4000] = bytes(4000)
    path = tmp_path / "film.mp4"
    path.write_bytes(film)
    ours, theirs = (
        try_read_clips(path, 8, lambda count: [[0]], Limits(), decoder=name)
        for name in ("pyav", "torchcodec")
    )
    assert (theirs.code, theirs.detail) == (ours.code, ours.detail)


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_cut_file_is_refused_for_the_same_reason_or_read(tmp_path, encode, busy, share):
    film = encode(busy, "mp4", "libx264", "yuv420p", movflags="faststart")
    path = tmp_path / "cut.mp4"
    path.write_bytes(film[: int(len(film) * share)])
    ours, theirs = (
        try_read_clips(path, 8, lambda count: [[0]], Limits(), decoder=name)
        for name in ("pyav", "torchcodec")
    )
    if isinstance(ours, VideoError):
        assert (theirs.code, theirs.detail) == (ours.code, ours.detail)
    else:
        np.testing.assert_allclose(theirs.clips.astype(int), ours.clips, atol=1)
    assert isinstance(ours, VideoError) == (share < 0.1)


@pytest.mark.usefixtures("loaded")
def test_a_dataset_is_read_by_it_into_a_cache_of_its_own(root, tmp_path):
    clip = ClipOptions(num_frames=8, stride=1, size=44)
    found = {
        name: load_data(root, DataOptions(workers=1, cache_dir=tmp_path / "cache", decoder=name), clip)
        for name in ("pyav", "torchcodec")
    }
    assert found["pyav"].cache != found["torchcodec"].cache
    ours, theirs = (real.train.batch(range(len(real.train))) for real in found.values())
    assert float((ours - theirs).abs().max()) < 0.05


def test_where_it_is_missing_that_is_said_before_anything_starts(tmp_path, root, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    data = DataOptions(workers=0, cache_dir=tmp_path / "cache", decoder="torchcodec")
    with pytest.raises(UsageError, match=r"--decoder torchcodec needs .*vidcondense\[torchcodec\]"):
        load_data(root, data, ClipOptions(num_frames=8, stride=1, size=44))
    assert not (tmp_path / "cache").exists()
    with pytest.raises(UsageError, match="--skim is a way of PyAV"):
        DataOptions(skim=True, decoder="torchcodec")


def test_where_it_does_not_load_that_is_said(monkeypatch):
    def fail(module):
        raise RuntimeError("Could not load libtorchcodec.\nAnd so on.")

    monkeypatch.setattr(torchcodec, "require_extra", lambda *arguments: None)
    monkeypatch.setattr(torchcodec, "import_extra", fail)
    with pytest.raises(UsageError, match=r"\(Could not load libtorchcodec\.\); it needs"):
        check_torchcodec()
