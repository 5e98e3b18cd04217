"""Hostile and broken files: each gets its code, and nothing but the file itself is touched."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import threading

import av
import numpy as np
import pytest
from PIL import Image

from vidcondense.errors import UsageError, VideoError
from vidcondense.media.decode import read_clips
from vidcondense.media.source import Limits, open_video

pytestmark = pytest.mark.timeout(30)  # a hang is a failure


def code_of(path, limits=None):
    with pytest.raises(VideoError) as caught, open_video(path, limits or Limits()):
        pass
    assert caught.value.detail
    return caught.value.code


def picture(image_format):
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, format=image_format)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-file"),
        (b"hello world\n" * 50, "not-a-video"),
        (np.random.default_rng(0).bytes(100_000), "not-a-video"),
        (b"\0\0\0\x20ftyp", "not-a-video"),
        (picture("png"), "format-not-allowed"),
        (picture("jpeg"), "format-not-allowed"),
        (picture("gif"), "format-not-allowed"),
        (b"RIFF\x00\x10\x00\x00AVI LIST", "unreadable-header"),
    ],
    ids=["empty", "text", "random", "8 bytes", "png", "jpeg", "gif", "avi header"],
)
def test_no_video(tmp_path, content, code):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    assert code_of(path) == code


def test_truncated_before_its_header(tmp_path, encode, numbered):
    data = encode(numbered(50), "mp4", "libx264", "yuv420p")  # its header is at the end
    path = tmp_path / "x.mp4"
    path.write_bytes(data[: len(data) // 2])
    assert code_of(path) == "unreadable-header"


def test_a_script_opens_nothing_else(tmp_path, numbers):
    """The file it names is a pipe: opening that would hang."""
    os.mkfifo(tmp_path / "other.mp4")
    script = tmp_path / "script.mp4"
    script.write_text("ffconcat version 1.0\nfile other.mp4\n")
    assert code_of(script) == "format-not-allowed"
    # The trap is real: with the other file in place, FFmpeg left alone reads it.
    (tmp_path / "other.mp4").unlink()
    numbers(5, "clip.mp4").rename(tmp_path / "other.mp4")
    with av.open(str(script)) as opened:
        assert sum(1 for _ in opened.decode(video=0)) == 5
    assert code_of(script) == "format-not-allowed"


@pytest.fixture
def listener():
    """A loopback server; yields its port and the list of connections it saw."""
    seen = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.05)
    stop = threading.Event()

    def serve():
        while not stop.is_set():
            try:
                connection, address = server.accept()
            except TimeoutError:
                continue
            seen.append(address)
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1], seen
    stop.set()
    thread.join()
    server.close()


@pytest.mark.parametrize("name", ["x.mp4", "x.m3u8"])
def test_a_playlist_connects_nowhere(tmp_path, listener, name):
    port, seen = listener
    path = tmp_path / name
    path.write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n"
    )
    assert code_of(path) in ("format-not-allowed", "not-a-video")
    assert seen == []
    with socket.create_connection(("127.0.0.1", port)):
        pass
    for _ in range(100):
        if seen:
            break
        threading.Event().wait(0.05)
    assert len(seen) == 1, "the listener does see connections"


@pytest.mark.parametrize(
    "name", ["concat:a|b.mp4", "-", "-i.mp4", "subfile,,start,0,end,9,,:x.mp4", "a\nb.mp4"]
)
def test_odd_names_are_plain_files(tmp_path, numbers, monkeypatch, name):
    odd = tmp_path / name
    numbers(5, "clip.mp4").rename(odd)
    monkeypatch.chdir(tmp_path)
    decoded = read_clips(odd.relative_to(tmp_path), size=8, pick=lambda count: [[count - 1]])
    assert decoded.num_frames == 5


def test_a_url_like_name_is_a_plain_file(tmp_path, numbers, monkeypatch, listener):
    port, seen = listener
    folder = tmp_path / "http:" / f"127.0.0.1:{port}"
    folder.mkdir(parents=True)
    numbers(5, "clip.mp4").rename(folder / "x.mp4")
    monkeypatch.chdir(tmp_path)
    path = folder.relative_to(tmp_path) / "x.mp4"
    assert read_clips(path, size=8, pick=lambda count: [[0]]).num_frames == 5
    assert seen == []


def test_not_regular(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "s.mp4"))
        (tmp_path / "null.mp4").symlink_to("/dev/null")
        for name in ("pipe", "folder", "s", "null"):
            assert code_of(tmp_path / f"{name}.mp4") == "not-regular", name


def test_broken_link(tmp_path):
    (tmp_path / "x.mp4").symlink_to(tmp_path / "nowhere")
    assert code_of(tmp_path / "x.mp4") == "unreadable"


@pytest.mark.skipif(
    not hasattr(os, "setuid") or os.getuid() != 0, reason="only root can become somebody else"
)
def test_permission(tmp_path, numbers):
    path = numbers(5, "clip.mp4")
    path.chmod(0)
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.stat().st_uid == 0 and folder.is_relative_to(os.environ.get("TMPDIR", "/tmp")):
            folder.chmod(folder.stat().st_mode | 0o055)
    code = (
        "import os, sys, pathlib\n"
        "from vidcondense.media.source import Limits, open_video\n"
        "from vidcondense.errors import VideoError\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try:\n"
        "    with open_video(pathlib.Path(sys.argv[1]), Limits()): print('opened')\n"
        "except VideoError as error: print(error.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "permission"


def test_sound_only(tmp_path):
    path = tmp_path / "x.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 8000
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    assert code_of(path) == "no-video-stream"


def test_no_frames(tmp_path):
    path = tmp_path / "x.mp4"
    box = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"
    movie = b"\0\0\0\x74moov" + b"\0\0\0\x6cmvhd" + bytes(12) + b"\0\0\3\xe8" + bytes(4) + b"\0\1\0\0\1\0"
    path.write_bytes(box + movie + bytes(len(box) + 0x74 - len(box) - len(movie)))
    assert code_of(path) == "no-frames"


@pytest.mark.parametrize("fourcc", [b"zzz1", b"encv"])
def test_unknown_or_encrypted_codec(tmp_path, encode, numbered, fourcc):
    data = encode(numbered(5), "mp4", "libx264", "yuv420p")
    assert data.count(b"avc1") >= 1
    path = tmp_path / "x.mp4"
    path.write_bytes(data.replace(b"avc1", fourcc))
    assert code_of(path) == "unsupported-codec"


def test_the_best_of_several_streams(tmp_path, numbered):
    path = tmp_path / "x.mkv"
    with av.open(str(path), "w") as output:
        streams = [output.add_stream("ffv1", rate=25) for _ in range(2)]
        for stream, size in zip(streams, (16, 32), strict=True):
            stream.height = stream.width = size
            stream.pix_fmt = "bgr0"
        for stream, size in zip(streams, (16, 32), strict=True):
            for frame in numbered(4, size, size):
                output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            output.mux(stream.encode())
    decoded = read_clips(path, size=8, pick=lambda count: [[0]])
    assert (decoded.width, decoded.num_frames) == (32, 4)
    assert decoded.notes == ("video stream 1, one of 2",)


BOMB = """
import pathlib, sys
from vidcondense.media.source import Limits, open_video
from vidcondense.errors import VideoError
try:
    with open_video(pathlib.Path(sys.argv[1]), Limits()): print('opened')
except VideoError as error: print(error.code)
# Not getrusage: its peak begins with that of the process this one was forked from.
print(pathlib.Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_a_bomb_is_refused_by_its_header(tmp_path):
    """60 frames of 4096×4096 are 3 GB of RGB, in a file of 50 kB."""
    path = tmp_path / "x.mp4"
    frame = av.VideoFrame.from_ndarray(np.zeros((4096, 4096), np.uint8), format="gray").reformat(
        format="yuv420p"
    )
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.height = stream.width = 4096
        stream.pix_fmt = "yuv420p"
        for number in range(10):
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    assert path.stat().st_size < 100_000
    done = subprocess.run(
        [sys.executable, "-c", BOMB, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    code, kilobytes = done.stdout.split()
    assert code == "too-large"
    assert int(kilobytes) < 600_000


def test_limits_are_checked():
    for wrong in ({"max_pixels": 0}, {"max_frames": 0}):
        with pytest.raises(UsageError, match="must be at least 1"):
            Limits(**wrong)
