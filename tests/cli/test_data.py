from __future__ import annotations

import json
import shutil

import pytest

from vidcondense.video.catalogue import CATALOGUE


@pytest.fixture
def videos(toy, tmp_path):
    return shutil.copytree(toy, tmp_path / "videos")


def check(run, *arguments):
    return run("data", "check", *arguments, "--workers", "0")


def test_a_good_dataset(run, videos):
    outcome = check(run, videos)
    assert outcome.code == 0
    text = " ".join(outcome.out.split())
    for words in ("layout folder", "classes 2", "clips 6 train, 4 test", "leakage none found", "44×44 (10)"):
        assert words in text, words
    assert "dataset.json says so" in text
    assert "changes labels" in text


def test_json(run, videos):
    outcome = check(run, videos, "--json")
    found = json.loads(outcome.out)
    assert found["ok"]
    assert found["splits"] == {"train": 6, "test": 4}
    assert found["classes"] == {"left": {"train": 3, "test": 2}, "right": {"train": 3, "test": 2}}
    assert found["sizes"] == [[44, 44, 10]]
    assert found["leaks"] == found["quarantined"] == found["missing"] == []


def test_a_leak_is_an_error_only_when_strict(run, videos):
    (source, *_) = sorted((videos / "train" / "left").iterdir())
    shutil.copy(source, videos / "test" / "left" / "copy.mp4")
    outcome = check(run, videos)
    assert outcome.code == 0
    assert "1 identical file (1 test clip)" in outcome.out
    assert f"leak: same file: train 'train/left/{source.name}', test 'test/left/copy.mp4'" in outcome.out
    outcome = check(run, videos, "--strict", "--json")
    assert outcome.code == 3
    assert "the test split leaks into training: 1 identical file " in outcome.err
    assert not json.loads(outcome.out)["ok"]


def test_what_is_found_is_named_and_the_rest_counted(run, videos):
    for number in range(7):
        (videos / "train" / "left" / f"bad{number}.mp4").write_text("no video")
    out = check(run, videos, "--max-bad", "0.5").out
    assert out.count("set aside: 'train/left/bad") == 5
    assert "and 2 more such (--json names all)" in out


def test_unusable(run, videos):
    for video in (videos / "train" / "left").iterdir():
        video.write_text("no video")
    outcome = check(run, videos, "--json")
    assert outcome.code == 3
    assert f"vidcondense: error: {videos}: " in outcome.err
    assert "not-a-video 3" in outcome.err
    found = json.loads(outcome.out)
    assert [item["code"] for item in found["quarantined"]] == ["not-a-video"] * 3
    assert not found["ok"]
    outcome = check(run, videos / "none", "--json")
    assert outcome.code == 3
    assert "does not exist" in json.loads(outcome.out)["error"]


def test_the_split_can_be_kept_and_used(run, videos, tmp_path):
    kept = tmp_path / "split.csv"
    assert check(run, videos, "--quick", "--write-list", kept).code == 0
    outcome = check(run, videos, "--list-file", kept, "--json")
    found = json.loads(outcome.out)
    assert found["layout"] == "csv"
    assert found["classes"] == {"left": {"train": 3, "test": 2}, "right": {"train": 3, "test": 2}}
    assert check(run, videos, "--write-list", kept).code == 4
    (gone, *_) = (videos / "test" / "left").iterdir()
    gone.unlink()
    outcome = check(run, videos, "--list-file", kept, "--quick")
    assert outcome.code == 0
    path = gone.relative_to(videos)
    assert f"note: 1 of 10 listed videos are missing, first '{path}'" in outcome.out
    assert f"missing: '{path}'" in outcome.out


def test_a_split_that_was_kept_says_when_it_must_not_be_mirrored(run, videos, tmp_path):
    """A CSV list has no place for that."""
    assert "read it with --no-flip" in check(run, videos, "--quick", "--write-list", tmp_path / "1.csv").out
    (videos / "dataset.json").unlink()
    assert "--no-flip" not in check(run, videos, "--quick", "--write-list", tmp_path / "2.csv").out


def test_names_cannot_break_the_report(run, videos):
    """No line ends, and nothing that a terminal obeys."""
    (videos / "train" / "left").rename(videos / "train" / "le\nft\x1b[31m")
    (videos / "test" / "left").rename(videos / "test" / "le\nft\x1b[31m")
    out = check(run, videos, "--quick").out
    assert "le\\nft\\x1b[31m      3     2" in out
    assert "\x1b" not in out


def test_a_part_of_the_classes(run, videos, tmp_path):
    assert "--classes: unknown class 'lft'; did you mean left?" in check(run, videos, "--classes", "lft").err
    (tmp_path / "classes.txt").write_text("1 left\n\n2 right\n")
    outcome = check(run, videos, "--classes-file", tmp_path / "classes.txt", "--max-per-class", "1", "--json")
    assert json.loads(outcome.out)["splits"] == {"train": 2, "test": 4}
    assert check(run, videos, "--max-per-class", "0").code == 2


def test_a_set_of_a_part_is_judged_on_that_part(run, videos, tmp_path, cache):
    """The set records its classes, so that they need not be named again."""
    shutil.copytree(videos / "train" / "left", videos / "train" / "up")
    shutil.copytree(videos / "test" / "left", videos / "test" / "up")
    common = ["--cache-dir", cache, "--workers", "0"]
    clip = ["--num-frames", "8", "--stride", "1", "--size", "44"]
    made = run(
        "condense", videos, "--out", tmp_path / "set", "--method", "random", *clip, *common,
        "--classes", "left", "up", "--max-per-class", "2",
    )  # fmt: skip
    assert made.code == 0, made.err
    outcome = run(
        "evaluate", tmp_path / "set", "--data", videos, *common, "--repeats", "2", "--steps", "2", "--json"
    )
    assert outcome.code == 0, outcome.err


def test_every_layout_is_listed(run):
    from vidcondense.video.layouts import LAYOUTS

    outcome = run("datasets")
    assert outcome.code == 0
    assert all(f"\n{name}: " in f"\n{outcome.out}" for name in LAYOUTS)
    assert "https://www.crcv.ucf.edu/data/UCF101.php" in outcome.out
    assert {each["layout"] for each in json.loads(run("datasets", "--json").out)["datasets"]} == set(LAYOUTS)


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_command_of_a_page_reads_its_example(run, tmp_path, monkeypatch, name):
    for path, text in CATALOGUE[name].files:
        (tmp_path / "DATA" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "DATA" / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    outcome = run("data", "check", "DATA", *CATALOGUE[name].options.split(), "--quick", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["layout"] == name


def test_one_page(run):
    assert run("datasets", "ucf101").out.startswith("# UCF101\n")
    outcome = run("datasets", "ucf")
    assert outcome.code == 2
    assert "did you mean ucf101" in outcome.line
