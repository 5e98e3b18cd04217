from __future__ import annotations

import json
import re

import av
import numpy as np
import pytest

from marks import fault
from vidcondense.errors import UsageError
from vidcondense.exports.export import export
from vidcondense.exports.options import ExportOptions


def head_of(card):
    """The YAML head of a card, whose values are JSON in one line each."""
    head = re.fullmatch(r"---\n(.*?)\n---\n\n(.*)", card, re.DOTALL)
    return {key: json.loads(value) for key, value in (line.split(": ", 1) for line in head[1].split("\n"))}


def test_card_states_nothing_that_is_not_known(make_set, tmp_path):
    made = make_set()
    export(made, tmp_path / "out", "huggingface")
    card = (tmp_path / "out" / "README.md").read_text()
    assert head_of(card) == {
        "license": "unknown",
        "task_categories": ["video-classification"],
        "tags": ["dataset-condensation", "dataset-distillation", "vidcondense"],
        "size_categories": ["n<1K"],
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": "data/train/*"}]},
        ],
    }
    assert "The licence of the source videos is unknown" in card
    assert "None are stated here" in card
    assert made.manifest["sha256"] in card


def test_licence_that_is_given(make_set, tmp_path):
    export(make_set(), tmp_path / "out", "huggingface", ExportOptions(licence="cc-by-4.0"))
    card = (tmp_path / "out" / "README.md").read_text()
    assert head_of(card)["license"] == "cc-by-4.0"
    assert "unknown" not in card


@fault("67d", "a folder for the hub that is read again", "the same rows and videos")
def test_rows_and_videos(make_set, tmp_path, hostile):
    made = make_set(hostile, noise=True, per_class=1)
    export(made, tmp_path / "out", "huggingface")
    folder = tmp_path / "out" / "data" / "train"
    rows = [json.loads(line) for line in (folder / "metadata.jsonl").read_text("ascii").splitlines()]
    assert {row["file_name"] for row in rows} == {path.name for path in folder.glob("*.mp4")}
    for index, row in enumerate(rows):
        assert row["label"] == index
        assert row["class"] == hostile[index].replace("\udc80", r"\udc80")
        assert row["key_frames"] == made.positions[index]
        with av.open(str(folder / row["file_name"])) as file:
            frames = np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])
        clip = made[index][0].clamp(0, 1).numpy().transpose(0, 2, 3, 1)
        assert np.array_equal(frames, np.rint(clip * np.float32(255)).astype(np.uint8))


def test_hostile_names_are_no_markup_on_the_card(make_set, tmp_path, hostile):
    export(make_set(hostile, per_class=1), tmp_path / "out", "huggingface")
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "<script" not in card
    assert r"&lt;script&gt;" in card
    classes = card.partition("## Classes\n\n")[2].partition("\n\n## Licence")[0]
    assert [line.split(". ")[0] for line in classes.split("\n")] == [str(n) for n in range(len(hostile))]


def test_npy_is_no_video(make_set, tmp_path):
    with pytest.raises(UsageError, match="--to webdataset holds npy"):
        export(make_set(), tmp_path / "out", "huggingface", ExportOptions(video="npy"))
    assert not (tmp_path / "out").exists()
