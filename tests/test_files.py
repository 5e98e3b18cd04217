from __future__ import annotations

import hashlib
import json

import pytest

from vidcondense.errors import OutputError
from vidcondense.files import (
    canonical_json,
    check_writable,
    replace_folder,
    sha256_of_file,
    write_file,
    write_json,
    write_text,
)


def names_in(folder):
    return [entry.name for entry in folder.iterdir()]


def test_write_text_replaces_the_whole_file(tmp_path):
    path = tmp_path / "new" / "a.txt"
    write_text(path, "a long first text\n")
    write_text(path, "grün\n")
    assert path.read_bytes() == "grün\n".encode()
    assert names_in(path.parent) == ["a.txt"]


def test_write_file_that_fails_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def half(temporary):
        temporary.write_bytes(b"ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left"):
        write_file(path, half)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.bin"]


def test_write_file_that_raises_another_error_leaves_nothing(tmp_path):
    def interrupted(temporary):
        temporary.write_bytes(b"ne")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "a.bin", interrupted)
    assert names_in(tmp_path) == []


def test_write_below_a_file_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        write_text(tmp_path / "file" / "a.txt", "x")


def test_write_json_refuses_nan(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", float("nan"))
    assert names_in(tmp_path) == []


def test_canonical_json_does_not_depend_on_the_order_of_keys():
    text = canonical_json({"b": [1, 2.5], "a": "ü"})
    assert text == canonical_json({"a": "ü", "b": [1, 2.5]}) == '{"a":"\\u00fc","b":[1,2.5]}'
    assert json.loads(text) == {"a": "ü", "b": [1, 2.5]}


def test_sha256_of_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc" * 100_000)
    assert sha256_of_file(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_replace_folder_takes_the_place_of_the_old_one(tmp_path):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    replace_folder(tmp_path / "new", tmp_path / "old")
    assert names_in(tmp_path) == ["old"]
    assert names_in(tmp_path / "old") == ["new"]


def test_replace_folder_that_fails_keeps_the_old_one(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "kept").write_text("")
    with pytest.raises(OutputError):
        replace_folder(tmp_path / "missing", tmp_path / "old")
    assert names_in(tmp_path) == ["old"]
    assert names_in(tmp_path / "old") == ["kept"]


def test_a_place_that_can_be_written_is_known_beforehand(tmp_path):
    check_writable(tmp_path / "new" / "deep")
    (tmp_path / "file").write_text("")
    (tmp_path / "file").chmod(0o755)
    for path in (tmp_path / "file", tmp_path / "file" / "x", tmp_path / "file" / ("x" * 300)):
        with pytest.raises(OutputError, match="file is a file; choose another place"):
            check_writable(path)
