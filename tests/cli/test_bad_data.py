from __future__ import annotations

import os
import subprocess
import sys

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


def missing(root):
    pass


def empty(root):
    root.mkdir()


def no_video(root):
    (root / "train" / "a").mkdir(parents=True)
    (root / "train" / "a" / "notes.txt").write_text("nothing")


def one_class(root):
    dataset(root, classes=("a",))


def a_file(root):
    root.write_bytes(video())


@pytest.mark.parametrize("make", [missing, empty, no_video, one_class, a_file])
def test_folder_that_is_no_dataset(run, tmp_path, make):
    make(tmp_path / "data")
    before = sorted(tmp_path.rglob("*"))
    outcome = run("condense", tmp_path / "data", "--out", tmp_path / "set", *CLIP)
    assert outcome.code == 3
    assert str(tmp_path / "data") in outcome.line
    assert sorted(tmp_path.rglob("*")) == before


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


AS_NOBODY = """
import os, sys
from vidcondense.cli.main import main
data, good, locked, *options = sys.argv[1:]
code = main(["condense", data, "--out", good, *options])  # all modules are loaded while they can be read
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
sys.exit(code or main(["condense", data, "--out", locked, *options]))
"""


def test_unwritable_out_in_an_unprivileged_process(tmp_path):
    """Root may write anywhere, so the command runs as nobody where the test is root's."""
    root = dataset(tmp_path / "data")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o055)
    options = [*CLIP, "--method", "random", "--cache-dir", tmp_path / "cache"]
    arguments = map(str, [root, tmp_path / "set", locked / "set", *options])
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, *arguments], capture_output=True, text=True, timeout=120
    )
    assert (tmp_path / "set").is_dir()
    assert done.returncode == 4, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("vidcondense: error"))
    assert f"cannot write {locked / 'set'}" in line
    assert "Traceback" not in done.stderr
    assert list(locked.iterdir()) == []
