"""Codecs: the only place that opens one. Nothing here imports torch, for it runs in worker processes."""

import re

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".webm", ".mov")
"""Endings (of any case) of files that are taken for videos."""

FRAME = re.compile(r"((?:frame|image|img)?[_-]?)(\d{2,12})(\.(?:jpg|jpeg|png))", re.IGNORECASE | re.ASCII)
"""Name of one image of a frame folder: what it begins with, its number, its ending."""
