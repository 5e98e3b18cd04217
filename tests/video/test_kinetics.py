from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marks import fault
from vidcondense.errors import DataError
from vidcondense.video.layouts import parse
from vidcondense.video.listing import SplitRule, Tree

HEADER = "label,youtube_id,time_start,time_end,split\n"
TRAIN = HEADER + (
    "testifying,---QUuC4vJs,84,94,train\n"
    '"playing ""ball"", outside",-0abcdefghi,10.0,20.0,train\n'
    "testifying,3caPS4FHFF8,36,46,train\n"
)
VAL = HEADER + (
    'testifying,xmhX4ZMqXxs,0,10,validate\n"playing ""ball"", outside",0wR5jVB-WPk,417,427,validate\n'
)
BALL = 'playing "ball", outside'
VIDEOS = (
    "train/---QUuC4vJs_000084_000094.mp4",
    "train/-0abcdefghi_000010_000020.mp4",
    "train/3caPS4FHFF8_000036_000046.mp4",
    "val/0wR5jVB-WPk_000417_000427.mp4",
    "val/xmhX4ZMqXxs_000000_000010.mp4",
)
EXPECTED = {
    ("---QUuC4vJs", "testifying", "train"),
    ("-0abcdefghi", BALL, "train"),
    ("3caPS4FHFF8", "testifying", "train"),
    ("xmhX4ZMqXxs", "testifying", "test"),
    ("0wR5jVB-WPk", BALL, "test"),
}


def read(videos=VIDEOS, layout="auto", rule=None, **texts):
    held = {
        "annotations/train.csv": texts.pop("train", TRAIN),
        "annotations/validate.csv": texts.pop("val", VAL),
        **texts.pop("more", {}),
    }
    held = {name: text for name, text in held.items() if text is not None}
    tree = Tree(videos=tuple(sorted(videos)), texts=tuple(sorted(held)), read=held.__getitem__)
    return parse(tree, layout, rule or SplitRule())


def facts(result):
    return {
        (r.path.rpartition("/")[2].rsplit("_", 2)[0], result.classes[r.label], r.split)
        for r in result.records
    }


def test_official_lists():
    result = read()
    assert facts(result) == EXPECTED
    assert result.classes == (BALL, "testifying")
    assert result.layout == "kinetics400"
    assert result.flip
    assert {r.group for r in result.records} >= {"testifying/---QUuC4vJs"}
    assert "youtube_id" in result.notes[0]


@fault("45b", "fractions of seconds, quotes, ids that begin with `-`", "read")
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("validate", "val"),
        lambda text: text.replace(",36,46,", ", 36.0 , 46.0 ,"),
        lambda text: text.replace(",train\n", ",\n").replace(",validate\n", ",\n"),
    ],
)
def test_variants(change):
    assert facts(read(train=change(TRAIN), val=change(VAL))) == EXPECTED


def test_class_folders_with_any_spelling():
    folders = {"testifying": "testifying", BALL: "playing_ball,_outside"}
    videos = [
        f"{path.split('/')[0]}/{folders[label]}/{path.split('/')[1]}"
        for path in VIDEOS
        for key, label, _ in EXPECTED
        if key in path
    ]
    assert facts(read(videos)) == EXPECTED


def as_json(text, subset):
    import csv

    rows = list(csv.DictReader(text.splitlines()))
    return json.dumps(
        {
            row["youtube_id"]: {
                "annotations": {
                    "label": row["label"],
                    "segment": [float(row["time_start"]), float(row["time_end"])],
                },
                "duration": 10.0,
                "subset": subset,
                "url": f"https://www.youtube.com/watch?v={row['youtube_id']}",
            }
            for row in rows
        }
    )


def test_the_json_variant():
    texts = {"train.json": as_json(TRAIN, "train"), "validate.json": as_json(VAL, "validate")}
    result = read(train=None, val=None, more=texts)
    assert facts(result) == EXPECTED
    assert "segments" in result.notes[0]


def test_missing_clips_are_counted_and_used_no_further():
    result = read(VIDEOS[1:])
    assert tuple(result.missing) == ("---QUuC4vJs_000084_000094.mp4",)


def test_the_test_split_has_no_labels():
    more = {"annotations/test.csv": "youtube_id,time_start,time_end,split\n_abcdefghij,1,11,test\n"}
    result = read(more=more)
    assert facts(result) == EXPECTED
    assert "1 clips have no label and are not used" in result.notes
    labelled = {"annotations/test.csv": HEADER + "testifying,_abcdefghij,1,11,test\n"}
    assert "1 clips of the split 'test' are not used" in read(more=labelled).notes


def test_which_kinetics():
    many = HEADER + "".join(f"class {n:03d},{n:011d},0,10,train\n" for n in range(450))
    assert read(more={"more/train.csv": many}).layout == "kinetics600"
    assert read(more={"kinetics700_2020/train.csv": many}).layout == "kinetics700"
    with pytest.raises(DataError, match="452 classes, kinetics400 has 400"):
        read(layout="kinetics400", more={"more/train.csv": many})


def test_a_clip_in_two_folders_is_taken_from_that_of_its_split():
    result = read([*VIDEOS, "copies/---QUuC4vJs_000084_000094.mp4"])
    assert {r.path for r in result.records} == set(VIDEOS)


def test_replacements_of_broken_clips_are_used():
    better = "replacement/replacement_for_corrupted_k400/---QUuC4vJs_000084_000094.mp4"
    result = read([*VIDEOS, better])
    assert {r.path for r in result.records} == {better, *VIDEOS[1:]}
    assert "1 clips have a replacement, which is used" in result.notes


@fault("45", "Kinetics lists that make no sense", "exit code 3 with file and line")
@pytest.mark.parametrize(
    ("train", "message"),
    [
        (TRAIN.replace("84", "soon"), r"train.csv:2: 'soon' is no time"),
        (TRAIN.replace("84", "nan"), r"train.csv:2: 'nan' is no time"),
        (TRAIN.replace("84", "-1"), r"train.csv:2: '-1' is no time"),
        (TRAIN.replace("84", "1e999"), r"train.csv:2: '1e999' is no time"),
        (TRAIN.replace("94,train", "94,dev"), r"train.csv:2: unknown split 'dev'"),
        (TRAIN.replace("---QUuC4vJs", "../x"), r"train.csv:2: '../x' is no YouTube id"),
        (TRAIN.replace("---QUuC4vJs", "x/../y"), r"train.csv:2: 'x/../y' is no YouTube id"),
        (TRAIN.replace(",94,train", ",94"), r"train.csv:2: 4 cells where the header has 5"),
        (TRAIN + "testifying,xmhX4ZMqXxs,0,10,train\n", r"xmhX4ZMqXxs_000000_000010.mp4' is listed twice"),
        (TRAIN + '"open', r"train.csv:6?5?: no CSV"),
        (HEADER.replace("split", "label") + TRAIN, r"train.csv:1: the header must have"),
        (HEADER + "x" * 10_000_000, r"train.csv:\d: no CSV: field larger"),
    ],
)
def test_lists_that_make_no_sense(train, message):
    with pytest.raises(DataError, match=message) as caught:
        read(train=train)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "expected an object"),
        ("{", "no JSON"),
        ('{"a": 1}', "expected an object, found 1"),
        ('{"a": {"annotations": {"label": "x", "segment": [1]}, "subset": "train"}}', "segment"),
        ('{"a": {"annotations": {"label": 1, "segment": [1, 2]}, "subset": "train"}}', "must be text"),
        ('{"a": {}, "a": {}}', "twice"),
        ('{"a": NaN}', "NaN is no number"),
        ("[" * 100_000, "no JSON"),
        ("9" * 5000, "no JSON"),
    ],
)
def test_json_that_makes_no_sense(text, message):
    with pytest.raises(DataError, match=message):
        read(train=None, val=None, more={"train.json": text}, layout="kinetics400")


def test_no_annotations():
    with pytest.raises(DataError, match="there are no annotations"):
        read(train=None, val=None, layout="kinetics600")


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_read_or_refused(train, val):
    try:
        read(train=HEADER + train, val=HEADER + val, layout="kinetics400")
    except DataError as error:
        assert ".csv" in str(error) or "kinetics400" in str(error) or "one class" in str(error)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["annotations", "label", "segment", "subset", "xmhX4ZMqXxs"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_read_or_refused(value):
    try:
        read(train=None, val=None, more={"train.json": json.dumps(value)}, layout="kinetics400")
    except DataError as error:
        assert "train.json" in str(error) or "kinetics400" in str(error)
