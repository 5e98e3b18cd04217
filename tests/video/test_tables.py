from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marks import fault
from vidcondense.errors import DataError
from vidcondense.video.layouts import parse
from vidcondense.video.listing import Listing, Record, SplitRule, Tree, sort_records
from vidcondense.video.tables import write_csv

VIDEOS = ("x/a, b.mp4", "x/c.mp4", "x/d#;.mp4", "x/\U0001f600.mp4")
TEXT = '''\
path,label,split
"x/a, b.mp4",wave,train
x/c.mp4,"jump, ""high""",train
x/d#;.mp4,wave,test
x/\U0001f600.mp4,"jump, ""high""",val
'''
EXPECTED = [
    ("x/c.mp4", 'jump, "high"', "train"),
    ("x/a, b.mp4", "wave", "train"),
    ("x/\U0001f600.mp4", 'jump, "high"', "test"),
    ("x/d#;.mp4", "wave", "test"),
]


def read(text=TEXT, videos=VIDEOS, frames=(), layout="auto", root="", **rule):
    held = {"my list.csv": text}
    tree = Tree(
        videos=tuple(sorted(videos)), frames=frames, texts=("my list.csv",), read=held.__getitem__, root=root
    )
    return parse(tree, layout, SplitRule(**rule))


def facts(result):
    return [(r.path, result.classes[r.label], r.split) for r in result.records]


@pytest.mark.parametrize(
    "change",
    [
        str,
        lambda t: t.replace("\n", "\r\n"),
        lambda t: "\ufeff" + t,
        lambda t: t.replace("path,", "file_name,"),
        lambda t: t.replace("path,label,split", "Video, Label ,SPLIT"),
        lambda t: t.replace(",train", ", Train "),
        lambda t: t.replace(",wave,", ", wave\t,"),
        lambda t: t + "\n,,\n",
    ],
)
def test_official_form_and_variants(change):
    result = read(change(TEXT))
    assert facts(result) == EXPECTED
    assert result.layout == "csv"


def test_numbers_are_sorted_by_value_and_ids_by_themselves():
    text = "path,label,split\n" + "".join(f"{n}.mp4,{n},train\n" for n in (10, 9, 100))
    assert read(text, [f"{n}.mp4" for n in (9, 10, 100)]).classes == ("9", "10", "100")
    text = "path,label,split,id\na.mp4,a,train,7\nb.mp4,b,train,3\n"
    assert read(text, ["a.mp4", "b.mp4"]).classes == ("b", "a")


def test_groups_of_the_list():
    text = "path,label,split,group\na.mp4,a,train,film 1\nb.mp4,b,train,\n"
    assert [r.group for r in read(text, ["a.mp4", "b.mp4"]).records] == ["film 1", "b/b"]


def test_absolute_paths_inside_the_dataset():
    text = TEXT.replace("x/c.mp4", "/data/set/x/c.mp4")
    assert facts(read(text, root="/data/set")) == EXPECTED
    with pytest.raises(DataError, match=r"my list.csv:3: .* is an absolute path"):
        read(text, root="/data/se")


MINI = """\
folder_name,label,split
v_Diving_g08_c01,Diving,train
v_HandStandPushups_g09_c01,HandstandPushups,train
v_Diving_g01_c01,Diving,test
v_HandStandPushups_g01_c02,HandstandPushups,test
"""


@pytest.mark.parametrize(
    ("form", "frames"),
    [("UCF-101/{c}/{v}.avi", False), ("{v}.mp4", False), ("jpegs_112/{v}", True)],
)
def test_miniucf_finds_videos_by_name_in_any_folder(form, frames):
    names = [line.split(",")[:2] for line in MINI.splitlines()[1:]]
    # Mirrors spell the files of one class differently.
    clips = tuple(sorted(form.format(c=c, v=v.replace("HandStand", "Handstand")) for v, c in names))
    result = read(MINI, () if frames else clips, clips if frames else ())
    assert result.layout == "miniucf"
    assert result.classes == ("Diving", "HandstandPushups")
    assert [(r.split, r.group) for r in result.records] == [
        ("train", "Diving/g08"),
        ("train", "HandstandPushups/g09"),
        ("test", "Diving/g01"),
        ("test", "HandstandPushups/g01"),
    ]


@fault(
    "43c",
    "CSV lists: absolute paths, `../`, unknown splits",
    "exit code 3 with file and line",
)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label,split\n", "no video of the lists of csv"),
        (TEXT.replace("test", "dev"), r"my list.csv:4: unknown split 'dev'"),
        (TEXT.replace("x/c.mp4", "../c.mp4"), r"my list.csv:3: '../c.mp4' is no path inside"),
        (TEXT.replace("x/c.mp4", ""), r"my list.csv:3: '' is no path inside"),
        (TEXT.replace(",wave,train", ",,train"), r"my list.csv:2: the label is empty"),
        (TEXT + "x/c.mp4,wave,train\n", r"my list.csv:6: 'x/c.mp4' is listed twice.* first at my list.csv:3"),
        (TEXT + '"open,a,train\n', "no CSV"),
        (TEXT + "x/c.mp4,wave\n", r"my list.csv:6: 2 cells where the header has 3"),
        ("path,label,split,id\na.mp4,a,train,1\nb.mp4,b,train,1\n", r":3: class 'b' with id 1 contradicts"),
        ("path,label,split,id\na.mp4,a,train,one\n", r":2: 'one' is no class id"),
    ],
)
def test_lists_that_make_no_sense(text, message):
    with pytest.raises(DataError, match=message):
        read(text, [*VIDEOS, "a.mp4", "b.mp4"], layout="csv")


def test_the_same_line_twice_is_noted():
    assert "1 lines are there twice" in read(TEXT + 'x/c.mp4,"jump, ""high""",train\n').notes


def test_several_lists_need_a_choice():
    held = {"1.csv": TEXT, "2.csv": TEXT.replace("test", "train")}
    tree = Tree(videos=VIDEOS, texts=tuple(held), read=held.__getitem__)
    with pytest.raises(DataError, match=r"2 CSV files .*1.csv, 2.csv; name one with --list-file"):
        parse(tree, "auto", SplitRule())
    assert len(parse(tree, "auto", SplitRule(list_files=("1.csv",))).records) == 4
    with pytest.raises(DataError, match="--list-file says nothing to the layout folder"):
        parse(tree, "folder", SplitRule(list_files=("1.csv",)))


def test_classes_that_differ_in_spelling_are_noted_and_kept():
    text = "path,label,split\na.mp4,Brush Hair,train\nb.mp4,brush_hair,train\n"
    result = read(text, ["a.mp4", "b.mp4"])
    assert len(result.classes) == 2
    assert "classes 'Brush Hair' and 'brush_hair' differ in spelling only" in result.notes


# Any character of a file name, the bytes that are no UTF-8 among them.
names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=()), min_size=1, max_size=8
).filter(lambda name: name not in (".", ".."))
labels = st.text(st.characters(exclude_characters="\0"), max_size=8).map(str.strip).filter(bool)


@given(
    st.lists(labels, min_size=2, max_size=4, unique=True),
    st.lists(
        st.tuples(
            st.lists(names, min_size=1, max_size=3).map("/".join), st.sampled_from(["train", "test"]), labels
        ),
        min_size=4,
        max_size=8,
    ),
)
def test_any_listing_survives_writing_and_reading(check_round_trip, classes, videos):
    records = [
        Record(path=f"{number}/{path}.mp4", label=number % len(classes), split=split, group=group)
        for number, (path, split, group) in enumerate(videos)
    ]
    listing = Listing(layout="csv", fold=None, classes=tuple(classes), records=sort_records(records))
    check_round_trip(listing)


cells = st.sampled_from(
    ["a.mp4", "b.mp4", "x/b.mp4", "A.MP4", " a.mp4 ", "wave", "jump", "train", "val", "", "1"]
)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), max_size=5))
def test_any_list_that_is_accepted_round_trips(check_round_trip, rows):
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["path", "label", "split"], *rows])
    videos = ("a.mp4", "x/b.mp4", "x/c.mp4")
    try:
        listing = read(file.getvalue(), videos, layout="csv")
    except DataError:
        return
    check_round_trip(listing)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text):
    try:
        read("path,label,split\n" + text, layout="csv")
    except DataError as error:
        assert "my list.csv" in str(error) or "of csv" in str(error) or "one class" in str(error)


def test_a_class_that_no_list_keeps():
    record = Record(path="a.mp4", label=0, split="train", group="g")
    with pytest.raises(DataError, match="'wave ' begins or ends with a blank"):
        write_csv(Listing(layout="folder", fold=None, classes=("wave ", "x"), records=(record,)))
