from __future__ import annotations

import json
from pathlib import Path

import pytest

from marks import fault
from vidcondense.video.cache import (
    building,
    cache_key,
    cache_root,
    clear_cache,
    list_cache,
    read_manifest,
    temporary_folder,
)
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions


def fill(root, folder):
    clip = ClipOptions(num_frames=2, stride=1, size=8)
    return load_data(root, DataOptions(workers=0, cache_dir=folder), clip).cache


def test_list_and_clear(make_folder, tmp_path):
    cache = tmp_path / "cache"
    assert list_cache(cache) == []
    assert clear_cache(cache) == 0
    folders = {fill(make_folder(name=name), cache): name for name in ("one", "two")}
    entries = list_cache(cache)
    assert {entry.path: Path(entry.root).name for entry in entries} == folders
    assert all(entry.clips == 10 for entry in entries)
    sizes = [sum(file.stat().st_size for file in folder.iterdir()) for folder in folders]
    assert sum(entry.bytes for entry in entries) == sum(sizes) > 2 * 10 * 2 * 8 * 8 * 3
    assert clear_cache(cache) == sum(sizes)
    assert list(cache.iterdir()) == []


def test_only_our_own_folders_are_deleted(make_folder, tmp_path):
    cache = tmp_path / "cache"
    ours = fill(make_folder(), cache)
    left = cache / f".{'0' * 64}.tmp-123"
    left.mkdir()
    (left / "clips.u8").write_bytes(b"12345")
    others = [cache / "notes.txt", cache / ("1" * 64)]
    others[0].write_text("mine")
    victim = tmp_path / "victim"
    victim.mkdir()
    others[1].symlink_to(victim)
    assert {entry.root for entry in list_cache(cache) if entry.path == left} == {"(unfinished)"}
    clear_cache(cache)
    assert sorted(cache.iterdir()) == sorted(others)
    assert victim.is_dir()
    assert not ours.exists()


def test_where_caches_lie(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDCONDENSE_CACHE", str(tmp_path / "named"))
    assert cache_root() == tmp_path / "named"
    assert cache_root(tmp_path / "given") == tmp_path / "given"
    monkeypatch.delenv("VIDCONDENSE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert cache_root().name == "vidcondense"


def test_key():
    assert cache_key({"a": 1, "b": "\udcff"}) == cache_key({"b": "\udcff", "a": 1})
    assert cache_key({"a": 1}) != cache_key({"a": 2})


@pytest.mark.parametrize("fail", [False, True])
def test_temporary_folder_goes_away(tmp_path, fail):
    target = tmp_path / "target"
    try:
        with temporary_folder(target) as folder:
            assert folder.parent == tmp_path
            (folder / "x").touch()
            if fail:
                raise RuntimeError
    except RuntimeError:
        pass
    assert list(tmp_path.iterdir()) == []


def test_building_keeps_what_is_unfinished_and_clears_what_is_empty(tmp_path):
    target = tmp_path / ("0" * 64)
    with building(target, pytest.fail) as folder:
        assert folder.is_dir()
        assert folder.parent == tmp_path
        (folder / "empty").touch()
    assert list(tmp_path.iterdir()) == []
    for _ in range(2):
        with pytest.raises(RuntimeError), building(target, pytest.fail) as again:
            (again / "clips.u8").write_bytes(b"x")
            raise RuntimeError
        assert list(tmp_path.iterdir()) == [folder]
    (entry,) = list_cache(tmp_path)
    assert (entry.root, entry.bytes) == ("(unfinished)", 1)
    (tmp_path / f".{target.name}.lock").touch()  # as a killed process leaves it
    assert clear_cache(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


@fault("47l", "a manifest of the cache with wrong types, deep nesting, NaN", "no cache: it is built anew")
@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "[" * 100_000,
        '{"bytes": NaN}',
        {"root": []},
        {"records": [7]},
        {"shape": {}},
        {"bytes": "many"},
        {"bytes": 10**30},
        {"std": ["a", 1, 1]},
    ],
)
def test_a_manifest_that_cannot_be(make_folder, tmp_path, text):
    root, cache = make_folder(), tmp_path / "cache"
    folder = fill(root, cache)
    whole = json.loads((folder / "manifest.json").read_text())
    wrong = text if isinstance(text, str) else json.dumps(whole | text)
    (folder / "manifest.json").write_text(wrong)
    (entry,) = list_cache(cache)
    assert entry.root == "(unfinished)"
    assert fill(root, cache) == folder
    assert read_manifest(folder) == whole


def test_a_quarantine_list_that_cannot_be(make_folder, tmp_path):
    folder = fill(make_folder(), tmp_path / "cache")
    (folder / "quarantine.jsonl").write_text('{"path": 7}\n')
    assert read_manifest(folder) is None
