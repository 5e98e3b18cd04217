"""Disks that are full or broken, and folders that may not be written: the old result stays.

Every command that writes is run once to count its writes, and then with a disk that fails at one of them (see
injector.py): full at each in turn, broken or forbidden at some; where a command computes for long, at a few.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import typing
from pathlib import Path

import pytest
import torch

from commands import CLIP, TOY, Bench, in_child, run
from injector import failing_disk
from marks import fault
from vidcondense.checkpoint import load_checkpoint, save_checkpoint
from vidcondense.cli.main import COMMANDS as COMMAND_NAMES
from vidcondense.cli.main import module_of

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]

KINDS = (errno.ENOSPC, errno.EIO, errno.EACCES)
"""A disk that is full from then on; one that fails once, half-way; a permission that is missing once."""

FEW = 6
"""At how many writes all but a full disk is tried; a full one is at every write."""

DEAR = {"condense with checkpoints": 6, "train": 6, "evaluate": 3, "transfer": 3, "motion": 3, "pareto": 6}
DEAR |= {"export-model": 3, "experts": 6, "relabel": 6, "toy": 6, "condense, and read the videos": 6}
"""Commands that take long: at how many writes they fail, in each way by turns; by `make writes` at all."""

EVERY = bool(os.environ.get("VIDCONDENSE_EVERY_WRITE"))

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

COMPARED = {
    "rows": [
        {"name": method, "method": method, "model": "convnet3d", "codec": "uint8", "vpc": 1, "bytes": size}
        | {"accuracy": accuracy, "std": None, "ci_low": None, "ci_high": None, "accuracies": {"0": 0.5}}
        for method, size, accuracy in (("prism", 500, 70.0), ("random", 900, 60.0))
    ]
}

QUICK = ["--data", "DATA", "--repeats", "1", "--steps", "1", "--workers", "0", "--cache-dir", "CACHE"]
EXPERT = ["--model", "convnet", "--experts", "1", "--epochs", "1"]

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
    "motion": (["motion", "SET", "--out", "HERE/out", *QUICK], ["--seed", "1", "--overwrite"]),
    "report": (["report", "SET", "--out", "HERE/out.html"], ["--videos", "1", "--overwrite"]),
    "export as videos": (
        ["export", "SET", "--to", "mp4", "--out", "HERE/out"],
        ["--fps", "3", "--overwrite"],
    ),
    "export as shards": (
        ["export", "SET", "--to", "webdataset", "--out", "HERE/out"],
        ["--fps", "3", "--overwrite"],
    ),
    "export-model": (
        ["export-model", "NETWORK", "--to", "torch-export", "--runs", "1", "--out", "HERE/out"],
        ["--overwrite"],
    ),
    "merge": (["merge", "SET", "COPY", "--out", "HERE/out"], ["--codec", "lzma", "--overwrite"]),
    "subset": (["subset", "SET", "--out", "HERE/out", "--vpc", "1"], ["--codec", "lzma", "--overwrite"]),
    "relabel": (
        ["relabel", "SET", "--teacher", "NETWORK", "--out", "HERE/out"],
        ["--temperature", "2", "--overwrite"],
    ),
    "import": (
        ["import", "TENSORS", "--units", "pixels", "--classes", "a", "b", "--out", "HERE/out"],
        ["--codec", "lzma", "--overwrite"],
    ),
    "pareto": (
        ["pareto", "COMPARED", "--out", "HERE/out"],
        ["--kilobytes", "1", "--overwrite"],
    ),
    "experts": (["experts", "DATA", "--out", "HERE/out", *CLIP, *EXPERT, "--cache-dir", "CACHE"], None),
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


TABLES_ONLY = {"compare", "tune"}
"""Commands whose work is done by processes of their own: see `check_tables`."""

UNTRIED = {"bench"}
"""It takes minutes, and writes one file, as `report` does."""


def test_every_command_that_writes_is_listed():
    tried = {arguments[0] for arguments, _ in COMMANDS.values()}
    writing = {name for name in COMMAND_NAMES if "out" in typing.get_type_hints(module_of(name).Arguments)}
    assert writing - tried == TABLES_ONLY | UNTRIED
    assert {*DEAR} <= {*COMMANDS}


@pytest.fixture(scope="session")
def materials(small_root, small_set, tmp_path_factory):
    """What the commands read, by the word that stands for it."""
    folder = tmp_path_factory.mktemp("materials")
    trained = run("train", small_set, "--out", folder / "network", "--steps", "1", "--model", "convnet")
    assert trained.code == 0, trained.err
    torch.save(torch.rand(2, 8, 3, 8, 8), folder / "tensors.pt")
    (folder / "compare.json").write_text(json.dumps(COMPARED))
    shutil.copytree(small_set, folder / "copy")
    files = {
        "NETWORK": "network",
        "TENSORS": "tensors.pt",
        "COMPARED": "compare.json",
        "COPY": "copy",
        "CACHE": "cache",
    }
    return {"DATA": small_root, "SET": small_set} | {word: folder / name for word, name in files.items()}


@fault("40", "the disk is full, at writes of every command", "exit code 4; the old result is whole")
@fault("41", "a write fails half-way, at writes of every command", "exit code 4; the old result is whole")
@fault("41b", "a write is not permitted, at writes of every command", "exit code 4; the old result is whole")
@pytest.mark.parametrize("name", COMMANDS)
def test_every_write_may_fail(name, materials, tmp_path):
    bench = Bench(tmp_path, {word: str(path) for word, path in materials.items()})
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
    old = results(bench)
    bench.restore()
    with failing_disk(bench.here, None, errno.ENOSPC) as disk:
        assert run(*command).code == 0
    new, writes = results(bench), disk.count
    assert writes > 3
    for fail_at, code in failures(name, writes):
        bench.restore()
        with failing_disk(bench.here, fail_at, code):
            outcome = run(*command)
        where = f"{name}, {errno.errorcode[code]} at write {fail_at} of {writes}: {outcome.err}"
        assert outcome.code in (0, 4), where
        if outcome.code == 0:  # such as a folder that was there already
            assert results(bench) == new, where
            continue
        assert "cannot write" in outcome.line, where
        check_whole(results(bench), old, new, where)
        again = run(*command)
        if again.code == 4 and more is None:
            assert results(bench) == new, "it was whole when only the last flush failed"
            continue
        assert again.code == 0, f"{where}\n{again.err}"
        assert results(bench) == new, where


def failures(name, writes):
    """At which writes a command fails, and how."""
    if name in DEAR:
        points = writes if EVERY else DEAR[name]
        return list(zip(even(points, writes), itertools.cycle(KINDS), strict=False))
    few = [(fail_at, code) for code in KINDS[1:] for fail_at in even(FEW, writes)]
    return [*((fail_at, errno.ENOSPC) for fail_at in range(writes)), *few]


def even(points, writes):
    """An even choice of all writes, the first and the last among them."""
    points = min(points, writes)
    return sorted({round(point * (writes - 1) / (points - 1)) for point in range(points)})


def results(bench):
    """Content by path; of a file that tells how long something took, only that it is whole."""
    found = bench.results()
    for path in found:
        if path.endswith("model.json"):
            found[path] = str(sorted(json.loads(found[path]))).encode()
    return found


def check_whole(found, old, new, where):
    """Every file is the old one or the new one, and there is no other."""
    assert set(found) <= {*old, *new}, where
    for path, content in found.items():
        assert content in (old.get(path), new.get(path)), f"{path}: {where}"
    assert set(old) <= set(found), where


@fault("40b", "the disk is full while the tables of a comparison are written", "as 40")
def test_tables_of_a_comparison(small_root, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    command = ["compare", tmp_path / "plan.toml", "--data", small_root, "--device", "cpu"]
    cells = ["random-0", "random-1", "other-0", "other-1"]
    check_tables(tmp_path, [*command, "--only", *cells], command, command)


@fault("40d", "the disk is full while the recipe of a tuning is written", "as 40")
def test_recipe_of_a_tuning(small_root, tmp_path):
    clip = [word for word in CLIP if word not in ("--workers", "0")]
    command = ["tune", small_root, *clip, "--method", "random", "--vary", "codec=uint8,lzma", "--trials", "2"]
    command += ["--folds", "2", "--eval-steps", "1", "--jobs", "1"]
    check_tables(tmp_path, command, [*command, "--overwrite"], [*command, "--overwrite"])


def check_tables(tmp_path, compute, finish, again):
    """Cells that are computed stay, and what is written when all are there is old or new."""
    bench = Bench(tmp_path, {})
    places = ["--out", bench.here, "--workers", "0", "--cache-dir", tmp_path / "cache"]
    for command in (compute, finish):
        done = run(*command, *places)
        assert done.code == 0, done.err
    bench.keep()
    old = bench.results()
    with failing_disk(bench.here, None, errno.ENOSPC) as disk:
        assert run(*again, *places).code == 0
    assert disk.count > 3
    for fail_at in range(disk.count):
        bench.restore()
        with failing_disk(bench.here, fail_at, errno.ENOSPC):
            outcome = run(*again, *places)
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
