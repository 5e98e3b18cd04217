from __future__ import annotations

import io
import json
import tarfile

import av
import numpy as np

from marks import fault
from vidcondense.exports.export import export
from vidcondense.exports.options import ExportOptions
from vidcondense.storage.condensed import load_condensed, save_labelled


def members(folder):
    """All members of all shards in order, by name."""
    found = {}
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                assert member.isfile()
                assert (member.mtime, member.uid, member.gid, member.uname) == (0, 0, 0, "")
                found[member.name] = tar.extractfile(member).read()
    return found


@fault("67c", "shards that are exported and read again", "every value is kept")
def test_npy_keeps_every_value(make_set, tmp_path):
    made = make_set(noise=True)
    export(made, tmp_path / "out", "webdataset")
    found = members(tmp_path / "out")
    assert list(found) == [f"{index:06d}.{end}" for index in range(4) for end in ("cls", "json", "npy")]
    for index in range(4):
        clip = np.load(io.BytesIO(found[f"{index:06d}.npy"]), allow_pickle=False)
        assert clip.dtype == np.float32
        assert np.array_equal(clip, made[index][0].numpy())
        label = int(made.labels[index])
        assert int(found[f"{index:06d}.cls"]) == label
        assert json.loads(found[f"{index:06d}.json"]) == {
            "label": label,
            "class": made.classes[label],
            "key_frames": made.positions[index],
        }


@fault("67c", "shards that are exported and read again", "every value is kept")
def test_mp4_in_shards(make_set, tmp_path):
    made = make_set(per_class=3)
    export(made, tmp_path / "out", "webdataset", ExportOptions(video="mp4", shard_videos=4))
    assert sorted(path.name for path in (tmp_path / "out").glob("*.tar")) == [
        "shard-000000.tar",
        "shard-000001.tar",
    ]
    found = members(tmp_path / "out")
    with av.open(io.BytesIO(found["000005.mp4"])) as file:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])
    wanted = np.rint(made[5][0].numpy().transpose(0, 2, 3, 1) * np.float32(255))
    assert np.array_equal(frames, wanted.astype(np.uint8))


def test_soft_labels_come_along(make_set, tmp_path):
    made = make_set()
    soft = np.array([[0.75, 0.25], [0.5, 0.5], [0.0, 1.0], [0.25, 0.75]], np.float32)
    save_labelled(
        tmp_path / "soft", made, made.mean.new_tensor(soft), {"kind": "teacher", "views": 0, "seed": 0}
    )
    export(load_condensed(tmp_path / "soft"), tmp_path / "out", "webdataset")
    found = members(tmp_path / "out")
    assert [json.loads(found[f"{index:06d}.json"])["soft_label"] for index in range(4)] == soft.tolist()
