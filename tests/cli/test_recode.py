from __future__ import annotations

import json

import pytest

from vidcondense.storage.condensed import load_condensed


def folder_bytes(folder):
    return sum((folder / name).stat().st_size for name in ("condensed.json", "key_frames.safetensors"))


def test_recode_tells_bytes_and_distortion(run, condensed, tmp_path):
    out = tmp_path / "out"
    outcome = run("recode", condensed, "--codec", "webp", "--quality", "60", "--out", out, "--json")
    assert outcome.code == 0
    told = json.loads(outcome.out)
    assert told["bytes_before"] == folder_bytes(condensed)
    assert told["bytes_after"] == folder_bytes(out) < told["bytes_before"]
    assert 5 < told["psnr"] < 40
    assert 0 < told["feature_distance"] < 1
    made = load_condensed(out)
    assert (made.manifest["codec"], made.manifest["quality"]) == ("webp", 60)
    assert made.positions == load_condensed(condensed).positions


def test_recode_says_that_nothing_changed(run, condensed, tmp_path):
    outcome = run("recode", condensed, "--codec", "lzma", "--out", tmp_path / "out")
    assert outcome.code == 0
    assert "no pixel differs" in outcome.out
    refused = run("recode", condensed, "--codec", "png", "--out", tmp_path / "out")
    assert refused.code == 4
    assert "--overwrite" in refused.line
    assert load_condensed(tmp_path / "out").manifest["codec"] == "lzma"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--codec", "jpg"], "did you mean jpeg"),
        (["--codec", "webp", "--quality", "101"], "--quality 101"),
        (["--codec", "webp", "--model", "convnet4d"], "convnet3d"),
    ],
)
def test_recode_fails_before_anything_is_written(run, condensed, tmp_path, options, message):
    outcome = run("recode", condensed, "--out", tmp_path / "out", *options)
    assert outcome.code == 2
    assert message in outcome.err
    assert not list(tmp_path.iterdir())


def test_condensing_with_an_image_codec(run, toy, cache, tmp_path):
    options = ["--num-frames", "8", "--stride", "1", "--size", "44", "--workers", "0", "--method", "random"]
    command = ["condense", toy, "--cache-dir", cache, *options, "--codec", "avif", "--value-range", "set"]
    told = run(*command, "--out", tmp_path / "set", "--dry-run")
    assert "before compression by avif" in told.out
    assert run(*command, "--out", tmp_path / "set").code == 0
    made = load_condensed(tmp_path / "set")
    assert (made.manifest["quality"], made.manifest["value_range"]) == (75, "set")
    assert made.bytes == folder_bytes(tmp_path / "set")
