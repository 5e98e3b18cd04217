from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marks import fault
from vidcondense.errors import DataError
from vidcondense.video.layouts import parse
from vidcondense.video.listing import SplitRule, Tree

LABELS = {
    "Holding something next to something": "10",
    "Pushing something from left to right": "9",
    "Tearing something into two pieces": "100",
}
TRAIN = [
    {
        "id": "78687",
        "label": "holding potato next to vicks",
        "template": "Holding [something] next to [something]",
    },
    {"id": "42326", "label": "pushing a car", "template": "Pushing [something] from left to right"},
]
VAL = [
    {
        "id": "74225",
        "label": "holding",
        "template": "Holding [something] next to [something]",
        "placeholders": [],
    },
    {"id": "116154", "label": "pushing", "template": "Pushing [something] from left to right"},
]
VIDEOS = tuple(f"20bn-something-something-v2/{item['id']}.webm" for item in TRAIN + VAL)


def read(videos=VIDEOS, labels=LABELS, train=TRAIN, val=VAL, layout="auto", name="labels/{}.json"):
    held = {
        name.format(key): value if isinstance(value, str) else json.dumps(value)
        for key, value in (("labels", labels), ("train", train), ("validation", val))
        if value is not None
    }
    tree = Tree(videos=tuple(sorted(videos)), texts=tuple(sorted(held)), read=held.__getitem__)
    return parse(tree, layout, SplitRule())


@pytest.mark.parametrize("name", ["labels/{}.json", "{}.json", "something-something-v2-{}.json"])
def test_official_annotations(name):
    result = read(name=name)
    assert result.layout == "ssv2"
    # By number: 9 comes before 10, which neither the texts nor the names do.
    assert result.classes == ("Pushing something from left to right", "Holding something next to something")
    assert [(r.path.rpartition("/")[2], r.label, r.split) for r in result.records] == [
        ("42326.webm", 0, "train"),
        ("78687.webm", 1, "train"),
        ("116154.webm", 0, "test"),
        ("74225.webm", 1, "test"),
    ]
    assert not result.flip
    assert "1 of 3 classes have no video here" in result.notes


@fault("46b", "ids that are numbers", "read")
def test_ids_that_are_numbers():
    labels = {name: int(number) for name, number in LABELS.items()}
    train = [{**item, "id": int(item["id"])} for item in TRAIN]
    assert read(labels=labels, train=train) == read()


def test_byte_order_mark_and_line_ends():
    assert read(train="\ufeff" + json.dumps(TRAIN, indent=1).replace("\n", "\r\n")) == read()


def test_missing_clips_and_other_endings():
    videos = [video.replace(".webm", ".mp4") for video in VIDEOS[1:]]
    result = read(videos)
    assert tuple(result.missing) == ("78687.webm",)
    assert "3 listed videos were found with another ending" in result.notes


@fault("46", "Something-Something annotations that make no sense", "exit code 3 with the file")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": None}, "labels.json .* is missing"),
        ({"val": None}, "validation.json .* is missing"),
        ({"labels": []}, "labels.json: expected an object"),
        ({"labels": {"a": "x"}}, "labels.json: 'a': expected an id"),
        ({"labels": {"a": True}}, "labels.json: 'a': expected an id"),
        ({"labels": {"a": "1" * 5000}}, "labels.json: 'a': expected an id"),
        ({"labels": {"a": "0", "b": "0"}}, "labels.json: 'b' with id 0 is there twice"),
        ({"labels": '{"a": "0", "a": "1"}'}, "the key 'a' is there twice"),
        ({"train": {}}, "train.json: expected a list"),
        ({"train": [1]}, "train.json: item 1: expected an object"),
        ({"train": [*TRAIN, {"id": "1", "template": "Nothing"}]}, "train.json: item 3: no class .*'Nothing'"),
        ({"train": [*TRAIN, {"id": "1"}]}, "train.json: item 3: no class that is listed"),
        ({"train": [{**TRAIN[0], "id": "../x"}]}, "train.json: item 1: expected an id"),
        ({"train": [{**TRAIN[0], "id": True}]}, "train.json: item 1: expected an id"),
        ({"train": TRAIN + VAL}, "validation.json: item 1: .* listed twice"),
        ({"train": "[" * 100_000}, "train.json is no JSON"),
    ],
)
def test_annotations_that_make_no_sense(change, message):
    with pytest.raises(DataError, match=message):
        read(layout="ssv2", **change)


CLASS_LIST = ["holding something next to something", "pushing something from left to right"]
ANNOT = [{"id": "78687", "class": 0}, {"id": "42326", "class": 1}]
ANNOT_VAL = [{"id": "74225", "class": 0}, {"id": "116154", "class": 1}]


def read_baselines(class_list=CLASS_LIST, annot_train=ANNOT, **more):
    frames = tuple(f"frame/{item['id']}" for item in (*TRAIN, *VAL))
    texts = {"class_list": class_list, "annot_train": annot_train, "annot_val": ANNOT_VAL, **more}
    held = {f"{name}.json": json.dumps(value) for name, value in texts.items()}
    tree = Tree(videos=(), frames=tuple(sorted(frames)), texts=tuple(sorted(held)), read=held.__getitem__)
    return parse(tree, "auto", SplitRule())


def test_annotations_of_published_baselines():
    result = read_baselines()
    assert (result.layout, result.flip, result.classes) == ("ssv2", False, tuple(CLASS_LIST))
    assert [(r.path, r.label, r.split) for r in result.records] == [
        ("frame/78687", 0, "train"),
        ("frame/42326", 1, "train"),
        ("frame/74225", 0, "test"),
        ("frame/116154", 1, "test"),
    ]
    official = read_baselines(labels=LABELS, validation=VAL, train=TRAIN)
    assert official.classes == read().classes, "the official ones come first"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_list": {"a": 0}}, "class_list.json: expected a list of class names"),
        ({"class_list": ["a", 1]}, "class_list.json: expected a list of class names"),
        ({"class_list": ["a", "a "]}, "class_list.json: a class name is there twice"),
        ({"annot_train": [{"id": "1", "class": 2}]}, "annot_train.json: item 1: no class that is listed"),
        ({"annot_train": [{"id": "1", "class": -1}]}, "annot_train.json: item 1: no class that is listed"),
        ({"annot_train": [{"id": "1", "class": True}]}, "annot_train.json: item 1: no class that is listed"),
    ],
)
def test_annotations_of_published_baselines_that_make_no_sense(change, message):
    with pytest.raises(DataError, match=message):
        read_baselines(**change)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "template", "label", "x"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(json_values, json_values)
def test_any_json_is_read_or_refused(labels, train):
    try:
        read(labels=json.dumps(labels), train=json.dumps(train), layout="ssv2")
    except DataError as error:
        assert ".json" in str(error) or "ssv2" in str(error)
