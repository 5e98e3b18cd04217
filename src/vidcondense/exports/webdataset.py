"""WebDataset shards: tar files in which the members of a video share its name.

Source: the naming convention of github.com/webdataset/webdataset. Its own writer is not needed for that, and
stamps the time and the user into every member; here the same set gives the same bytes.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

from vidcondense.exports.names import unicode_text
from vidcondense.exports.options import ExportOptions
from vidcondense.exports.videos import ENCODINGS, Files, as_npy, pictures, stem
from vidcondense.storage.condensed import CondensedDataset


def as_webdataset(made: CondensedDataset, options: ExportOptions) -> Files:
    """Shards of `KEY.cls` (the label), `KEY.json` (what is known of it) and the video, a .npy or an .mp4."""
    starts = range(0, len(made), options.shard_videos)
    for number, start in enumerate(starts):
        videos = range(start, min(start + options.shard_videos, len(made)))
        yield f"shard-{number:06d}.tar", _shard(made, videos, options)


def facts(made: CondensedDataset, index: int) -> dict[str, Any]:
    """What is known of a video, as JSON: label, class, key frames, and soft label where there is one."""
    label = int(made.labels[index])
    found = {"label": label, "class": unicode_text(made.classes[label]), "key_frames": made.positions[index]}
    if made.video_labels is not None:
        found["soft_label"] = made.video_labels[index].tolist()
    return found


def _shard(made: CondensedDataset, videos: range, options: ExportOptions) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for index in videos:
            for ending, content in _members(made, index, options):
                # Time 0, owner 0 and no names are what a new member has.
                member = tarfile.TarInfo(f"{stem(index)}.{ending}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def _members(made: CondensedDataset, index: int, options: ExportOptions) -> Iterator[tuple[str, bytes]]:
    known = facts(made, index)
    yield "cls", str(known["label"]).encode()
    yield "json", json.dumps(known, sort_keys=True, allow_nan=False).encode()
    if options.video in (None, "npy"):
        yield "npy", as_npy(made, index)
    else:
        chosen = ENCODINGS[options.video]
        yield chosen.ending, chosen.encode(pictures(made, index), options.fps)
