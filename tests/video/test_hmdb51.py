from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marks import fault
from vidcondense.errors import DataError
from vidcondense.video.layouts import parse
from vidcondense.video.leakage import source_leaks
from vidcondense.video.listing import SplitRule, Tree

# As distributed: a blank behind the number, names that begin with `#`, brackets, exclamation marks.
LISTS = {
    "brush_hair": "April_09_brush_hair_u_nm_np1_ba_goo_0.avi 1 \n"
    "#20_Rhythm_brush_hair_f_nm_np1_fr_goo_1.avi 2 \n"
    "Die_Hard(2)!;&[x]_brush_hair_f_cm_np1_fr_med_0.avi 0 \n",
    "wave": "50 FIRST DATES_wave_f_cm_np1_fr_med_0.avi 1 \nEasy_wave_u_cm_np1_fr_bad_2.avi 2 \n",
}
VIDEOS = tuple(
    f"hmdb51_org/{name}/{line.rsplit(None, 1)[0]}"
    for name, text in LISTS.items()
    for line in text.splitlines()
)


def texts(lists=LISTS, fold=1):
    return {f"testTrainMulti_7030_splits/{name}_test_split{fold}.txt": text for name, text in lists.items()}


def read(videos=VIDEOS, lists=LISTS, layout="auto", fold=1, more=None):
    held = {**texts(lists), **(more or {})}
    tree = Tree(videos=tuple(sorted(videos)), texts=tuple(sorted(held)), read=held.__getitem__)
    return parse(tree, layout, SplitRule(fold=fold))


def facts(result):
    return {(r.path.rpartition("/")[2], result.classes[r.label], r.split, r.group) for r in result.records}


EXPECTED = {
    ("April_09_brush_hair_u_nm_np1_ba_goo_0.avi", "brush_hair", "train", "April_09"),
    ("#20_Rhythm_brush_hair_f_nm_np1_fr_goo_1.avi", "brush_hair", "test", "#20_Rhythm"),
    ("50 FIRST DATES_wave_f_cm_np1_fr_med_0.avi", "wave", "train", "50 FIRST DATES"),
    ("Easy_wave_u_cm_np1_fr_bad_2.avi", "wave", "test", "Easy"),
}


def test_official_lists():
    result = read()
    assert facts(result) == EXPECTED
    assert (result.layout, result.fold, result.classes) == ("hmdb51", 1, ("brush_hair", "wave"))
    assert "1 clips that the split leaves unused are left out" in result.notes
    assert "brush_hair_test_split1.txt" in result.notes[0]


def test_a_film_is_one_source_in_all_classes():
    both = {
        "run": "Pirates_5_run_f_nm_np1_ba_med_19.avi 1 \n",
        "wave": "Pirates_5_wave_h_cm_np1_le_bad_12.avi 1 \n",
    }
    videos = [f"hmdb51_org/{name}/{line.split()[0]}" for name, line in both.items()]
    assert {record.group for record in read(videos, both).records} == {"Pirates_5"}


def test_the_leaky_list_trains_on_the_unused_and_says_so():
    result = read(layout="hmdb51-leaky")
    extra = facts(result) - EXPECTED
    assert {(name[:8], label, split) for name, label, split, _ in extra} == {
        ("Die_Hard", "brush_hair", "train")
    }
    assert facts(result) > EXPECTED
    assert result.layout == "hmdb51-leaky"
    assert result.notes[0].startswith("WARNING")


def test_the_csv_file_of_published_baselines(make_tree):
    """Names of frame folders; a clip that the official split leaves unused is for training."""
    rows = [
        ("April_09_brush_hair_u_nm_np1_ba_goo_0", "brush_hair", "train"),
        ("Chanta!____hair!_brush_hair_u_cm_np1_le_goo_1", "brush_hair", "train"),
        ("Chanta!____hair!_brush_hair_u_cm_np1_le_goo_0", "brush_hair", "test"),
        ("Geena___;-)_wave_f_cm_np1_le_med_3", "wave", "train"),
    ]
    text = "folder_name,label,split\n" + "".join(f"{','.join(row)}\n" for row in rows)
    tree = make_tree(*(f"jpegs_112/{row[0]}" for row in rows), texts={"hmdb51_splits.csv": text})
    result = parse(tree, "auto", SplitRule())
    assert [(r.path, result.classes[r.label], r.split) for r in result.records] == [
        (f"jpegs_112/{name}", label, split) for name, label, split in (*rows[:2], rows[3], rows[2])
    ]
    assert result.layout == "hmdb51-leaky"
    assert any(note.startswith("WARNING") for note in result.notes)
    assert [leak.name for leak in source_leaks(result.records, result.classes)] == [
        "brush_hair/Chanta!____hair!"
    ]
    # Official lists come first, unless the file is named.
    both = {**texts(), "hmdb51_splits.csv": text}
    held = make_tree(*VIDEOS, *tree.frames, texts=both)
    assert {r.path for r in parse(held, "hmdb51-leaky", SplitRule()).records} == set(VIDEOS)
    rule = SplitRule(list_files=("hmdb51_splits.csv",))
    assert {r.path for r in parse(held, "hmdb51-leaky", rule).records} == set(tree.frames)


@pytest.mark.parametrize(
    "change", [lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t, lambda t: t + "\n \n"]
)
def test_line_ends_and_byte_order_mark(change):
    assert facts(read(lists={name: change(text) for name, text in LISTS.items()})) == EXPECTED


def test_other_folds_are_not_read():
    turned = {name: text.replace(" 1 ", " x ").replace(" 2 ", " 1 ") for name, text in LISTS.items()}
    turned = {name: text.replace(" x ", " 2 ") for name, text in turned.items()}
    result = read(fold=2, more=texts(turned, fold=2))
    swapped = {"train": "test", "test": "train"}
    assert facts(result) == {(name, label, swapped[split], group) for name, label, split, group in EXPECTED}


def test_missing_clips_are_counted():
    result = read(VIDEOS[1:])
    assert tuple(result.missing) == ("brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi",)


def test_other_endings_and_frame_folders():
    assert len(read([video.replace(".avi", ".mp4") for video in VIDEOS]).records) == 4
    held = texts()
    frames = tuple(sorted("frames/" + video.rpartition("/")[2].removesuffix(".avi") for video in VIDEOS))
    tree = Tree(videos=(), frames=frames, texts=tuple(held), read=held.__getitem__)
    result = parse(tree, "hmdb51", SplitRule())
    assert len(result.records) == 4
    assert not any("have no list" in note for note in result.notes)


def test_folders_without_a_list_are_noted():
    assert any(
        "have no list, such as 'zap'" in note for note in read([*VIDEOS, "hmdb51_org/zap/1.avi"]).notes
    )


@fault("44", "HMDB51 lists that make no sense", "exit code 3 with file and line")
@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"wave": "a.avi 3\n"}, r"wave_test_split1.txt:1: '3' is none of 0"),
        ({"wave": "a.avi 1\na.avi\n"}, r"wave_test_split1.txt:2: expected"),
        ({"wave": "../a.avi 1\n"}, r"wave_test_split1.txt:1: expected"),
        ({"wave": LISTS["wave"] * 2}, r"wave_test_split1.txt:3: .*listed twice"),
        ({"wave": ""}, "no video of the lists of hmdb51"),
    ],
)
def test_lists_that_make_no_sense(lists, message):
    with pytest.raises(DataError, match=message):
        read(lists=lists)


def test_two_lists_of_a_class():
    with pytest.raises(DataError, match="has another list"):
        read(more={"x/wave_test_split1.txt": ""})


def test_no_list_of_the_fold():
    with pytest.raises(DataError, match=r"CLASS_test_split3.txt \(folds there: 1\)"):
        read(fold=3)


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_read_or_refused(first, second):
    try:
        read(lists={"brush_hair": first, "wave": second})
    except DataError as error:
        assert "_test_split1.txt" in str(error) or "hmdb51" in str(error) or "one class" in str(error)
