from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidcondense.errors import DataError, UsageError
from vidcondense.video.layouts import CARD, parse
from vidcondense.video.listing import SplitRule, Tree
from vidcondense.video.scan import scan


def tree(*videos, **texts):
    table = {name.replace("__", "/").replace("_", "."): text for name, text in texts.items()}
    return Tree(videos=tuple(sorted(videos)), texts=tuple(sorted(table)), read=table.__getitem__)


def listing(*videos, layout="auto", **rule):
    return parse(tree(*videos), layout, SplitRule(**rule))


def facts(result):
    return [(r.path, result.classes[r.label], r.split) for r in result.records]


def test_official_splits():
    result = listing("train/b/1.mp4", "train/a/x.AVI", "train/a/deep/y.mov", "test/a/1.webm", "test/b/2.mkv")
    assert result.classes == ("a", "b")
    assert facts(result) == [
        ("train/a/deep/y.mov", "a", "train"),
        ("train/a/x.AVI", "a", "train"),
        ("train/b/1.mp4", "b", "train"),
        ("test/a/1.webm", "a", "test"),
        ("test/b/2.mkv", "b", "test"),
    ]
    assert result.flip
    assert (result.layout, result.fold) == ("folder", None)
    assert "layout folder" in result.notes[0]


@pytest.mark.parametrize("name", ["val", "valid", "validate", "validation", "test"])
def test_names_of_the_test_split(name):
    result = listing("train/a/1.mp4", "train/b/1.mp4", f"{name}/a/1.mp4")
    assert [r.split for r in result.records] == ["train", "train", "test"]


def test_test_comes_before_val():
    result = listing("train/a/1.mp4", "train/b/1.mp4", "val/a/1.mp4", "test/a/2.mp4", "stray.mp4")
    assert [r.path for r in result.records if r.split == "test"] == ["test/a/2.mp4"]
    assert "2 videos outside train/ and test/ not used" in result.notes


def test_a_class_may_be_called_train():
    """Only with a test folder beside it is it a split."""
    result = listing(*(f"{c}/{n}.mp4" for c in ("train", "car") for n in range(4)))
    assert result.classes == ("car", "train")


def ucf_names(classes=3, groups=8, clips=5):
    return [
        f"c{c}/v_c{c}_g{g:02d}_c{n:02d}.avi"
        for c in range(classes)
        for g in range(groups)
        for n in range(clips)
    ]


def test_a_drawn_split_keeps_groups_together():
    result = listing(*ucf_names(), test_fraction=0.25)
    by_group = {}
    for record in result.records:
        assert record.path.split("_")[2] == record.group.split("/")[1]
        by_group.setdefault(record.group, set()).add(record.split)
    assert len(by_group) == 24
    assert all(len(splits) == 1 for splits in by_group.values())
    for label in range(3):
        tested = sum(r.split == "test" for r in result.records if r.label == label)
        assert tested == 10  # a quarter of 40
    assert any("--split-seed 0" in note for note in result.notes)


def test_the_seed_draws_the_split():
    first, again, other = (listing(*ucf_names(), seed=seed).records for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_the_split_of_a_class_does_not_depend_on_others():
    full = {r.path: r.split for r in listing(*ucf_names()).records}
    part = {r.path: r.split for r in listing(*ucf_names(classes=2)).records}
    assert part == {path: full[path] for path in part}


def test_a_drawn_split_keeps_films_together_that_have_several_classes():
    videos = [
        f"{name}/Film_{film}_{name}_f_nm_np1_ba_med_{n}.avi"
        for name in ("run", "wave")
        for film in range(8)
        for n in range(1 + film % 3)
    ]
    for seed in range(10):
        records = listing(*videos, seed=seed).records
        assert {r.group for r in records} == {f"Film_{film}" for film in range(8)}
        sides = {split: {r.group for r in records if r.split == split} for split in ("train", "test")}
        assert sides["train"]
        assert sides["test"]
        assert not sides["train"] & sides["test"]


def test_folders_in_a_class_are_groups():
    result = listing(*(f"{c}/film{f}/{n}.mp4" for c in "ab" for f in range(4) for n in range(3)))
    assert {r.group for r in result.records} == {f"{c}/film{f}" for c in "ab" for f in range(4)}


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 9)), min_size=8, unique=True),
    st.floats(0.05, 0.95),
    st.integers(0, 100),
)
def test_every_class_keeps_something_to_train_on(names, fraction, seed):
    videos = [f"c{c}/v_g{g:02d}_c{n:02d}.mp4" for c, g, n in names] + ["x/1.mp4", "y/1.mp4"]
    result = listing(*videos, test_fraction=fraction, seed=seed)
    assert {r.path for r in result.records} == set(videos)
    assert {r.label for r in result.records if r.split == "train"} == set(range(len(result.classes)))
    train = {r.group for r in result.records if r.split == "train"}
    assert not train & {r.group for r in result.records if r.split == "test"}


def test_the_order_of_files_does_not_matter():
    videos = ucf_names()
    shuffled = videos.copy()
    random.Random(0).shuffle(shuffled)
    first = parse(Tree(videos=tuple(videos)), "folder", SplitRule())
    assert parse(Tree(videos=tuple(shuffled)), "folder", SplitRule()) == first


def test_names_that_are_no_utf8():
    videos = [f"{c}/{n}\udcff.mp4" for c in ("a\udce9", "b") for n in range(4)]
    result = listing(*videos)
    assert {r.path for r in result.records} == set(videos)


@pytest.mark.parametrize(
    ("videos", "message"),
    [
        ((), "no video file"),
        (("1.mp4", "2.mp4"), "no class folders"),
        (("a/1.mp4", "a/2.mp4"), "only one class, 'a'"),
        (("train/a/1.mp4", "test/a/2.mp4"), "only one class, 'a'"),
        (("data/a/1.mp4", "data/b/2.mp4"), "only one class, 'data'.* inside that one, give it instead"),
        (("train/a/1.mp4", "train/b/2.mp4"), r"there is train/ but no test/ \(or val/\) with class folders"),
        (("Val/a/1.mp4", "test/b/2.mp4"), "there is test/ but no train/ with class folders"),
        (("train/a/1.mp4", "test/2.mp4"), "videos of train/ or test/ lie in no class folder"),
        (("train/1.mp4", "test/2.mp4"), "videos of train/ or test/ lie in no class folder"),
    ],
)
def test_no_dataset(videos, message):
    with pytest.raises(DataError, match=message):
        listing(*videos)


@pytest.mark.parametrize("folders", [("Train", "Test"), ("train", "testing"), ("TRAINING", "Validation")])
def test_folders_of_splits_are_known_in_any_case(folders):
    videos = [f"{folder}/{name}/{n}.mp4" for folder in folders for name in "ab" for n in range(2)]
    result = listing(*videos)
    assert result.classes == ("a", "b")
    for folder, split in zip(folders, ("train", "test"), strict=True):
        assert {r.split for r in result.records if r.path.startswith(f"{folder}/")} == {split}


def test_of_several_folders_to_test_on_the_first_word_is_taken():
    result = listing(*(f"{top}/{c}/1.mp4" for top in ("train", "val", "Test") for c in "ab"))
    assert {r.path for r in result.records if r.split == "test"} == {"Test/a/1.mp4", "Test/b/1.mp4"}
    assert "2 videos outside train/ and Test/ not used" in result.notes


def test_the_folder_whose_name_is_the_word_itself_comes_first():
    tops = ("train", "Train", "Test", "test")
    result = listing(*(f"{top}/{c}/1.mp4" for top in tops for c in "ab"))
    assert {r.path.partition("/")[0] for r in result.records} == {"train", "test"}


def test_classes_in_splits_may_be_named_like_splits(tmp_path):
    for name in ("train/train", "train/test", "test/train", "test/test", "train/swim"):
        (tmp_path / name).mkdir(parents=True)
        if "swim" not in name:
            (tmp_path / name / "1.mp4").write_bytes(b"")
    result = parse(scan(tmp_path).tree, "folder", SplitRule())
    assert result.classes == ("test", "train")
    assert result.notes == ("without a video, so no class: train/swim",)


def test_classes_named_like_splits_among_others_are_classes():
    assert listing("test/1.mp4", "throw/1.mp4", "test/2.mp4").classes == ("test", "throw")


@pytest.mark.parametrize("tops", [("",), ("train/", "test/")])
def test_what_is_no_video_and_no_class_is_told(tmp_path, tops):
    found = {"jump": ("1.mp4", "2.mp4"), "wave": ("3.MP4", "4.m4v", "x"), "turn": ("5.m4v",), "swim": ()}
    for top in tops:
        for name, files in found.items():
            (tmp_path / top / name).mkdir(parents=True)
            for file in files:
                (tmp_path / top / name / file).write_bytes(b"")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / tops[0] / "again").symlink_to(tmp_path / tops[0] / "jump")
    (tmp_path / tops[0] / "away").symlink_to(tmp_path.parent)
    result = parse(scan(tmp_path).tree, "folder", SplitRule())
    assert result.classes == ("jump", "wave")
    assert f"not used for their ending: {2 * len(tops)} × .m4v, {len(tops)} × none" in result.notes
    lacking = ", ".join(f"{top}{name}" for top in sorted(tops) for name in ("swim", "turn"))
    assert f"without a video, so no class: {lacking}" in result.notes


def with_card(text):
    return parse(
        tree("train/a/1.mp4", "train/b/1.mp4", "test/a/1.mp4", dataset_json=text), "auto", SplitRule()
    )


def test_a_dataset_says_what_it_is():
    result = with_card('{"layout": "folder", "flip": false, "more": 1}')
    assert not result.flip
    assert result.notes[0] == f"layout folder: {CARD} says so"
    assert with_card("{}").flip


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"flip": 1}',
        '{"flip": "no"}',
        '{"layout": "folders"}',
        '{"layout": []}',
        "[" * 100_000,
    ],
)
def test_a_wrong_card(text):
    with pytest.raises(DataError, match=CARD):
        with_card(text)


def test_unknown_layout():
    with pytest.raises(UsageError, match="did you mean folder"):
        listing("train/a/1.mp4", layout="foldr")
