"""Folders of videos and pictures, read back by other libraries, and by our own reader."""

from __future__ import annotations

import json

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from marks import fault
from vidcondense.exports.export import export
from vidcondense.exports.options import ExportOptions
from vidcondense.exports.videos import clamped_share
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions

CLASSES = ("jump", "wave")


def expected(made):
    """`[N, T, H, W, C]`: what a picture can show of the rendered videos."""
    clips = made.clips(range(len(made))).numpy().transpose(0, 1, 3, 4, 2)
    return np.rint(np.clip(clips, 0, 1) * np.float32(255)).astype(np.uint8)


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def decode(path):
    with av.open(str(path)) as file:
        assert file.streams.video[0].average_rate == 8
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


def animation(path):
    with Image.open(path) as image:
        frames = np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)])
        assert image.info["duration"] in (125, 120, 130), "GIF counts in hundredths of a second"
        return frames


def paths(made, out, ending):
    found = [out / made.classes[label] / f"{index:06d}{ending}" for index, label in enumerate(made.labels)]
    assert sorted(path for path in out.glob(f"*/*{ending}")) == sorted(found)
    return found


@fault("67", "mp4 and png that are exported and read again", "the same pixels")
@pytest.mark.parametrize("noise", [False, True])
def test_mp4_is_exact(make_set, tmp_path, noise):
    made = make_set(CLASSES, noise=noise)
    export(made, tmp_path / "out", "mp4")
    for path, video in zip(paths(made, tmp_path / "out", ".mp4"), expected(made), strict=True):
        assert np.array_equal(decode(path), video)


@fault("67", "mp4 and png that are exported and read again", "the same pixels")
@pytest.mark.parametrize(("to", "layout"), [("mp4", "folder"), ("png", "frames")])
def test_our_own_reader_gives_the_same_pixels(make_set, tmp_path, to, layout):
    made = make_set(CLASSES, noise=True, per_class=4)
    export(made, tmp_path / "out", to)
    data = load_data(
        tmp_path / "out", DataOptions(layout=layout, workers=0), ClipOptions(num_frames=5, stride=1, size=44)
    )
    seen = {}
    for clips in (data.train, data.test):
        assert clips.classes == CLASSES
        assert clips.flip is False, "as the set says"
        for index, path in enumerate(clips.paths):
            number = int(path.split("/")[1].removesuffix(".mp4"))
            clip, label = clips[index]
            assert label == made.labels[number]
            seen[number] = np.rint(clip.numpy().transpose(0, 2, 3, 1) * 255).astype(np.uint8)
    assert np.array_equal(np.stack([seen[number] for number in range(8)]), expected(made))


@fault("67", "mp4 and png that are exported and read again", "the same pixels")
def test_png_frames_are_exact(make_set, tmp_path):
    made = make_set(CLASSES, noise=True)
    export(made, tmp_path / "out", "png")
    for folder, video in zip(paths(made, tmp_path / "out", ""), expected(made), strict=True):
        files = sorted(folder.iterdir())
        assert [file.name for file in files] == [f"frame{number:06d}.png" for number in range(5)]
        assert np.array_equal(np.stack([np.asarray(Image.open(file)) for file in files]), video)


@fault("67b", "webp, gif and other pictures to look at", "close: the error is bounded")
@pytest.mark.parametrize(
    ("to", "ending", "read", "bound"),
    [("preview", ".mp4", decode, 33), ("gif", ".gif", animation, 28), ("webp", ".webp", animation, 30)],
)
def test_what_is_for_looking_at_is_close(make_set, tmp_path, to, ending, read, bound):
    made = make_set(CLASSES)
    export(made, tmp_path / "out", to)
    for path, video in zip(paths(made, tmp_path / "out", ending), expected(made), strict=True):
        assert psnr(read(path), video) > bound


def test_frames_per_second(make_set, tmp_path):
    export(make_set(), tmp_path / "out", "mp4", ExportOptions(fps=12.5))
    with av.open(str(tmp_path / "out" / "jump" / "000000.mp4")) as file:
        assert file.streams.video[0].average_rate == 12.5


def test_share_of_clamped_values(make_set):
    made = make_set(CLASSES, noise=True)
    clips = made.clips(range(4)).numpy()
    assert clamped_share(made) == pytest.approx(np.mean((clips < 0) | (clips > 1)))
    assert clamped_share(make_set(CLASSES)) == 0


def test_the_reader_is_told_of_mirroring(make_set, tmp_path):
    export(make_set(), tmp_path / "out", "gif")
    assert json.loads((tmp_path / "out" / "dataset.json").read_text()) == {"flip": False}
