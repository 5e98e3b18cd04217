from __future__ import annotations

import numpy as np
import pytest
import torch

from vidcondense.errors import DataError, UsageError
from vidcondense.storage.codecs import Coding
from vidcondense.storage.derived import largest_change
from vidcondense.storage.merge import merge
from vidcondense.storage.subset import subset

LOSSLESS = ["float32", "float16", "uint8", "lzma", "png", "webp-lossless"]


def everything(sets):
    return [(made, torch.arange(len(made))) for made in sets]


@pytest.mark.parametrize("codec", LOSSLESS)
def test_videos_of_all_sets_as_they_were(make_set, tmp_path, codec):
    sets = [make_set("one", codec=codec), make_set("two", codec=codec, seed=1, per_class=1)]
    merged = merge(sets, tmp_path / "both")
    assert len(merged) == 12
    assert merged.classes == ("a", "b", "c")
    assert merged.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 1, 2]
    assert merged.positions == sets[0].positions + sets[1].positions
    assert merged.manifest["codec"] == codec
    assert largest_change(merged, everything(sets)) <= 1e-6
    if codec.startswith("float"):
        assert torch.equal(merged.clips(range(9, 12)), sets[1].clips(range(3)))


@pytest.mark.parametrize(
    ("ours", "theirs", "wanted"),
    [
        (("c", "d"), ("a", "b"), ("a", "b", "c", "d")),
        (("a", "c"), ("b", "c"), ("a", "b", "c")),
        (("Z", "a"), ("b", "B"), ("Z", "a", "b", "B")),
    ],
)
def test_classes_are_put_together_by_name(make_set, tmp_path, ours, theirs, wanted):
    sets = [make_set("one", ours), make_set("two", theirs, seed=1)]
    merged = merge(sets, tmp_path / "both")
    assert merged.classes == wanted
    names = [merged.classes[label] for label in merged.labels]
    assert names == [made.classes[label] for made in sets for label in made.labels]
    assert merged.manifest["data"]["classes"] == list(wanted)
    assert "train_split" not in merged.manifest["data"], "each set knows of its own classes only"


def test_parts_of_a_set_make_the_set(make_set, tmp_path):
    made = make_set("set", codec="uint8")
    parts = [subset(made, tmp_path / name, classes=[name]) for name in made.classes]
    whole = merge(parts, tmp_path / "whole")
    assert (whole.classes, whole.labels.tolist()) == (made.classes, made.labels.tolist())
    assert torch.equal(whole.clips(range(9)), made.clips(range(9)))
    assert whole.stored.num_values == made.stored.num_values


def test_mean_and_deviation_are_those_of_all_clips(make_set, tmp_path):
    draw = np.random.default_rng(0)
    clips = [draw.normal(0.4, 0.2, (20_000, 3)), draw.normal(0.6, 0.1, (20_000, 3))]
    sets = [
        make_set(
            str(number),
            (f"{number}a", f"{number}b"),
            origin={"mean": tuple(own.mean(0).tolist()), "std": tuple(own.std(0).tolist())},
        )
        for number, own in enumerate(clips)
    ]
    merged = merge(sets, tmp_path / "both")
    both = np.concatenate(clips)
    np.testing.assert_allclose(merged.mean.numpy(), both.mean(0), rtol=1e-5)
    np.testing.assert_allclose(merged.std.numpy(), both.std(0), rtol=1e-5)


def test_manifest_says_where_it_comes_from(make_set, tmp_path):
    sets = [make_set("one"), make_set("two", seed=1, origin={"method": "dm", "flip": False})]
    manifest = merge(sets, tmp_path / "both").manifest
    assert (manifest["method"], manifest["seed"], manifest["flip"]) == ("merged", 0, False)
    derived = manifest["options"]["derived"]
    assert derived["by"] == "merge"
    assert [source["sha256"] for source in derived["from"]] == [made.manifest["sha256"] for made in sets]
    assert [source["method"] for source in derived["from"]] == ["prism", "dm"]
    assert manifest["data"] == sets[0].manifest["data"]
    assert manifest["mean"] == sets[0].manifest["mean"]
    assert merge([sets[0], sets[0]], tmp_path / "twice").manifest["method"] == "prism"


def test_sets_of_different_levels_need_a_codec(make_set, tmp_path):
    sets = [make_set("one", codec="uint8"), make_set("two", codec="uint8", coding=Coding(bits=4))]
    with pytest.raises(UsageError, match="4 and 8 bits; choose: --codec float32"):
        merge(sets, tmp_path / "both")
    merged = merge(sets, tmp_path / "both", codec="float32")
    assert torch.equal(merged.clips(range(9, 18)), sets[1].clips(range(9)))


def test_soft_labels_of_one_teacher_stay(make_set, tmp_path):
    sets = [make_set("one", soft="teacher"), make_set("two", seed=1, soft="teacher")]
    merged = merge(sets, tmp_path / "both")
    assert torch.equal(merged.soft_labels, torch.cat([made.soft_labels for made in sets]))
    assert merged.manifest["labelling"] == sets[0].manifest["labelling"]


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"soft": "learned"},
        {"soft": "teacher", "views": 2},
        {"classes": ("a", "b", "d"), "soft": "teacher"},
    ],
)
def test_soft_labels_that_do_not_belong_together_are_refused(make_set, tmp_path, other):
    sets = [make_set("one", soft="teacher"), make_set("two", seed=1, **other)]
    with pytest.raises(UsageError, match="--drop-soft-labels"):
        merge(sets, tmp_path / "both")
    merged = merge(sets, tmp_path / "both", drop_soft_labels=True)
    assert merged.soft_labels is None
    assert merged.manifest["labelling"] == {}


@pytest.mark.parametrize(
    ("other", "kind", "message"),
    [
        ({"size": 4}, DataError, r"key_frame_size \[8, 8\]"),
        ({"kind": "static-dynamic"}, DataError, "only sets of key frames"),
        ({"codec": "uint8"}, UsageError, "stored as float32, uint8; choose one"),
        ({"origin": {"data": {"stride": 4}}}, DataError, "stride: 2 → 4"),
        ({"classes": ("a", "b", "b")}, DataError, "two classes of one name"),
    ],
)
def test_sets_that_do_not_fit_are_refused(make_set, tmp_path, other, kind, message):
    sets = [make_set("one"), make_set("two", seed=1, **other)]
    with pytest.raises(kind, match=message):
        merge(sets, tmp_path / "both")
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}


def test_sets_of_different_upsampling_are_refused(make_set, tmp_path):
    sets = [make_set("one", size=4), make_set("two", size=4, upsampling="bicubic")]
    with pytest.raises(DataError, match=r"one has upsampling bilinear, .*two bicubic; they cannot be merged"):
        merge(sets, tmp_path / "both")


def test_one_set_is_not_enough(make_set, tmp_path):
    with pytest.raises(UsageError, match="two sets or more, not 1"):
        merge([make_set("one")], tmp_path / "both")


def test_sets_of_several_codecs_in_the_one_asked_for(make_set, tmp_path):
    sets = [make_set("one", codec="jpeg"), make_set("two", codec="webp", seed=1)]
    with pytest.raises(UsageError, match="choose one"):
        merge(sets, tmp_path / "both")
    merged = merge(sets, tmp_path / "both", codec="float32")
    assert torch.equal(merged.clips(range(9)), sets[0].clips(range(9)))


def test_ranges_of_several_kinds_become_one_a_video(make_set, tmp_path):
    sets = [
        make_set("one", codec="uint8"),
        make_set("two", codec="uint8", seed=1, coding=Coding(value_range="set")),
    ]
    merged = merge(sets, tmp_path / "both")
    assert merged.manifest["value_range"] == "video"
    assert largest_change(merged, everything(sets)) < 0.01
