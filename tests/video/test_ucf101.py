from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marks import fault
from vidcondense.errors import DataError
from vidcondense.video.layouts import parse
from vidcondense.video.listing import SplitRule, Tree
from vidcondense.video.scan import scan

CLASSES = "1 Diving\n2 Swing\n3 YoYo\n"
TRAIN = "Diving/v_Diving_g08_c01.avi 1\nSwing/v_Swing_g09_c01.avi 2\nYoYo/v_YoYo_g08_c01.avi 3\n"
TEST = "Diving/v_Diving_g01_c01.avi\nSwing/v_Swing_g01_c01.avi\nYoYo/v_YoYo_g01_c01.avi\n"
VIDEOS = tuple(
    f"UCF-101/{c}/v_{c}_{g}_c01.avi"
    for c in ("Diving", "Swing")
    for g in ("g01", "g08" if c == "Diving" else "g09")
)


def read(videos=VIDEOS, classes=CLASSES, train=TRAIN, test=TEST, fold=1, class_file="classInd.txt", **more):
    texts = {
        f"ucfTrainTestlist/{class_file}": classes,
        "ucfTrainTestlist/trainlist01.txt": train,
        "ucfTrainTestlist/testlist01.txt": test,
        **more,
    }
    texts = {name: text for name, text in texts.items() if text is not None}
    tree = Tree(videos=tuple(sorted(videos)), texts=tuple(sorted(texts)), read=texts.__getitem__)
    return parse(tree, "auto", SplitRule(fold=fold))


def facts(result):
    return [(r.path.rpartition("/")[2], result.classes[r.label], r.split, r.group) for r in result.records]


EXPECTED = [
    ("v_Diving_g08_c01.avi", "Diving", "train", "Diving/g08"),
    ("v_Swing_g09_c01.avi", "Swing", "train", "Swing/g09"),
    ("v_Diving_g01_c01.avi", "Diving", "test", "Diving/g01"),
    ("v_Swing_g01_c01.avi", "Swing", "test", "Swing/g01"),
]


def test_only_what_is_there():
    result = read()
    assert facts(result) == EXPECTED
    assert (result.layout, result.fold, result.classes, result.flip) == (
        "ucf101",
        1,
        ("Diving", "Swing"),
        True,
    )
    assert tuple(result.missing) == (), "a class that is not there is not a list of missing clips"
    assert "1 of 3 classes have no video here" in result.notes


def test_missing_clips_of_a_class_that_is_there():
    assert tuple(read(VIDEOS[1:]).missing) == ("Diving/v_Diving_g01_c01.avi",)


@fault("43b", "line ends of Windows, byte order mark, blanks, comments", "read")
@pytest.mark.parametrize(
    "change", [str, lambda text: text.replace("\n", "\r\n"), lambda text: f"# x\n\n{text}  \n"]
)
def test_line_ends_comments_and_blanks(change):
    assert facts(read(classes=change(CLASSES), train=change(TRAIN), test=change(TEST))) == EXPECTED


def test_classind_in_small_letters_and_tabs():
    assert facts(read(class_file="classind.txt", classes=CLASSES.replace(" ", "\t"))) == EXPECTED


@pytest.mark.parametrize("folder", ["", "UCF101TrainTestSplits-RecognitionTask/ucfTrainTestlist/"])
def test_the_lists_may_lie_in_any_folder(make_tree, folder):
    texts = {"classInd.txt": CLASSES, "trainlist01.txt": TRAIN, "testlist01.txt": TEST}
    held = {f"{folder}{name}": text for name, text in texts.items()}
    assert facts(parse(make_tree(*VIDEOS, texts=held), "auto", SplitRule())) == EXPECTED
    with pytest.raises(DataError, match=f"{folder}trainlist02.txt is missing"):
        parse(make_tree(*VIDEOS, texts=held), "auto", SplitRule(fold=2))
    with pytest.raises(DataError, match="several lists of classes"):
        parse(make_tree(*VIDEOS, texts={**held, "x/classind.txt": CLASSES}), "ucf101", SplitRule())


def test_other_endings_and_cases_are_found_and_noted():
    result = read([video.replace(".avi", ".mp4") for video in VIDEOS])
    assert [name.replace(".mp4", ".avi") for name, *_ in facts(result)] == [name for name, *_ in EXPECTED]
    assert "4 listed videos were found with another ending" in result.notes
    result = read([video.replace("v_Diving", "v_DIVING") for video in VIDEOS])
    assert len(result.records) == 4
    assert "2 listed videos were found in another case" in result.notes


def test_the_exact_file_is_preferred():
    result = read([*VIDEOS, *(video.replace(".avi", ".mp4") for video in VIDEOS)])
    assert facts(result) == EXPECTED


def test_twins_in_case_are_not_guessed():
    twins = [
        video.replace("v_Diving_g01", name)
        for video in VIDEOS[:1]
        for name in ("V_Diving_g01", "v_DIVING_g01")
    ]
    result = read([*twins, *VIDEOS[1:]])
    assert tuple(result.missing) == ("Diving/v_Diving_g01_c01.avi",)


def test_lists_of_other_folds():
    result = read(
        fold=2,
        **{
            "ucfTrainTestlist/trainlist02.txt": "Diving/v_Diving_g01_c01.avi 1\nSwing/v_Swing_g01_c01.avi\n",
            "ucfTrainTestlist/testlist02.txt": "Swing/v_Swing_g09_c01.avi 2\n",
        },
    )
    assert [split for _, _, split, _ in facts(result)] == ["train", "train", "test"]
    assert result.fold == 2


@fault("43", "UCF101 lists that make no sense", "exit code 3 with file and line")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": None}, "classInd.txt is missing"),
        ({"train": None}, "trainlist01.txt is missing"),
        ({"classes": ""}, "names no class"),
        ({"classes": "0 Diving\n1 Swing\n"}, r"classInd.txt:1: ids begin at 1"),
        ({"classes": "1 Diving\n2 Diving\n"}, r"classInd.txt:2: .* twice"),
        ({"classes": "1 Diving\n1 Swing\n"}, r"classInd.txt:2: .* twice"),
        ({"classes": "Diving 1\n"}, r"classInd.txt:1: expected `id name`"),
        ({"classes": "1\n"}, r"classInd.txt:1: expected `id name`"),
        ({"classes": "9" * 5000 + " Diving\n"}, r"classInd.txt:1: expected"),
        ({"train": TRAIN + "Golf/v_Golf_g01_c01.avi 4\n"}, r"trainlist01.txt:4: class 'Golf'"),
        ({"train": "\nDiving/v_Diving_g08_c01.avi 2\n"}, r"trainlist01.txt:2: label 2 is wrong.* id 1"),
        ({"train": "Diving/v.avi " + "1" * 5000}, r"trainlist01.txt:1: label 1+ is wrong"),
        ({"test": "/etc/passwd\n"}, r"testlist01.txt:1: expected `Class/file`"),
        ({"test": "../../etc/passwd\n"}, r"testlist01.txt:1: expected `Class/file`"),
        ({"test": "Diving/..\n"}, r"testlist01.txt:1: expected `Class/file`"),
        ({"test": "x" * 10_000_000}, r"testlist01.txt:1: expected `Class/file`"),
        ({"test": TRAIN}, r"testlist01.txt:1: .* listed twice"),
        ({"videos": ("UCF-101/Other/x.avi",)}, "no video of the lists"),
        ({"fold": 3}, r"trainlist03.txt is missing .*trainlist01.txt.*--fold"),
    ],
)
def test_lists_that_make_no_sense(change, message):
    with pytest.raises(DataError, match=message) as caught:
        read(**change)
    assert len(str(caught.value)) < 1000


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_read_or_refused(classes, train, test):
    try:
        read(classes=classes, train=train, test=test)
    except DataError as error:
        assert any(text in str(error) for text in ("ucfTrainTestlist", "of ucf101", "only one class"))


def test_the_real_lists(ucf101_5):
    result = parse(scan(ucf101_5).tree, "auto", SplitRule())
    assert result.classes == ("Diving", "JumpRope", "SkyDiving", "Surfing", "Swing")
    assert len(result.records) == 400
    assert sum(r.split == "train" for r in result.records) == 294
    assert sum(r.split == "test" for r in result.records) == 106
    assert tuple(result.missing) == ()
    for record in result.records:  # the rule of the official split 1
        number = int(record.group.rpartition("g")[2])
        assert (record.split == "test") == (number <= 7)
