from __future__ import annotations

import hashlib
import json

import pytest

from marks import fault
from vidcondense.errors import OutputError, UsageError
from vidcondense.exports.export import FORMATS, RECORD, export
from vidcondense.exports.options import ExportOptions


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@fault("67e", "one set exported twice", "the same bytes: no date, no user in them")
@pytest.mark.parametrize("to", FORMATS)
def test_same_set_same_bytes(make_set, tmp_path, to):
    made = make_set()
    for name in ("one", "two"):
        export(made, tmp_path / name, to)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize("to", FORMATS)
def test_hostile_class_names_lead_nowhere(make_set, tmp_path, hostile, to):
    made = make_set(hostile, per_class=1)
    (tmp_path / "inside").mkdir()
    done = export(made, tmp_path / "inside" / "out", to)
    assert {path.name for path in tmp_path.iterdir()} == {"inside", "set"}
    assert {path.name for path in (tmp_path / "inside").iterdir()} == {"out"}
    assert done.files == len(contents(tmp_path / "inside" / "out")) - 1
    assert json.loads((done.folder / RECORD).read_text())["set"]["classes"] == list(hostile)


def test_record_names_set_and_files(make_set, tmp_path):
    made = make_set()
    done = export(made, tmp_path / "out", "gif", ExportOptions(fps=5.0))
    record = json.loads((tmp_path / "out" / RECORD).read_text())
    assert record["to"] == "gif"
    assert record["options"]["fps"] == 5
    assert record["set"]["sha256"] == made.manifest["sha256"]
    assert record["set"]["labels"] == [0, 0, 1, 1]
    files = contents(tmp_path / "out")
    del files[RECORD]
    assert {entry["file"]: (entry["bytes"], entry["sha256"]) for entry in record["files"]} == {
        name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in files.items()
    }
    assert (done.files, done.bytes) == (len(files), sum(map(len, files.values())))


def test_nothing_is_overwritten_unasked(make_set, tmp_path):
    made = make_set()
    export(made, tmp_path / "out", "gif")
    before = contents(tmp_path / "out")
    with pytest.raises(OutputError, match="--overwrite"):
        export(made, tmp_path / "out", "webp")
    assert contents(tmp_path / "out") == before
    export(made, tmp_path / "out", "webp", overwrite=True)
    assert not list((tmp_path / "out").rglob("*.gif"))
    (tmp_path / "mine").mkdir()
    with pytest.raises(OutputError, match="no export of ours"):
        export(made, tmp_path / "mine", "webp", overwrite=True)
    (tmp_path / "link").symlink_to(tmp_path / "missing")
    with pytest.raises(OutputError, match="exists"):
        export(made, tmp_path / "link", "webp")


def test_an_export_that_fails_leaves_the_old_one(make_set, tmp_path, monkeypatch):
    made = make_set()
    export(made, tmp_path / "out", "gif")
    before = contents(tmp_path / "out")

    def fail(made, options):
        yield "a/file", b"content"
        raise OSError("the disk is gone")

    monkeypatch.setitem(FORMATS, "webp", type(FORMATS["webp"])("broken", fail))
    with pytest.raises(OSError, match="gone"):
        export(made, tmp_path / "out", "webp", overwrite=True)
    assert contents(tmp_path / "out") == before
    assert {path.name for path in tmp_path.iterdir()} == {"out", "set"}


def test_unknown_format_is_told(make_set, tmp_path):
    with pytest.raises(UsageError, match="did you mean webp"):
        export(make_set(), tmp_path / "out", "wepb")


@pytest.mark.parametrize(
    "wrong",
    [
        {"fps": 0.0},
        {"fps": float("nan")},
        {"shard_videos": 0},
        {"licence": "MIT\nlicense: x"},
        {"licence": ""},
    ],
)
def test_options_are_checked(wrong):
    with pytest.raises(UsageError, match="--"):
        ExportOptions(**wrong)
