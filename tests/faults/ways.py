"""25 ways in which a file that is named like a video is none that can be used, each with its reason."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

import bad_videos as bad

WAYS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "nothing": ("empty-file", bad.write(b"")),
    "text": ("not-a-video", bad.write(b"hello world\n" * 50)),
    "random bytes": ("not-a-video", bad.write(np.random.default_rng(0).bytes(10_000))),
    "eight bytes": ("not-a-video", bad.write(b"\0\0\0\x20ftyp")),
    "cut, header at the end": ("unreadable-header", bad.write(bad.truncated)),
    "an AVI header": ("unreadable-header", bad.write(b"RIFF\x00\x10\x00\x00AVI LIST")),
    "flipped bits": ("corrupt", bad.write(bad.flipped)),
    "no stream": ("no-frames", bad.write(bad.no_streams)),
    "no frame": ("no-frames", bad.write(bad.no_samples)),
    "one frame": ("too-short", bad.write(lambda: bad.good(1))),
    "three frames": ("too-short", bad.write(lambda: bad.good(3))),
    "sound": ("no-video-stream", bad.write(bad.sound_only)),
    "PNG": ("format-not-allowed", bad.write(bad.picture("png"))),
    "JPEG": ("format-not-allowed", bad.write(bad.picture("jpeg"))),
    "GIF": ("format-not-allowed", bad.write(bad.picture("gif"))),
    "a script": ("format-not-allowed", bad.write(b"ffconcat version 1.0\nfile 000000.mp4\n")),
    "gigabytes of frames": ("too-large", bad.write(bad.bomb)),
    "60 000 frames": ("too-long", bad.write(bad.very_long)),
    "a lying table": ("unreadable-header", bad.write(bad.sample_count_lies)),
    "unknown codec": ("unsupported-codec", bad.write(lambda: bad.of_codec(b"zzz1"))),
    "encrypted": ("unsupported-codec", bad.write(lambda: bad.of_codec(b"encv"))),
    "a folder": ("not-regular", lambda path: path.mkdir()),
    "a link to nowhere": ("broken-link", lambda path: path.symlink_to("nowhere")),
    "a link out of the folder": ("outside-root", lambda path: path.symlink_to("/etc/passwd")),
    "a named pipe": ("not-regular", os.mkfifo),
}
"""Name → the code it is set aside by, and what makes it at a path."""
