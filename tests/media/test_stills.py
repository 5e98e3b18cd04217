from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from vidcondense.errors import VideoError
from vidcondense.media.encode import encode_lossless
from vidcondense.media.read import Probed, try_probe, try_read_clips
from vidcondense.media.source import Limits
from vidcondense.media.stills import list_frames, read_frames


def pixels(count, height=12, width=16):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def write(folder, frames, form="img_{:05d}.png", first=1):
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames, start=first):
        Image.fromarray(frame).save(folder / form.format(number))
    return folder


def first_and_last(count):
    return [[0, count - 1], [1, 1]]


@pytest.mark.parametrize(
    ("form", "first"),
    [
        ("img_{:05d}.png", 1),
        ("frame{:06d}.png", 1),
        ("{:04d}.PNG", 0),
        ("image-{:03d}.png", 7),
        ("{:02d}.png", 98),
    ],
)
def test_pixels_are_exact(tmp_path, form, first):
    frames = pixels(5, 16, 16)
    result = read_frames(write(tmp_path / "v", frames, form, first), size=16, pick=first_and_last)
    assert np.array_equal(result.clips, np.stack([frames[[0, 4]], frames[[1, 1]]]))
    assert (result.num_frames, result.width, result.height, result.fps) == (5, 16, 16, None)


def test_the_rule_for_the_size_is_that_of_videos(tmp_path):
    frames = pixels(4)
    (tmp_path / "v.mkv").write_bytes(encode_lossless(frames))
    write(tmp_path / "v", frames)
    video, folder = (try_read_clips(tmp_path / name, 8, first_and_last, Limits()) for name in ("v.mkv", "v"))
    assert np.array_equal(video.clips, folder.clips)


def test_jpeg_grey_and_palette_become_rgb(tmp_path):
    folder = tmp_path / "v"
    folder.mkdir()
    Image.new("L", (8, 8), 77).save(folder / "frame01.jpg")
    Image.new("RGB", (8, 8), (77, 77, 77)).save(folder / "frame02.jpg")
    result = read_frames(folder, size=4, pick=lambda count: [[0, 1]])
    assert np.abs(result.clips.astype(int) - 77).max() <= 1


def test_what_is_not_a_frame_is_ignored(tmp_path):
    folder = write(tmp_path / "v", pixels(2))
    for name in ("flow_x_00001.png", "thumb.jpg", "img_00003.txt", ".img_00009.png", "1.png"):
        (folder / name).write_bytes(b"x")
    assert [path.name for path in list_frames(folder)] == ["img_00001.png", "img_00002.png"]


def refuse(folder, limits=None):
    error = try_read_clips(folder, 8, lambda count: [[0, count - 1]], limits or Limits())
    assert isinstance(error, VideoError)
    again = try_probe(folder, limits or Limits())
    assert isinstance(again, VideoError)
    return error.code


def test_reasons(tmp_path):
    (tmp_path / "empty").mkdir()
    assert refuse(tmp_path / "empty") == "no-frames"
    gap = write(tmp_path / "gap", pixels(4))
    (gap / "img_00002.png").unlink()
    assert refuse(gap) == "missing-frames"
    mixed = write(write(tmp_path / "mixed", pixels(2)), pixels(2), "frame{:06d}.png")
    assert refuse(mixed) == "mixed-frames"
    twins = write(write(tmp_path / "twins", pixels(2)), pixels(2), "img_{:06d}.png")
    assert refuse(twins) == "mixed-frames"
    for code, content in (("text", b"no image"), ("gif", b"GIF89a" + bytes(30)), ("void", b"")):
        bad = write(tmp_path / code, pixels(2))
        (bad / "img_00001.png").write_bytes(content)
        assert refuse(bad) == "not-a-video"
    cut = write(tmp_path / "cut", pixels(2, 64, 64))
    data = (cut / "img_00002.png").read_bytes()
    (cut / "img_00002.png").write_bytes(data[: len(data) // 2])
    assert refuse(cut) == "not-a-video"
    pipe = write(tmp_path / "pipe", pixels(2))
    (pipe / "img_00002.png").unlink()
    os.mkfifo(pipe / "img_00002.png")
    assert refuse(pipe) == "not-regular"
    assert refuse(write(tmp_path / "large", pixels(2)), Limits(max_pixels=191)) == "too-large"
    assert refuse(write(tmp_path / "long", pixels(3)), Limits(max_frames=2)) == "too-long"


def test_a_gap_is_named(tmp_path):
    folder = write(tmp_path / "v", pixels(6))
    for number in (3, 5):
        (folder / f"img_{number:05d}.png").unlink()
    with pytest.raises(VideoError, match="2 frames between 1 and 6 lack, first 3"):
        list_frames(folder)


def test_a_bomb_is_refused_by_its_header(tmp_path):
    folder = tmp_path / "v"
    folder.mkdir()
    Image.new("1", (20_000, 20_000)).save(folder / "img_00001.png")  # 1.2 GB as RGB, 50 kB on the disk
    assert refuse(folder) == "too-large"


def test_probe_tells_the_same_pictures_in_other_bytes(tmp_path):
    frames = pixels(4)
    (tmp_path / "v.mkv").write_bytes(encode_lossless(frames))
    (tmp_path / "v.mp4").write_bytes(encode_lossless(frames, container="mp4"))
    (tmp_path / "other.mkv").write_bytes(encode_lossless(frames[::-1]))
    write(tmp_path / "v", frames)
    probed = {name: try_probe(tmp_path / name, Limits()) for name in ("v.mkv", "v.mp4", "v", "other.mkv")}
    assert all(isinstance(each, Probed) for each in probed.values())
    assert len({probed[name].frames_digest for name in ("v.mkv", "v.mp4", "v")}) == 1
    assert probed["other.mkv"].frames_digest != probed["v.mkv"].frames_digest
    assert len({each.file_digest for each in probed.values()}) == 4
    assert (probed["v.mkv"].num_frames, probed["v.mkv"].width, probed["v.mkv"].height) == (4, 16, 12)
    assert (probed["v"].num_frames, probed["v"].width, probed["v"].height) == (4, 16, 12)
    assert probed["v.mp4"].fps == 25


def test_a_folder_named_like_a_video_is_none(tmp_path):
    write(tmp_path / "v.mp4", pixels(2))
    assert refuse(tmp_path / "v.mp4") == "not-regular"
