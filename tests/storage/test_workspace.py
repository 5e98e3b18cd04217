from __future__ import annotations

import subprocess
import sys

import pytest

from marks import fault
from vidcondense.errors import LimitError, OutputError, UsageError
from vidcondense.storage.manifest import MANIFEST
from vidcondense.storage.workspace import CHECKPOINT, LOG, owned_output


def claim(out, resume=False, overwrite=False):
    with owned_output(out, resume=resume, overwrite=overwrite) as work:
        return work


def put(folder, name):
    folder.mkdir(parents=True)
    (folder / name).write_text("x")


def test_new_place(tmp_path):
    work = claim(tmp_path / "new" / "out")
    assert work == tmp_path / "new" / "out.partial"
    assert list(work.iterdir()) == []


def test_complete_set_is_kept_unless_overwrite(tmp_path):
    put(tmp_path / "out", MANIFEST)
    with pytest.raises(OutputError, match="exists; use --overwrite to replace it, or another --out"):
        claim(tmp_path / "out")
    with pytest.raises(OutputError, match="exists"):
        claim(tmp_path / "out", resume=True)
    assert claim(tmp_path / "out", overwrite=True) == tmp_path / "out.partial"
    assert (tmp_path / "out" / MANIFEST).exists()  # until the new one is complete


@pytest.mark.parametrize("name", ["out", "out.partial"])
def test_foreign_folder_is_never_touched(tmp_path, name):
    put(tmp_path / name, "thesis.tex")
    with pytest.raises(OutputError):
        claim(tmp_path / "out", overwrite=True)
    assert (tmp_path / name / "thesis.tex").exists()


def test_file_in_the_way(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError):
        claim(tmp_path / "out", overwrite=True)


def test_interrupted_run_wants_a_decision(tmp_path):
    put(tmp_path / "out.partial", CHECKPOINT)
    with pytest.raises(OutputError, match="use --resume to go on, or --overwrite"):
        claim(tmp_path / "out")
    work = claim(tmp_path / "out", resume=True)
    assert (work / CHECKPOINT).exists()
    work = claim(tmp_path / "out", overwrite=True)
    assert list(work.iterdir()) == []


def test_leftovers_without_a_checkpoint_are_no_run(tmp_path):
    put(tmp_path / "out.partial", LOG)
    assert list(claim(tmp_path / "out").iterdir()) == []


def test_a_log_alone_does_not_make_a_folder_ours(tmp_path):
    put(tmp_path / "out", LOG)
    with pytest.raises(OutputError, match="no condensed set"):
        claim(tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / LOG).exists()


def test_nothing_to_resume_and_contradiction_fail(tmp_path):
    with pytest.raises(UsageError, match="nothing to --resume"):
        claim(tmp_path / "out", resume=True)
    with pytest.raises(UsageError, match="contradict"):
        claim(tmp_path / "out", resume=True, overwrite=True)


@fault("56m", "two processes make one set", "exit code 4 for the second")
def test_two_processes_never_work_on_one_set(tmp_path):
    out = tmp_path / "out"
    program = (
        "import sys; from pathlib import Path; from vidcondense.storage.workspace import owned_output\n"
        "with owned_output(Path(sys.argv[1]), resume=False, overwrite=True): pass"
    )

    def other():
        return subprocess.run([sys.executable, "-c", program, str(out)], capture_output=True, text=True)

    with owned_output(out, resume=False, overwrite=False) as work:
        (work / CHECKPOINT).write_text("mine")
        refused = other()
        assert "another process is working on" in refused.stderr
        assert (work / CHECKPOINT).read_text() == "mine"
    assert other().returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.partial"]


@pytest.mark.parametrize("names", [[], [CHECKPOINT]])
def test_a_refusal_leaves_no_empty_folder(tmp_path, names):
    with pytest.raises(LimitError), owned_output(tmp_path / "out", resume=False, overwrite=False) as work:
        for name in names:
            (work / name).write_text("mine")
        raise LimitError("too large")
    assert work.exists() == bool(names)
