from __future__ import annotations

import numpy as np
import pytest
import torch

from vidcondense.errors import OutputError, UsageError
from vidcondense.storage.codecs import Coding
from vidcondense.storage.derived import largest_change
from vidcondense.storage.subset import subset

LOSSLESS = ["float32", "float16", "uint8", "lzma", "png", "webp-lossless"]


def by_loop(made, names, vpc):
    """Which videos are kept, counted one by one."""
    seen = dict.fromkeys(names, 0)
    kept = []
    for index in range(len(made)):
        name = made.classes[made[index][1]]
        if name in seen and (vpc is None or seen[name] < vpc):
            seen[name] += 1
            kept.append(index)
    return kept


@pytest.mark.parametrize("kind", ["key-frames", "static-dynamic"])
@pytest.mark.parametrize(("names", "vpc"), [(("c", "a"), None), ((), 2), (("b",), 1)])
def test_the_part_renders_as_the_whole(make_set, tmp_path, kind, names, vpc):
    made = make_set("set", kind=kind)
    part = subset(made, tmp_path / "part", classes=names, vpc=vpc)
    kept = by_loop(made, names or made.classes, vpc)
    assert torch.equal(part.clips(range(len(part))), made.clips(kept))
    assert [part.classes[label] for label in part.labels] == [made.classes[made.labels[i]] for i in kept]
    assert part.classes == tuple(name for name in made.classes if name in (names or made.classes))
    assert part.representation == kind
    if kind == "key-frames":
        assert part.positions == [made.positions[index] for index in kept]
        assert len(part.key_frames) == sum(map(len, part.positions))
    assert part.bytes < made.bytes


def test_static_images_and_memories_of_others_are_left_out(make_set, tmp_path):
    made = make_set("set", kind="static-dynamic")
    part = subset(made, tmp_path / "part", classes=["b"])
    assert (part.manifest["static_images"], part.manifest["dynamic_memories"]) == (6, 6)
    one = subset(made, tmp_path / "one", vpc=1)
    assert (one.manifest["static_images"], one.manifest["dynamic_memories"]) == (3, 3)


@pytest.mark.parametrize("codec", LOSSLESS)
def test_a_part_of_a_part_is_exact(make_set, tmp_path, codec):
    made = make_set("set", codec=codec)
    part = subset(subset(made, tmp_path / "one", vpc=2), tmp_path / "two", classes=["b", "c"])
    assert part.manifest["codec"] == codec
    kept = torch.tensor(by_loop(made, ("b", "c"), 2))
    assert largest_change(part, [(made, kept)]) <= 1e-6


def test_another_range_moves_values_by_half_a_level(make_set, tmp_path):
    made = make_set("set", codec="uint8", coding=Coding(value_range="set"))
    part = subset(made, tmp_path / "part", vpc=1)
    low, high = made.stored.extremes
    change = largest_change(part, [(made, torch.tensor(by_loop(made, made.classes, 1)))])
    naive = np.abs(part.clips(range(3)).numpy() - made.clips([0, 3, 6]).numpy()).max()
    assert change == pytest.approx(naive)
    assert 0 < change <= (high - low) / 255 / 2 * 1.001


def test_what_would_lose_twice_must_be_asked_for(make_set, tmp_path):
    made = make_set("set", codec="jpeg")
    with pytest.raises(UsageError, match="lose a second time; choose --codec float32"):
        subset(made, tmp_path / "part", vpc=1)
    exact = subset(made, tmp_path / "part", vpc=1, codec="float32")
    assert torch.equal(exact.clips([0, 1, 2]), made.clips([0, 3, 6]))
    again = subset(made, tmp_path / "again", vpc=1, codec="jpeg")
    assert again.manifest["codec"] == "jpeg"


def test_levels_of_fewer_bits_stay_as_they_are(make_set, tmp_path):
    made = make_set("set", codec="uint8", coding=Coding(bits=6))
    part = subset(made, tmp_path / "part", vpc=1)
    assert part.manifest["bits"] == 6
    assert torch.equal(part.clips([0, 1, 2]), made.clips([0, 3, 6]))
    assert subset(made, tmp_path / "exact", vpc=1, codec="float32").manifest["bits"] == 8


def test_soft_labels_of_fewer_classes_are_the_softmax_over_these(make_set, tmp_path):
    made = make_set("set", soft="teacher")
    rows = made.soft_labels.numpy()
    part = subset(made, tmp_path / "part", classes=["a", "c"])
    wanted = rows[[0, 1, 2, 6, 7, 8]][:, [0, 2]]
    np.testing.assert_allclose(
        part.soft_labels.numpy(), wanted / wanted.sum(axis=1, keepdims=True), rtol=1e-6
    )
    fewer = subset(made, tmp_path / "fewer", vpc=1)
    assert np.array_equal(fewer.soft_labels.numpy(), rows[[0, 3, 6]])
    assert part.manifest["labelling"] == made.manifest["labelling"]


def test_learned_labels_of_fewer_classes_are_their_columns(make_set, tmp_path):
    made = make_set("set", soft="learned")
    part = subset(made, tmp_path / "part", classes=["a", "c"], vpc=1)
    assert torch.equal(part.soft_labels, made.soft_labels[[0, 6]][:, [0, 2]])
    assert part.label_kind == "learned"


def test_labels_of_views_belong_to_the_numbers_of_videos(make_set, tmp_path):
    made = make_set("set", soft="teacher", views=2)
    with pytest.raises(UsageError, match="--drop-soft-labels"):
        subset(made, tmp_path / "part", vpc=1)
    part = subset(made, tmp_path / "part", vpc=1, drop_soft_labels=True)
    assert part.soft_labels is None
    assert part.manifest["labelling"] == {}


def test_manifest_says_where_it_comes_from(make_set, tmp_path):
    made = make_set("set")
    part = subset(made, tmp_path / "part", classes=["a", "b"], vpc=1)
    assert (part.manifest["method"], part.manifest["seed"]) == ("prism", 0)
    derived = part.manifest["options"]["derived"]
    assert (derived["by"], derived["classes"], derived["vpc"]) == ("subset", ["a", "b"], 1)
    assert [source["sha256"] for source in derived["from"]] == [made.manifest["sha256"]]
    assert derived["from"][0]["data"] == made.manifest["data"]
    assert part.manifest["data"] == {"layout": "folder", "stride": 2, "classes": ["a", "b"]}
    assert subset(made, tmp_path / "all", vpc=1).manifest["data"] == made.manifest["data"]
    twice = subset(part, tmp_path / "twice", classes=["a"])
    assert twice.manifest["options"]["derived"]["from"][0]["options"]["derived"] == derived


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ["d"]}, "unknown class 'd'"),
        ({"vpc": 4}, "has 3 videos of 'a'"),
        ({"vpc": 0}, "--vpc 0"),
        ({"codec": "pgn"}, "did you mean png"),
    ],
)
def test_what_cannot_be_is_refused(make_set, tmp_path, options, message):
    made = make_set("set")
    with pytest.raises(UsageError, match=message):
        subset(made, tmp_path / "part", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_nothing_is_overwritten_unasked(make_set, tmp_path):
    made = make_set("set")
    with pytest.raises(OutputError, match="--overwrite"):
        subset(made, made.folder, vpc=1)
    assert len(subset(made, made.folder, vpc=1, overwrite=True)) == 3
