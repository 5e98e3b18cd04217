from __future__ import annotations

import os

import numpy as np
import pytest

from vidcondense.media.encode import encode_h264

CLIP = ["--num-frames", "8", "--stride", "1", "--size", "44", "--workers", "0"]


def video(frames=12):
    pixels = np.random.default_rng(frames).integers(0, 256, (frames, 48, 48, 3), dtype=np.uint8)
    return encode_h264(pixels)


def dataset(root, classes=("a", "b"), clips=2):
    content = video()
    for split in ("train", "test"):
        for name in classes:
            (root / split / name).mkdir(parents=True)
            for clip in range(clips):
                (root / split / name / f"{clip}.mp4").write_bytes(content)
    return root


def text(path):
    path.write_text("this is no video\n" * 100)


def script(path):
    path.write_text("ffconcat version 1.0\nfile 0.mp4\n")


def cut(path):
    content = video()
    path.write_bytes(content[: len(content) // 2])


def pipe(path):
    os.mkfifo(path)


def short(path):
    path.write_bytes(video(3))


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (text, "not-a-video"),
        (script, "format-not-allowed"),
        (cut, "unreadable-header"),
        (pipe, "not-regular"),
        (short, "too-short"),
    ],
)
def test_unusable_file_is_refused_or_left_out(run, tmp_path, spoil, code):
    root = dataset(tmp_path / "data")
    spoil(root / "train" / "a" / "bad.mp4")
    command = ["condense", root, "--out", tmp_path / "set", *CLIP, "--method", "random"]
    outcome = run(*command)
    assert outcome.code == 3
    assert code in outcome.line
    assert not (tmp_path / "set").exists()
    outcome = run(*command, "--max-bad", "0.5")
    assert outcome.code == 0
    assert f"1 files cannot be used and were left out: 1 {code}" in outcome.err
