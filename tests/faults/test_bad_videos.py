"""Bad files among good ones: each is set aside with its reason, or used as far as it goes."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import av
import numpy as np
import pytest

import bad_videos as bad
from commands import in_child
from marks import case, fault
from vidcondense.errors import DataError, VideoError
from vidcondense.media.decode import look_through, read_clips
from vidcondense.media.source import Limits
from vidcondense.media.stills import load_frame
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions

pytestmark = pytest.mark.timeout(120)  # a hang is a failure

SHARED = {"max_bad": 0.5, "workers": 0}


def load(root, short="stride", **data):
    return load_data(root, DataOptions(**{**SHARED, **data}), ClipOptions(num_frames=4, size=8, short=short))


def codes(data):
    return {item.path: item.code for item in data.quarantined}


@pytest.mark.parametrize(
    ("make", "code"),
    [
        case("1", "0-byte .mp4", "`empty-file`", bad.write(b""), "empty-file"),
        case("2", "text", "`not-a-video`", bad.write(b"hello world\n" * 50), "not-a-video"),
        case(
            "3",
            "random bytes",
            "`not-a-video`",
            bad.write(np.random.default_rng(0).bytes(100_000)),
            "not-a-video",
        ),
        case("4", "8 bytes of a header", "`not-a-video`", bad.write(b"\0\0\0\x20ftyp"), "not-a-video"),
        case(
            "5",
            "cut, header at the end",
            "`unreadable-header`",
            bad.write(bad.truncated),
            "unreadable-header",
        ),
        case(
            "5b",
            "an AVI header alone",
            "`unreadable-header`",
            bad.write(b"RIFF\x00\x10\x00\x00AVI LIST"),
            "unreadable-header",
        ),
        case("7", "bits flipped in the frames", "`corrupt`", bad.write(bad.flipped), "corrupt"),
        case("8", "no stream", "`no-frames`", bad.write(bad.no_streams), "no-frames"),
        case("8b", "a stream of no frames", "`no-frames`", bad.write(bad.no_samples), "no-frames"),
        case("9", "one frame", "`too-short`", bad.write(lambda: bad.good(1)), "too-short"),
        case("10", "fewer frames than a clip", "`too-short`", bad.write(lambda: bad.good(3)), "too-short"),
        case("11", "sound alone", "`no-video-stream`", bad.write(bad.sound_only), "no-video-stream"),
        case("13", "PNG", "`format-not-allowed`", bad.write(bad.picture("png")), "format-not-allowed"),
        case("13b", "JPEG", "`format-not-allowed`", bad.write(bad.picture("jpeg")), "format-not-allowed"),
        case("13c", "GIF", "`format-not-allowed`", bad.write(bad.picture("gif")), "format-not-allowed"),
        case(
            "14",
            "ffconcat script",
            "`format-not-allowed`; the file it names (a pipe) is not opened",
            bad.script_of_a_pipe,
            "format-not-allowed",
        ),
        case(
            "17",
            "60 frames of 4096×4096",
            "`too-large`, from the header",
            bad.write(bad.bomb),
            "too-large",
        ),
        case("18", "60 000 frames", "`too-long`, after 36 000 packets", bad.write(bad.very_long), "too-long"),
        case(
            "19",
            "2^31 - 1 frames in a table",
            "`unreadable-header`",
            bad.write(bad.sample_count_lies),
            "unreadable-header",
        ),
        case(
            "25",
            "unknown codec",
            "`unsupported-codec`",
            bad.write(lambda: bad.of_codec(b"zzz1")),
            "unsupported-codec",
        ),
        case(
            "26",
            "encrypted mp4",
            "`unsupported-codec`",
            bad.write(lambda: bad.of_codec(b"encv")),
            "unsupported-codec",
        ),
        case("27", "a folder named x.mp4", "`not-regular`", lambda path: path.mkdir(), "not-regular"),
        case(
            "28",
            "a link to nowhere",
            "`broken-link`",
            lambda path: path.symlink_to("nowhere"),
            "broken-link",
        ),
        case(
            "29",
            "a link to itself",
            "`broken-link`",
            lambda path: path.symlink_to(path.name),
            "broken-link",
        ),
        case(
            "30",
            "a link out of the folder",
            "`outside-root`; with --follow-symlinks it is read",
            lambda path: path.symlink_to("/etc/passwd"),
            "outside-root",
        ),
        case("31", "a named pipe", "`not-regular`, at once", os.mkfifo, "not-regular"),
        case("31b", "a socket", "`not-regular`", bad.unix_socket, "not-regular"),
    ],
)
def test_bad_file_is_set_aside(root, make, code):
    make(root / "train" / "a" / "bad.mp4")
    data = load(root)
    assert codes(data) == {"train/a/bad.mp4": code}
    assert all(item.detail for item in data.quarantined)
    assert (len(data.train), len(data.test)) == (4, 2)


@fault("31c", "a link to a device", "`outside-root`, or `not-regular` with --follow-symlinks")
def test_device(root):
    (root / "train" / "a" / "bad.mp4").symlink_to("/dev/zero")
    assert codes(load(root)) == {"train/a/bad.mp4": "outside-root"}
    assert codes(load(root, follow_symlinks=True)) == {"train/a/bad.mp4": "not-regular"}


@fault("30b", "a link to a video outside", "`outside-root`; with --follow-symlinks it is read")
def test_link_to_a_video(root, tmp_path):
    (tmp_path / "real.mp4").write_bytes(bad.good())
    (root / "train" / "a" / "bad.mp4").symlink_to(tmp_path / "real.mp4")
    assert codes(load(root)) == {"train/a/bad.mp4": "outside-root"}
    assert len(load(root, follow_symlinks=True).train) == 5


@pytest.mark.parametrize(
    ("make", "frames", "note"),
    [
        case(
            "6",
            "cut, header at the start",
            "used as far as it goes, noted as `partial`; the index has the real count",
            bad.cut_short,
            48,
            "partial: cut short after 48 frames",
        ),
        case("12", "two video streams", "the larger, noted", bad.two_streams, 6, "video stream 1, one of 2"),
        case(
            "19b", "65535×65535 in the sample entry", "read; the codec knows", bad.huge_in_its_header, 8, None
        ),
        case(
            "20",
            "the size changes",
            "each frame is resized, noted",
            bad.sizes_change,
            10,
            "frames of several sizes",
        ),
        case("21", "1×1 pixels", "read", lambda: bad.good(8, (1, 1)), 8, None),
        case("21b", "63×47 pixels", "read", lambda: bad.good(8, (63, 47)), 8, None),
        case("21c", "2000×8 pixels", "read", lambda: bad.good(8, (8, 2000)), 8, None),
        case("24", "0 frames per second", "read by index", bad.rate_zero, 8, None),
        case("24b", "no duration", "read by index", bad.no_duration, 8, None),
        case(
            "23",
            "B frames",
            "every frame, in order of display",
            lambda: bad.h264(bad.numbered(20, 32, 32), bf="4", b_strategy="0", g="20"),
            20,
            None,
        ),
        case(
            "23b",
            "times that jump",
            "every frame",
            lambda: bad.remuxed(bad.intra_stream(bad.numbered(8)), "matroska", lambda n: n * n * 40),
            8,
            None,
        ),
        case(
            "23c",
            "times that repeat",
            "every frame",
            lambda: bad.remuxed(bad.intra_stream(bad.numbered(8)), "matroska", lambda n: n // 2 * 40),
            8,
            None,
        ),
        case(
            "23d",
            "times below zero",
            "every frame",
            lambda: bad.remuxed(bad.intra_stream(bad.numbered(8)), "matroska", lambda n: (n - 4) * 40),
            8,
            None,
        ),
        case(
            "23e",
            "16-bit grey",
            "every frame, as RGB",
            lambda: bad.encode(bad.numbered(8), "matroska", "ffv1", "gray16le"),
            8,
            None,
        ),
        case(
            "23f",
            "transparency",
            "every frame, without it",
            lambda: bad.encode(bad.numbered(8), "matroska", "ffv1", "yuva444p"),
            8,
            None,
        ),
        case(
            "23g",
            "10 bits",
            "every frame",
            lambda: bad.encode(bad.numbered(8, 32, 32), "mp4", "libx264", "yuv420p10le"),
            8,
            None,
        ),
        case(
            "23h",
            "interlaced",
            "every frame, as it is",
            lambda: bad.h264(bad.numbered(8, 32, 32), flags="+ildct+ilme"),
            8,
            None,
        ),
    ],
)
def test_odd_file_is_read(tmp_path, make, frames, note):
    path = tmp_path / "odd.mp4"
    path.write_bytes(make())
    decoded = read_clips(path, size=8, pick=lambda count: [list(range(min(count, 40)))])
    assert decoded.num_frames == frames
    assert decoded.clips.dtype == np.uint8
    assert decoded.clips.shape == (1, min(frames, 40), 8, 8, 3)
    assert decoded.notes == (() if note is None else (note,))
    if note is None:
        grey = decoded.clips[0].mean(axis=(1, 2, 3))
        assert np.allclose(grey, bad.STEP * np.arange(frames), atol=4), "in order"


@fault("6b", "cut, too few frames left", "`too-short` by the real count, not the header's")
def test_cut_below_a_clip(root):
    (root / "train" / "a" / "bad.mp4").write_bytes(bad.cut_short())
    options = ClipOptions(num_frames=60, stride=1, size=8, short="repeat")
    assert codes(load_data(root, DataOptions(**SHARED), options)) == {}
    data = load_data(root, DataOptions(**{**SHARED, "max_bad": 1.0}), ClipOptions(num_frames=8, size=8))
    record = [path for path in data.train.paths if path.endswith("bad.mp4")]
    assert record == ["train/a/bad.mp4"]
    with pytest.raises(DataError, match=r"too-short 7"):  # 48 frames, where the header says 100
        load_data(root, DataOptions(**SHARED), ClipOptions(num_frames=49, stride=1, size=8, short="reject"))


@fault("9b", "a short video by policy", "`repeat` and `loop` use it, `reject` does not")
@pytest.mark.parametrize(("short", "used"), [("repeat", True), ("loop", True), ("reject", False)])
def test_policy_for_short_videos(root, short, used):
    (root / "train" / "a" / "one.mp4").write_bytes(bad.good(1))
    options = ClipOptions(num_frames=4, stride=1, size=8, short=short)
    data = load_data(root, DataOptions(**SHARED), options)
    assert ("train/a/one.mp4" in data.train.paths) is used
    assert codes(data) == ({} if used else {"train/a/one.mp4": "too-short"})


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


@fault("14b", "the script, and a video that it names", "refused, though FFmpeg left alone reads it")
def test_a_script_opens_nothing_else(root):
    folder = root / "train" / "a"
    (folder / "script.mp4").write_text("ffconcat version 1.0\nfile 0.mp4\n")
    with av.open(str(folder / "script.mp4")) as opened:
        assert sum(1 for _ in opened.decode(video=0)) == 8, "the trap is real"
    assert codes(load(root)) == {"train/a/script.mp4": "format-not-allowed"}


@fault("15b", "playlist of a video beside it", "refused, though FFmpeg left alone reads it")
def test_a_playlist_opens_nothing_beside_it(root):
    folder = root / "train" / "a"
    (folder / "segment.ts").write_bytes(bad.encode(bad.numbered(8, 44, 44), "mpegts", "mpeg4", "yuv420p"))
    (folder / "list.mp4").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nsegment.ts\n#EXT-X-ENDLIST\n"
    )
    with av.open(str(folder / "list.mp4"), format="hls") as opened:
        assert sum(1 for _ in opened.decode(video=0)) == 8, "the trap is real"
    assert codes(load(root))["train/a/list.mp4"] in ("format-not-allowed", "not-a-video")


@fault("15", "playlist of a URL", "refused; the listener sees no connection")
def test_a_playlist_connects_nowhere(root, listener):
    port, seen = listener
    (root / "train" / "a" / "bad.mp4").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n"
    )
    assert codes(load(root))["train/a/bad.mp4"] in ("format-not-allowed", "not-a-video")
    assert seen == []
    with socket.create_connection(("127.0.0.1", port)):
        pass
    for _ in range(100):
        if seen:
            break
        threading.Event().wait(0.05)
    assert len(seen) == 1, "the listener does see connections"


@pytest.mark.parametrize(
    "name",
    [
        case("16", "name `concat:a|b.mp4`", "a plain file", "concat:a|b.mp4"),
        case("16b", "name `-.mp4`", "a plain file", "-.mp4"),
        case("16c", "name `-i.mp4`", "a plain file", "-i.mp4"),
        case("16d", "name `subfile,…`", "a plain file", "subfile,,start,0,end,9,,:x.mp4"),
        case("16e", "name `file:x.mp4`", "a plain file", "file:x.mp4"),
    ],
)
def test_odd_names_are_plain_files(root, monkeypatch, name):
    (root / "train" / "a" / name).write_bytes(bad.good())
    monkeypatch.chdir(root / "train" / "a")
    assert read_clips(Path(name), size=8, pick=lambda count: [[0]]).num_frames == 8
    assert codes(load(root)) == {}


@fault("16f", "a path like a URL", "a plain file; the listener sees no connection")
def test_a_url_like_name_is_a_plain_file(root, monkeypatch, listener):
    port, seen = listener
    folder = root / "http:" / f"127.0.0.1:{port}"
    folder.mkdir(parents=True)
    (folder / "x.mp4").write_bytes(bad.good())
    monkeypatch.chdir(root)
    path = Path(f"http:/127.0.0.1:{port}/x.mp4")
    assert read_clips(path, size=8, pick=lambda count: [[0]]).num_frames == 8
    assert seen == []


@pytest.mark.parametrize(
    "degrees",
    [
        case("22", "rotated by 90 degrees", "upright", 90),
        case("22b", "rotated by 180 degrees", "upright", 180),
        case("22c", "rotated by 270 degrees", "upright", 270),
    ],
)
def test_rotation(tmp_path, degrees):
    """A rotation matrix in the header of a file with a bright top left corner."""
    frames = np.zeros((4, 32, 48, 3), np.uint8)
    frames[:, :16, :24] = 255
    path = tmp_path / "x.mp4"
    path.write_bytes(bad.rotated(bad.h264(frames), degrees))
    decoded = read_clips(path, size=16, pick=lambda count: [[0]])
    # The matrix turns clockwise, np.rot90 the other way.
    turned = np.rot90(frames[0], -degrees // 90)
    corner = decoded.clips[0, 0].mean(axis=2)
    bright = np.unravel_index(corner[[2, 2, -3, -3], [2, -3, 2, -3]].argmax(), (2, 2))
    wanted = np.unravel_index(turned[[2, 2, -3, -3], [2, -3, 2, -3], 0].argmax(), (2, 2))
    assert tuple(bright) == tuple(wanted)
    assert (decoded.width, decoded.height) == turned.shape[1::-1]


MEASURED = """
import pathlib, sys
from vidcondense.media.read import try_read_clips
from vidcondense.media.source import Limits
from vidcondense.video.pool import limit_memory
limit_memory()
result = try_read_clips(pathlib.Path(sys.argv[1]), 8, lambda count: [[0]], Limits())
print(getattr(result, 'code', 'read'))
# Not getrusage: its peak begins with that of the process this one was forked from.
print(pathlib.Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
@pytest.mark.parametrize(
    ("make", "code"),
    [
        case("17b", "memory that a bomb takes", "less than 600 MB", bad.bomb, "too-large"),
        case(
            "19c",
            "a header that asks for a table of 3 GB",
            "less than 600 MB",
            bad.countless_samples,
            "no-frames",
        ),
    ],
)
def test_memory_is_bounded(tmp_path, make, code):
    path = tmp_path / "x.mp4"
    path.write_bytes(make())
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path)], capture_output=True, text=True, timeout=120, check=True
    )
    found, kilobytes = done.stdout.split()
    assert found == code
    assert int(kilobytes) < 600_000


def greedy(path, size, pick, limits, skim, decoder):
    """A decoder that a hostile file makes take 8 GB."""
    from vidcondense.media.read import try_read_clips

    if path.name == "bad.mp4":
        np.ones(8 * 2**30, np.uint8)
    return try_read_clips(path, size, pick, limits)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
@fault("19d", "a file that makes its decoder take 8 GB", "`out-of-memory`; the others are read")
def test_memory_of_a_worker_is_limited(root, monkeypatch):
    shutil.copy(root / "train" / "a" / "0.mp4", root / "train" / "a" / "bad.mp4")
    monkeypatch.setattr("vidcondense.video.index.try_read_clips", greedy)
    assert codes(load(root, workers=1)) == {"train/a/bad.mp4": "out-of-memory"}


@fault("18b", "frames are counted while they are decoded", "`too-long`, whatever the header says")
def test_frames_are_counted_while_decoding(tmp_path):
    path = tmp_path / "x.mp4"
    path.write_bytes(bad.good(20))
    seen = []
    with pytest.raises(VideoError, match="too-long"):
        look_through(path, seen.append, Limits(max_frames=15))
    assert len(seen) == 16


@fault("19e", "an image with a part that claims 2 GB", "`out-of-memory`")
def test_an_image_that_takes_much_memory(tmp_path):
    path, data = tmp_path / "img_00001.png", bytearray(bad.picture("png"))
    at = data.find(b"IDAT") - 4
    data[at : at + 4] = (2**31 - 1).to_bytes(4, "big")
    path.write_bytes(data + bytes(100_000))

    def attempt():
        resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
        try:
            load_frame(path, Limits())
        except VideoError as error:
            return error.code
        return None

    assert in_child(attempt) == "out-of-memory"
