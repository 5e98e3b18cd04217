"""Generated videos, good and bad: what the tests of hostile files are made of. No binary is committed."""

from __future__ import annotations

import io
import os
import socket
import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from vidcondense.media.encode import encode_lossless

STEP = 5
"""Frame i of a numbered video is uniformly grey with value `STEP * i`."""


def numbered(count: int, height: int = 16, width: int = 24) -> np.ndarray:
    """Frames that say their own number."""
    assert STEP * count <= 256
    values = (STEP * np.arange(count)).astype(np.uint8)
    return np.broadcast_to(values[:, None, None, None], (count, height, width, 3)).copy()


def busy() -> np.ndarray:
    """100 frames with much change, so that damage to the file shows."""
    frames = np.random.default_rng(0).integers(0, 256, (100, 48, 64, 3), dtype=np.uint8)
    frames[:, 8:] = np.arange(0, 200, 2, dtype=np.uint8)[:, None, None, None]
    return frames


def encode(frames: np.ndarray, container: str, codec: str, pixels: str, **options: str) -> bytes:
    """An encoder of the tests' own, with every knob of the codec."""
    flags = {"movflags": options.pop("movflags")} if "movflags" in options else {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video"
        with av.open(str(path), "w", format=container, container_options=flags) as output:
            stream = output.add_stream(codec, rate=25, options=options)
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = pixels
            for frame in frames:
                output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            output.mux(stream.encode())
        return path.read_bytes()


def h264(frames: np.ndarray, **options: str) -> bytes:
    return encode(frames, "mp4", "libx264", "yuv420p", **options)


def picture(image_format: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, format=image_format)
    return file.getvalue()


def truncated() -> bytes:
    """Its header is at the end, so nothing of it is left."""
    data = h264(numbered(50))
    return data[: len(data) // 2]


def cut_short() -> bytes:
    """The header is there and promises 100 frames; about half of them are."""
    data = h264(busy(), crf="20", movflags="faststart")
    return data[: len(data) // 2]


def flipped() -> bytes:
    """200 bits of the frames are other ones."""
    data = bytearray(h264(busy(), crf="20", movflags="faststart"))
    rng = np.random.default_rng(1)
    start = data.find(b"mdat") + 40
    for _ in range(200):
        data[rng.integers(start, len(data))] ^= 1 << int(rng.integers(8))
    return bytes(data)


def no_streams() -> bytes:
    box = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"
    movie = b"\0\0\0\x74moov" + b"\0\0\0\x6cmvhd" + bytes(12) + b"\0\0\3\xe8" + bytes(4) + b"\0\1\0\0\1\0"
    return box + movie + bytes(0x74 - len(movie))


def no_samples() -> bytes:
    """A track that says it has no frame."""
    data = bytearray(h264(numbered(5)))
    at = data.find(b"stsz")
    data[at + 12 : at + 16] = bytes(4)
    return bytes(data)


def sound_only() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 8000
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return file.getvalue()


def two_streams() -> bytes:
    """A small video, then a larger one."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        streams = [output.add_stream("ffv1", rate=25) for _ in range(2)]
        for stream, size in zip(streams, (16, 32), strict=True):
            stream.height = stream.width = size
            stream.pix_fmt = "bgr0"
        for stream, size in zip(streams, (16, 32), strict=True):
            for frame in numbered(6, size, size):
                output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            output.mux(stream.encode())
    return file.getvalue()


def bomb() -> bytes:
    """60 frames of 4096×4096: 3 GB as RGB, half a MB as a file."""
    grey = av.VideoFrame.from_ndarray(np.zeros((4096, 4096), np.uint8), format="gray")
    file = io.BytesIO()
    with av.open(file, "w", format="h264") as output:
        stream = output.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.height = stream.width = 4096
        stream.pix_fmt = "yuv420p"
        output.mux(stream.encode(grey.reformat(format="yuv420p")))
        output.mux(stream.encode())
    return remuxed(file.getvalue(), "matroska", lambda number: 40 * number, repeat=60)


def remuxed(stream: bytes, container: str, times: Callable[[int], int], *, repeat: int = 1) -> bytes:
    """An H.264 stream in a container, with any times of its frames; all of it `repeat` times."""
    file = io.BytesIO()
    with av.open(io.BytesIO(stream), format="h264") as source, av.open(file, "w", format=container) as target:
        out = target.add_stream_from_template(source.streams.video[0])
        out.time_base = Fraction(1, 1000)
        payloads = [bytes(packet) for packet in source.demux(video=0) if packet.size]
        for number, payload in enumerate(payloads * repeat):
            packet = av.Packet(payload)
            packet.stream, packet.time_base = out, out.time_base
            packet.pts = packet.dts = times(number)
            packet.is_keyframe = True
            target.mux(packet)
    return file.getvalue()


def intra_stream(frames: np.ndarray) -> bytes:
    """Bare H.264 in which every frame stands alone."""
    return encode(frames, "h264", "libx264", "yuv420p", qp="1", g="1")


def very_long() -> bytes:
    """A minute at 1000 frames per second."""
    return remuxed(intra_stream(numbered(1)), "matroska", lambda number: number, repeat=60_000)


def sizes_change() -> bytes:
    small, large = intra_stream(numbered(5, 32, 48)), intra_stream(numbered(5, 64, 64))
    file = io.BytesIO()
    with av.open(io.BytesIO(small + large), format="h264") as source:
        with av.open(file, "w", format="avi") as target:
            out = target.add_stream_from_template(source.streams.video[0])
            for number, packet in enumerate(source.demux(video=0)):
                if packet.size:
                    packet.stream, packet.time_base = out, out.time_base
                    packet.pts = packet.dts = number
                    target.mux(packet)
    return file.getvalue()


def huge_in_its_header() -> bytes:
    """65535×65535 pixels, says the sample entry."""
    data = bytearray(h264(numbered(8)))
    at = data.find(b"avc1", data.find(b"stsd"))
    data[at + 28 : at + 32] = b"\xff" * 4
    return bytes(data)


def countless_samples() -> bytes:
    """80 million frames of a byte each in one chunk: left alone, FFmpeg makes a table of 3 GB of them."""
    data = bytearray(h264(numbered(8)))
    count = (80_000_000).to_bytes(4, "big")
    sizes, chunks, times = (data.find(box) for box in (b"stsz", b"stsc", b"stts"))
    data[sizes + 8 : sizes + 16] = b"\0\0\0\1" + count
    data[chunks + 16 : chunks + 20] = count
    data[times + 12 : times + 16] = count
    for box in (b"ctts", b"stss"):
        data = data.replace(box, b"free")
    return bytes(data)


def sample_count_lies() -> bytes:
    """2^31 - 1 entries, says the table of sizes; it ends long before."""
    data = bytearray(h264(numbered(8)))
    at = data.find(b"stsz")
    data[at + 12 : at + 16] = (2**31 - 1).to_bytes(4, "big")
    return bytes(data)


def of_codec(fourcc: bytes) -> bytes:
    data = h264(numbered(5))
    assert data.count(b"avc1") >= 1
    return data.replace(b"avc1", fourcc)


def rate_zero() -> bytes:
    """An AVI file of 0 frames per 0 seconds."""
    data = bytearray(encode(numbered(8, 32, 32), "avi", "mpeg4", "yuv420p", b="8M"))
    at = data.find(b"strh") + 8
    data[at + 20 : at + 28] = bytes(8)
    at = data.find(b"avih") + 8
    data[at : at + 4] = bytes(4)
    return bytes(data)


def no_time_scale() -> bytes:
    """An mp4 whose track has 0 ticks a second."""
    data = bytearray(h264(numbered(8)))
    at = data.find(b"mdhd")
    data[at + 16 : at + 24] = bytes(8)
    return bytes(data)


def no_duration() -> bytes:
    """As a live stream is recorded: mkv written without seeking back, so its header tells no length."""

    class OneWay(io.BytesIO):
        def seekable(self) -> bool:
            return False

        seek = None  # type: ignore[assignment]

    file = OneWay()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.height = stream.width = 16
        stream.pix_fmt = "bgr0"
        for frame in numbered(8, 16, 16):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode())
    return file.getvalue()


def write(content: bytes | Callable[[], bytes]) -> Callable[[Path], None]:
    """A maker of a file with this content."""
    return lambda path: void(path.write_bytes(content if isinstance(content, bytes) else content()))


def void(_: object) -> None:
    """Nothing, whatever it was."""


def script_of_a_pipe(path: Path) -> None:
    """Opening the file it names would never end."""
    os.mkfifo(path.with_name("other.bin"))
    path.write_text("ffconcat version 1.0\nfile other.bin\n")


def unix_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # names of sockets are at most 108 bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def good(count: int = 8, sides: Sequence[int] = (16, 16)) -> bytes:
    return encode_lossless(numbered(count, *sides), container="mp4")


def rotated(film: bytes, degrees: int) -> bytes:
    """An mp4 whose header says that it is to be turned clockwise by 90, 180 or 270 degrees."""
    data = bytearray(film)
    cosine, sine = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    matrix = b"".join(
        value.to_bytes(4, "big", signed=True)
        for value in (cosine << 16, sine << 16, 0, -sine << 16, cosine << 16, 0, 0, 0, 1 << 30)
    )
    at = data.find(b"tkhd") + 4 + 40
    data[at : at + 36] = matrix
    return bytes(data)
