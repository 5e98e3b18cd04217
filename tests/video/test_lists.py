from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcondense.errors import DataError
from vidcondense.video.layouts import parse
from vidcondense.video.listing import SplitRule, Tree

VIDEOS = ("clips/a b 7.mp4", "clips/c.mp4", "clips/d.mp4", "clips/e::f.mp4")
TRAIN = "clips/a b 7.mp4 1\nclips/c.mp4 0\n"
VAL = "clips/d.mp4 1\nclips/e::f.mp4 0\n"
EXPECTED = [
    ("clips/c.mp4", "0", "train"),
    ("clips/a b 7.mp4", "1", "train"),
    ("clips/e::f.mp4", "0", "test"),
    ("clips/d.mp4", "1", "test"),
]


def facts(result):
    return [(r.path, result.classes[r.label], r.split) for r in result.records]


@pytest.fixture
def read(make_tree):
    def read(*videos, layout="auto", root="", rule=None, **texts):
        held = {name.replace("__", "."): text for name, text in texts.items()}
        return parse(make_tree(*videos, texts=held, root=root), layout, rule or SplitRule())

    return read


@pytest.mark.parametrize(
    "change",
    [
        str,
        lambda t: t.replace("\n", "\r\n"),
        lambda t: "\ufeff" + t,
        lambda t: t.replace("\n", "  \n\n"),
        lambda t: t.replace(".mp4 ", ".mp4\t"),
        lambda t: t.replace(".mp4 ", ".mp4::"),
        lambda t: t.replace("clips/", "/data/set/clips/"),
        lambda t: t.replace("clips/", "./clips/"),
    ],
)
def test_slowfast(read, change):
    result = read(*VIDEOS, train__csv=change(TRAIN), val__csv=change(VAL), root="/data/set")
    assert facts(result) == EXPECTED
    assert result.layout == "slowfast"


def test_of_val_and_test_the_test_list_is_used(read):
    result = read(*VIDEOS, train__csv=TRAIN, val__csv=TRAIN, test__csv=VAL)
    assert facts(result) == EXPECTED


def test_paths_below_some_folder(read):
    result = read(*(f"deep/{path}" for path in VIDEOS), train__csv=TRAIN, val__csv=VAL)
    assert [r.path.removeprefix("deep/") for r in result.records] == [path for path, *_ in EXPECTED]


def test_lines_without_a_label_are_counted(read):
    result = read(*VIDEOS, "u.mp4", "w.mp4", train__csv=TRAIN + "u.mp4\nw.mp4 -1\n", val__csv=VAL)
    assert facts(result) == EXPECTED
    assert "2 lines have no label and are not used" in result.notes


def test_folders_name_the_classes_where_they_fit(read):
    videos = ("Swing/a.mp4", "YoYo/b.mp4", "Swing/c.mp4", "YoYo/d.mp4")
    lists = {"train__csv": "Swing/a.mp4 3\nYoYo/b.mp4 1\n", "val__csv": "Swing/c.mp4 3\nYoYo/d.mp4 1\n"}
    assert read(*videos, **lists).classes == ("YoYo", "Swing")
    lists["val__csv"] = "Swing/c.mp4 1\nYoYo/d.mp4 3\n"
    assert read(*videos, **lists).classes == ("1", "3")


def test_a_label_map_names_the_classes(read):
    result = read(*VIDEOS, train__csv=TRAIN, val__csv=VAL, label_map_x__txt="jump\nwave high\n")
    assert result.classes == ("jump", "wave high")
    with pytest.raises(DataError, match=r"train.csv:1: label 1 is out of range"):
        read(*VIDEOS, train__csv=TRAIN, val__csv=VAL, label_map_x__txt="jump\n")


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("clips/c.mp4 wave\n", r"train.csv:1: expected `path label`"),
        ("clips/c.mp4 " + "1" * 5000, r"train.csv:1: label 1+ is out of range"),
        ("../c.mp4 1\n", r"train.csv:1: .* is no path inside"),
        ("/etc/c.mp4 1\n", r"train.csv:1: .* is an absolute path"),
        (TRAIN + "clips/d.mp4 1\n", r"val.csv:1: 'clips/d.mp4' is listed twice"),
        ("x" * 10_000_000, r"train.csv:1: expected"),
    ],
)
def test_lists_that_make_no_sense(read, train, message):
    with pytest.raises(DataError, match=message) as caught:
        read(*VIDEOS, train__csv=train, val__csv=VAL, layout="slowfast")
    assert len(str(caught.value)) < 1000


def test_no_lists(read):
    with pytest.raises(DataError, match=r"no lists train.csv and val.csv"):
        read(*VIDEOS, train__csv=TRAIN, layout="slowfast")
    with pytest.raises(DataError, match=r"its name does not tell the split"):
        read(*VIDEOS, my__csv=TRAIN, rule=SplitRule(list_files=("my.csv",)))


MM = ("videos/YoYo/v_YoYo_g08_c01.avi", "videos/Swing/v_Swing_g08_c01.avi")
MM += ("videos/YoYo/v_YoYo_g01_c01.avi", "videos/Swing/v_Swing_g01_c01.avi")
MM_LISTS = {
    "ucf101_train_split_1_videos__txt": "YoYo/v_YoYo_g08_c01.avi 1\nSwing/v_Swing_g08_c01.avi 0\n",
    "ucf101_val_split_1_videos__txt": "YoYo/v_YoYo_g01_c01.avi 1\nSwing/v_Swing_g01_c01.avi 0\n",
}
MM_EXPECTED = [
    ("Swing", "train", "Swing/g08"),
    ("YoYo", "train", "YoYo/g08"),
    ("Swing", "test", "Swing/g01"),
    ("YoYo", "test", "YoYo/g01"),
]


def groups(result):
    return [(result.classes[r.label], r.split, r.group) for r in result.records]


def test_mmaction_videos(read):
    result = read(*MM, **MM_LISTS)
    assert groups(result) == MM_EXPECTED
    assert (result.layout, result.fold) == ("mmaction", 1)


def test_mmaction_rawframes(read):
    lists = {
        name.replace("videos", "rawframes"): text.replace(".avi ", " 164 ") for name, text in MM_LISTS.items()
    }
    folders = [path.replace("videos", "rawframes").removesuffix(".avi") for path in MM]
    assert groups(read(*folders, **lists)) == MM_EXPECTED
    # Both kinds of lists are usual: what is there decides.
    assert groups(read(*folders, **lists, **MM_LISTS)) == MM_EXPECTED
    assert groups(read(*MM, **lists, **MM_LISTS)) == MM_EXPECTED
    broken = {name: text.replace(" 164 ", " many ") for name, text in lists.items()}
    with pytest.raises(DataError, match=r"rawframes.txt:1: expected `folder num_frames label`"):
        read(*folders, **broken)


def test_mmaction_folds_and_lists_without(read):
    second = {name.replace("split_1", "split_2"): text for name, text in MM_LISTS.items()}
    both = {**{name: text.replace("0\n", "7\n") for name, text in MM_LISTS.items()}, **second}
    assert read(*MM, **both, rule=SplitRule(fold=2)).fold == 2
    with pytest.raises(DataError, match=r"folds there: 1, 2"):
        read(*MM, **both, rule=SplitRule(fold=3))
    plain = {name.replace("split_1", "list"): text for name, text in MM_LISTS.items()}
    result = read(*MM, **plain, rule=SplitRule(fold=3))
    assert (groups(result), result.fold) == (MM_EXPECTED, None)


lines = st.lists(
    st.tuples(
        st.sampled_from(["a.mp4", "x y/b.mp4", "c", " a.mp4", "x y/b.mp4\t", "x y//b.mp4"]),
        st.sampled_from([" ", "\t", "::", "  "]),
        st.sampled_from(["0", "1", "17", "-1", "x", "", "007"]),
    ).map("".join),
    max_size=4,
).map("\n".join)


@given(lines, lines)
def test_any_list_that_is_accepted_round_trips(check_round_trip, train, val):
    held = {"train.csv": train, "val.csv": val}
    tree = Tree(videos=("a.mp4", "x y/b.mp4"), frames=("c",), texts=tuple(held), read=held.__getitem__)
    try:
        listing = parse(tree, "slowfast", SplitRule())
    except DataError:
        return
    check_round_trip(listing)


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_read_or_refused(train, val):
    held = {"train.csv": train, "val.csv": val}
    try:
        parse(Tree(videos=VIDEOS, texts=tuple(held), read=held.__getitem__), "slowfast", SplitRule())
    except DataError as error:
        assert ".csv" in str(error) or "slowfast" in str(error) or "one class" in str(error)


@pytest.mark.parametrize("kind", ["videos", "rawframes"])
@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=50))
def test_any_text_is_read_or_refused_by_mmaction(kind, train, val, label_map):
    held = {f"{split}_list_{kind}.txt": text for split, text in (("train", train), ("val", val))}
    held["label_map.txt"] = label_map
    try:
        parse(Tree(videos=VIDEOS, texts=tuple(held), read=held.__getitem__), "mmaction", SplitRule())
    except DataError as error:
        assert ".txt" in str(error) or "mmaction" in str(error) or "one class" in str(error)
