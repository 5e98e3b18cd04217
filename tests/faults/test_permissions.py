"""Files and folders that this user may not read or write; root may, so a child process becomes nobody."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import CLIP, TOY, Bench, become_nobody, in_child, run
from marks import fault
from vidcondense.errors import OutputError
from vidcondense.files import check_writable
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder that anybody may enter: pytest's own lie in one that is closed again whenever it starts."""
    folder = Path(tempfile.mkdtemp(prefix="vidcondense-"))
    folder.chmod(0o755)
    yield folder
    for path, _, _ in os.walk(folder):
        Path(path).chmod(0o755)
    shutil.rmtree(folder)


def load(root, **data):
    options = ClipOptions(num_frames=4, stride=1, size=8)
    return load_data(root, DataOptions(max_bad=0.5, workers=0, **data), options)


def codes(data):
    return {item.path: item.code for item in data.quarantined}


@fault("32", "a file that this user may not read", "`permission`; tried again the next time")
def test_unreadable(root, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    (root / "train" / "a" / "0.mp4").chmod(0)
    load(root, cache_dir=tmp_path / "other")  # modules are loaded while they can be read

    def attempt():
        become_nobody()
        return codes(load(root, cache_dir=tmp_path / "cache"))

    assert in_child(attempt) == {"train/a/0.mp4": "permission"}


@fault("32b", "a folder that this user may not list", "`permission`; the rest is read")
def test_unlistable(root, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    (root / "train" / "a" / "locked").mkdir(mode=0)
    load(root, cache_dir=tmp_path / "other")

    def attempt():
        become_nobody()
        data = load(root, cache_dir=tmp_path / "cache")
        return codes(data), len(data.train)

    assert in_child(attempt) == ({"train/a/locked": "permission"}, 4)


LOCKED = {
    "condense": ["condense", "DATA", "--out", "LOCKED/out", *CLIP, "--method", "random"],
    "recode": ["recode", "SET", "--out", "LOCKED/out", "--codec", "lzma"],
    "train": ["train", "SET", "--out", "LOCKED/out", "--steps", "1"],
    "inspect": ["inspect", "SET", "--pictures", "LOCKED/out"],
    "toy": ["toy", "LOCKED/out", *TOY],
    "data check": ["data", "check", "DATA", "--workers", "0", "--write-list", "LOCKED/list.csv"],
}


@fault("39", "the output folder may not be written, by an unprivileged user", "exit code 4; nothing is left")
@pytest.mark.parametrize("name", LOCKED)
def test_no_permission_to_write(name, root, small_set, tmp_path):
    shutil.copytree(small_set, tmp_path / "set")
    locked = tmp_path / "locked"
    locked.mkdir()
    words = {"DATA": str(root), "SET": str(tmp_path / "set"), "LOCKED": str(locked)}
    command = Bench(tmp_path, words).arguments(LOCKED[name])
    if "--out" in command and name == "condense":
        command += ["--cache-dir", str(tmp_path / "cache")]
    assert run(*command).code == 0, "modules are loaded while they can be read, and the cache is filled"
    for path in locked.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    locked.chmod(0o555)

    def attempt():
        become_nobody()
        outcome = run(*command)
        return outcome.code, outcome.line

    code, line = in_child(attempt)
    assert code == 4, line
    assert f"cannot write {locked}" in line
    assert list(locked.iterdir()) == []


@fault(
    "39e", "the folder of the results may not be written or entered", "exit code 4 before any work is done"
)
@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_place_is_refused_beforehand(tmp_path, mode):
    (tmp_path / "locked" / "in").mkdir(parents=True)
    (tmp_path / "locked").chmod(mode)

    def attempt():
        become_nobody()
        try:
            check_writable(tmp_path / "locked" / "in" / "out")
        except OutputError as error:
            return str(error)
        return "written"

    assert "this user may not write in" in in_child(attempt)


@fault("39b", "the data folder may not be written", "it is read; nothing is written there")
def test_data_that_may_not_be_written(root, tmp_path):
    (tmp_path / "free").mkdir()
    (tmp_path / "free").chmod(0o777)
    before = sorted(root.rglob("*"))
    for path in (*before, root):
        if path.is_dir():
            path.chmod(0o555)
    command = ["condense", root, *CLIP, "--method", "random"]
    assert run(*command, "--out", tmp_path / "warm", "--cache-dir", tmp_path / "other").code == 0

    def attempt():
        become_nobody()
        free = tmp_path / "free"
        return run(*command, "--out", free / "out", "--cache-dir", free / "cache").code

    assert in_child(attempt) == 0
    for path in (*before, root):
        if path.is_dir():
            path.chmod(0o755)
    assert sorted(root.rglob("*")) == before
