"""Folders with odd names, changes, duplicates and leftovers; files that may not be read."""

from __future__ import annotations

import json
import os
import shutil
import tracemalloc
from pathlib import Path

import pytest

from bad_videos import good
from commands import CLIP, run
from marks import case, fault
from vidcondense.errors import DataError
from vidcondense.media.read import try_read_clips
from vidcondense.storage.condensed import load_condensed
from vidcondense.video.folder import parse_folder
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.listing import SplitRule, Tree
from vidcondense.video.sampling import ClipOptions

pytestmark = pytest.mark.timeout(120)

OPTIONS = ClipOptions(num_frames=4, stride=1, size=8)


def load(root, **data):
    return load_data(root, DataOptions(**{"max_bad": 0.5, "workers": 0, **data}), OPTIONS)


def codes(data):
    return {item.path: item.code for item in data.quarantined}


@pytest.mark.parametrize(
    "name",
    [
        case("33", "blanks and quotes", "read; everything written is valid", b' it\'s "x" '),
        case("33b", "`;`, `#`, `&`", "read; everything written is valid", b";#&%"),
        case("33c", "an emoji", "read; everything written is valid", "\U0001f600".encode()),
        case("33d", "a line end and a tab", "read; everything written is valid", b"a\nb\tc"),
        case("33e", "text from right to left", "read; everything written is valid", "\u202eabc".encode()),
        case("33f", "bytes that are no UTF-8", "read; everything written is valid", b"\xff\xfe"),
        case("33g", "200 bytes", "read; everything written is valid", b"x" * 200),
        case("33i", "255 bytes, as long as a name can be", "read; everything written is valid", b"x" * 255),
        case("66", "class `<script>`", "read; everything written is valid", b"<script>alert(1)<\\script>"),
        case("66b", "class `=cmd()`", "read; no cell of a CSV file is a formula", b"=cmd|' C'!A0"),
        case("66c", "class `$x_1$`", "read; pictures show it as it is", b"$x_1$ \\alpha {"),
    ],
)
def test_odd_names(root, tmp_path, name):
    """A class and a file of that name go through every command that writes names."""
    name = os.fsdecode(name)
    for split in ("train", "test"):
        (root / split / "a").rename(root / split / name)
        (root / split / name / "0.mp4").rename(root / split / name / f"{name[: 255 - len('.mp4')]}.mp4")
    cache = ["--cache-dir", tmp_path / "cache"]
    out = tmp_path / "set"
    assert run("condense", root, "--out", out, *CLIP, "--method", "random", *cache).code == 0
    found = json.loads(run("inspect", out, "--json").out)
    assert name in found["classes"]
    assert name in load_condensed(out).classes
    assert run("inspect", out, "--pictures", tmp_path / "pictures").code == 0
    assert len(list((tmp_path / "pictures").iterdir())) == 4
    if name == name.strip():  # or else no CSV list keeps it, which is an error of one line
        check_list(root, tmp_path, name)
    few = ["--repeats", "1", "--steps", "1", "--workers", "0", *cache]
    # safetensors opens no file whose path is no UTF-8.
    renamed = tmp_path / ("out" if name.startswith("\udcff") or len(name) > 200 else name)
    out.rename(renamed)
    done = run("evaluate", renamed, "--data", root, *few, "--out", tmp_path / "results")
    assert done.code == 0, done.err
    assert "\x1b" not in done.out
    json.loads((tmp_path / "results" / "results.json").read_text(encoding="ascii"))
    for line in (tmp_path / "results" / "results.csv").read_bytes().splitlines():
        assert not line.startswith((b"=", b"+", b"-", b"@", b'"='))


def check_list(root, tmp_path, name):
    """The split, kept as a CSV file, is read as the same."""
    path = tmp_path / "list.csv"
    written = run("data", "check", root, "--workers", "0", "--write-list", path)
    assert written.code == 0, written.err
    again = load(root, list_file=(path,), layout="csv")
    assert (again.train.classes, again.train.paths) == (load(root).train.classes, load(root).train.paths)
    assert name in again.train.classes


@fault("33h", "names that differ in case, or in how accents are written", "two videos, two classes")
def test_twins(root):
    for number, name in enumerate(("caf\u00e9", "cafe\u0301", "Caf\u00e9")):
        (root / "train" / name).mkdir()
        (root / "train" / name / f"{name}.mp4").write_bytes(good(8, (44, 60 + 2 * number)))
    assert {"caf\u00e9", "cafe\u0301", "Caf\u00e9"} < set(load(root).train.classes)


@fault("29b", "folders that link to one another", "each folder is listed once, by its own name")
def test_folders_that_link_to_one_another(root):
    """By every way through the links, twelve folders would be listed more than 10^9 times."""
    folders = [root / "train" / "a" / f"d{number}" for number in range(12)]
    for folder in folders:
        folder.mkdir()
    for folder in folders:
        for other in folders:
            (folder / f"to-{other.name}").symlink_to(other)
        (folder / "x.mp4").write_bytes(good(8, (44, 100 + 2 * int(folder.name[1:]))))
    data = load(root)
    assert len(data.train) == 4 + len(folders)
    assert not any("to-" in path for path in data.train.paths)


@fault("34", "150 folders deep", "read")
def test_deep(root):
    deep = root.joinpath("train", "a", *["d"] * 150)
    deep.mkdir(parents=True)
    (deep / "x.mp4").write_bytes(good())
    assert len(load(root).train) == 5


@fault("34b", "a path longer than the system allows", "`unreadable`; the rest is read")
def test_path_too_long(root, monkeypatch):
    """A path that a program gets to step by step, but not in one go."""
    monkeypatch.chdir(root / "train" / "a")
    for _ in range(25):
        Path("d" * 200).mkdir()
        os.chdir("d" * 200)
    Path("x.mp4").write_bytes(good())
    monkeypatch.chdir(root)
    data = load(root)
    assert set(codes(data).values()) == {"unreadable"}
    assert len(data.train) == 4


@fault("35", "a file deleted while the folder is read", "`unreadable`, by name; tried again the next time")
def test_deleted_meanwhile(root, tmp_path, monkeypatch):
    victim = root / "train" / "a" / "0.mp4"

    def read(path, *rest):
        victim.unlink(missing_ok=True)
        return try_read_clips(path, *rest)

    monkeypatch.setattr("vidcondense.video.index.try_read_clips", read)
    assert codes(load(root, cache_dir=tmp_path)) == {"train/a/0.mp4": "unreadable"}


@fault("35b", "a file changed while it is read", "`changed`, by name; tried again the next time")
def test_changed_meanwhile(root, tmp_path, monkeypatch):
    victim = root / "train" / "a" / "0.mp4"

    def read(path, *rest):
        found = try_read_clips(path, *rest)
        if path == victim:
            victim.write_bytes(good(6))
        return found

    monkeypatch.setattr("vidcondense.video.index.try_read_clips", read)
    assert codes(load(root, cache_dir=tmp_path)) == {"train/a/0.mp4": "changed"}
    monkeypatch.undo()
    assert load(root, cache_dir=tmp_path).quarantined == ()


@fault("35c", "a file changed since the folder was read", "read anew, never taken from the cache")
def test_changed_since(root):
    first = load(root)
    (root / "train" / "a" / "0.mp4").write_bytes(good(6))
    assert load(root).cache != first.cache


@fault("35d", "the cache deleted while it is used", "exit code 3, with what to do")
def test_cache_deleted_meanwhile(root):
    data = load(root)
    shutil.rmtree(data.cache)
    with pytest.raises(DataError, match="run the command again"):
        data.train.batch([0])


def empty(root):
    shutil.rmtree(root)
    root.mkdir()


def no_class(root):
    names = list(root.rglob("*.mp4"))
    for number, path in enumerate(names):
        path.rename(root / f"{number}.mp4")
    shutil.rmtree(root / "train")
    shutil.rmtree(root / "test")


def nothing_usable(root):
    for path in (root / "train" / "a").iterdir():
        path.write_text("no video")


def one_class(root):
    shutil.rmtree(root / "train" / "b")
    shutil.rmtree(root / "test" / "b")


@pytest.mark.parametrize(
    "spoil",
    [
        case("36", "an empty folder", "exit code 3", empty),
        case("36b", "no class folders", "exit code 3", no_class),
        case("36c", "a class without a usable video", "exit code 3, naming it", nothing_usable),
        case("36d", "one class alone", "exit code 3", one_class),
        case("36e", "no folder", "exit code 3", shutil.rmtree),
    ],
)
def test_no_dataset(root, tmp_path, spoil):
    spoil(root)
    refused = run("condense", root, "--out", tmp_path / "out", *CLIP, "--max-bad", "0.9")
    assert refused.code == 3
    assert str(root) in refused.line
    assert not (tmp_path / "out").exists()


@fault("36f", "very many files", "memory grows with their number, no faster")
def test_many_files():
    def peak(count):
        tree = Tree(
            videos=tuple(f"c{number % 100:03}/{number:06}.mp4" for number in range(count)),
            read=lambda name: "",
        )
        tracemalloc.start()
        parse_folder(tree, SplitRule())
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(20_000) < 2.6 * peak(10_000)


@fault("37", "the same video to train and to test on", "noted; exit code 3 with --strict")
def test_leak(root):
    shutil.copy(root / "train" / "a" / "0.mp4", root / "test" / "a" / "9.mp4")
    told = run("data", "check", root, "--workers", "0")
    assert (told.code, "identical file" in told.out) == (0, True)
    assert run("data", "check", root, "--workers", "0", "--strict").code == 3


@fault("37b", "the same video twice in a class", "noted")
def test_duplicate(root):
    shutil.copy(root / "train" / "a" / "0.mp4", root / "train" / "a" / "9.mp4")
    found = json.loads(run("data", "check", root, "--workers", "0", "--json").out)
    assert ["train/a/0.mp4", "train/a/9.mp4"] in found["duplicates"]


@fault("38", "`.hidden.mp4`, `._x.mp4`, `__MACOSX`, `Thumbs.db`, `.DS_Store`", "ignored")
def test_leftovers_of_systems(root):
    folder = root / "train" / "a"
    (folder / "__MACOSX").mkdir()
    for name in (".hidden.mp4", "._0.mp4", "__MACOSX/0.mp4", "Thumbs.db", ".DS_Store"):
        (folder / name).write_bytes(b"x")
    data = load(root)
    assert data.quarantined == ()
    assert len(data.train) == 4
