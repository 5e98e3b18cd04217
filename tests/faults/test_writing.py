"""Disks that are full or broken, and folders that may not be written: the old result stays.

Every command that writes is run once to count its writes, and then with a disk that fails at one of them (see
injector.py), for an even choice of all.
"""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest
import torch

from commands import CLIP, TOY, Bench, in_child, run
from injector import failing_disk
from marks import fault
from vidcondense.checkpoint import load_checkpoint, save_checkpoint

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]

POINTS = 8
"""Writes of a command at which the disk is made to fail, at most."""

PLAN = """repeats = 2
baseline = "random"
[condense]
num-frames = 8
stride = 1
size = 44
[evaluate]
steps = 1
[sets.random]
method = "random"
[sets.other]
method = "herding"
"""

QUICK = ["--data", "DATA", "--repeats", "1", "--steps", "1", "--workers", "0", "--cache-dir", "CACHE"]

COMMANDS = {
    "condense, and read the videos": (
        ["condense", "DATA", "--out", "HERE/out", *CLIP, "--method", "random", "--cache-dir", "HERE/cache"],
        ["--seed", "1", "--overwrite"],
    ),
    "condense with checkpoints": (
        ["condense", "DATA", "--out", "HERE/out", *CLIP, "--iterations", "2", "--cache-dir", "CACHE"],
        ["--seed", "1", "--overwrite"],
    ),
    "recode": (["recode", "SET", "--out", "HERE/out", "--codec", "lzma"], ["--overwrite"]),
    "train": (["train", "SET", "--out", "HERE/out", "--steps", "1"], ["--seed", "1", "--overwrite"]),
    "inspect": (["inspect", "SET", "--pictures", "HERE/out"], ["--overwrite"]),
    "evaluate": (["evaluate", "SET", "--out", "HERE/out", *QUICK], ["--seed", "1", "--overwrite"]),
    "transfer": (
        ["transfer", "SET", "--out", "HERE/out", *QUICK, "--shots", "1"],
        ["--seed", "1", "--overwrite"],
    ),
    "toy": (
        ["toy", "HERE/toy", *TOY],
        None,
    ),
    "data check": (
        ["data", "check", "DATA", "--workers", "0", "--write-list", "HERE/list.csv", "--cache-dir", "CACHE"],
        None,
    ),
}
"""Commands that write to HERE: what they are first run with, and what is added to replace the result (None:
not possible, so that there is no old one)."""


@fault("40", "the disk is full, at every write of every command", "exit code 4; the old result is whole")
@fault(
    "41", "a write fails half-way, at every write of every command", "exit code 4; the old result is whole"
)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["full", "broken"])
@pytest.mark.parametrize("name", COMMANDS)
def test_every_write_may_fail(name, code, small_root, small_set, tmp_path):
    words = {"DATA": str(small_root), "SET": str(small_set), "CACHE": str(tmp_path / "cache")}
    bench = Bench(tmp_path, words)
    first, more = COMMANDS[name]
    command = bench.arguments([*first, *(more or [])])
    assert run(*command).code == 0, "with nothing to replace, and to fill the cache"
    if more is None:
        for path in bench.here.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    else:
        shutil.rmtree(bench.here)
        bench.here.mkdir()
        assert run(*bench.arguments(first)).code == 0
    bench.keep()
    old = bench.results()
    bench.restore()
    with failing_disk(bench.here, None, code) as disk:
        assert run(*command).code == 0
    new, writes = bench.results(), disk.count
    assert writes > 3
    for fail_at in sorted({round(point * (writes - 1) / (POINTS - 1)) for point in range(POINTS)}):
        bench.restore()
        with failing_disk(bench.here, fail_at, code):
            outcome = run(*command)
        where = f"{name}, write {fail_at} of {writes}: {outcome.err}"
        assert outcome.code in (0, 4), where
        if outcome.code == 0:  # such as a folder that was there already
            assert bench.results() == new, where
            continue
        assert "cannot write" in outcome.line, where
        check_whole(bench.results(), old, new, where)
        again = run(*command)
        if again.code == 4 and more is None:
            assert bench.results() == new, "it was whole when only the last flush failed"
            continue
        assert again.code == 0, f"{where}\n{again.err}"
        assert bench.results() == new, where


def check_whole(found, old, new, where):
    """Every file is the old one or the new one, and there is no other."""
    assert set(found) <= {*old, *new}, where
    for path, content in found.items():
        assert content in (old.get(path), new.get(path)), f"{path}: {where}"
    assert set(old) <= set(found), where


@fault("40b", "the disk is full while the tables of a comparison are written", "as 40")
def test_tables_of_a_comparison(small_root, tmp_path):
    bench = Bench(tmp_path, {"DATA": str(small_root), "CACHE": str(tmp_path / "cache")})
    (tmp_path / "plan.toml").write_text(PLAN)
    command = ["compare", tmp_path / "plan.toml", "--data", small_root, "--out", bench.here]
    command += ["--workers", "0", "--cache-dir", tmp_path / "cache", "--device", "cpu"]
    cells = ["random-0", "random-1", "other-0", "other-1"]
    assert run(*command, "--only", *cells).code == 0
    assert run(*command).code == 0
    bench.keep()
    old = bench.results()
    with failing_disk(bench.here, None, errno.ENOSPC) as disk:
        assert run(*command).code == 0
    for fail_at in range(disk.count):
        bench.restore()
        with failing_disk(bench.here, fail_at, errno.ENOSPC):
            outcome = run(*command)
        assert outcome.code in (0, 4), outcome.err
        check_whole(bench.results(), old, old, outcome.err)


@fault("58", "a kill between any two steps of saving a checkpoint", "the last whole checkpoint loads")
def test_kill_while_saving(tmp_path):
    path = tmp_path / "work" / "checkpoint.safetensors"
    old, new = torch.zeros(1000), torch.ones(1000)
    save_checkpoint(path, {"a": old}, {"iteration": 1})
    with failing_disk(tmp_path, None, errno.EIO) as disk:
        save_checkpoint(path, {"a": new}, {"iteration": 2})
    seen = set()
    for fail_at in range(disk.count + 1):
        save_checkpoint(path, {"a": old}, {"iteration": 1})
        in_child(lambda at=fail_at: die_at(path, new, at))
        tensors, state = load_checkpoint(path)
        assert tensors["a"].equal({1: old, 2: new}[state["iteration"]])
        seen.add(state["iteration"])
    assert seen == {1, 2}


def die_at(path, new, fail_at):
    """Save, and end without any cleaning up at a write; in a child process."""
    with failing_disk(path.parent, fail_at, errno.EIO) as disk:
        real = disk.step

        def step(*, needs_room):
            try:
                real(needs_room=needs_room)
            except OSError:
                raise SystemExit from None  # neither caught as a failure to write, nor reported

        disk.step = step
        try:
            save_checkpoint(path, {"a": new}, {"iteration": 2})
        except SystemExit:
            return "killed"
    return "saved"


@fault("58b", "a kill while one result takes the place of another", "the old one comes back")
@pytest.mark.parametrize("command", ["condense", "recode"])
def test_kill_between_two_renames(command, small_root, small_set, tmp_path):
    out = Path(shutil.copytree(small_set, tmp_path / "out"))
    out.rename(tmp_path / ".out.old-123")  # what a kill in the middle of `replace_folder` leaves
    arguments = {
        "condense": ["condense", small_root, "--out", out, *CLIP, "--method", "random"],
        "recode": ["recode", small_set, "--out", out, "--codec", "lzma"],
    }[command]
    refused = run(*arguments)
    assert refused.code == 4
    assert "--overwrite" in refused.line
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in small_set.iterdir())
    assert run(*arguments, "--overwrite").code == 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


@fault("39c", "the output folder is there and not empty", "exit code 4; it is left alone")
def test_output_that_is_there(small_root, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("x")
    for more in ([], ["--overwrite"]):
        refused = run("condense", small_root, "--out", tmp_path / "out", *CLIP, "--method", "random", *more)
        assert refused.code == 4
        assert str(tmp_path / "out") in refused.line
    assert (tmp_path / "out" / "thesis.tex").read_text() == "x"


@fault("39d", "the output folder lies inside the data", "allowed: nothing of it is taken for a video")
def test_output_inside_the_data(root, tmp_path):
    command = ["condense", root, *CLIP, "--method", "random", "--cache-dir", tmp_path / "cache"]
    assert run(*command, "--out", root / "train" / "a" / "out").code == 0
    assert run("inspect", root / "train" / "a" / "out", "--pictures", root / "pictures").code == 0
    assert run(*command, "--out", tmp_path / "out").code == 0
    assert len(list((tmp_path / "cache").glob("[0-9a-f]*"))) == 1, "the same videos, so the same cache"
