from __future__ import annotations

import json

import av
import pytest


def test_export_tells_what_it_wrote(run, condensed, tmp_path):
    outcome = run("export", condensed, "--to", "mp4", "--out", tmp_path / "out", "--json")
    assert outcome.code == 0
    told = json.loads(outcome.out)
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.name != "export.json"]
    assert told["files"] == len(files)
    assert told["bytes"] == sum(path.stat().st_size for path in files)
    assert told["videos"] == 2 == len(list((tmp_path / "out").glob("*/*.mp4")))
    assert 0 < told["clamped"] < 1, "it was learned from noise"
    again = run("export", condensed, "--to", "gif", "--out", tmp_path / "out")
    assert again.code == 4
    assert "--overwrite" in again.line


def test_options_reach_the_export(run, condensed, tmp_path):
    options = ["--fps", "4", "--video", "preview", "--licence", "cc0-1.0"]
    assert run("export", condensed, "--to", "huggingface", "--out", tmp_path / "out", *options).code == 0
    assert 'license: "cc0-1.0"' in (tmp_path / "out" / "README.md").read_text()
    with av.open(str(tmp_path / "out" / "data" / "train" / "000000.mp4")) as file:
        stream = file.streams.video[0]
        assert (stream.average_rate, stream.codec_context.pix_fmt) == (4, "yuv420p")


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--to", "pmg"], 2, "did you mean png"),
        (["--to", "gif", "--fps", "0"], 2, "--fps 0"),
        (["--to", "huggingface", "--video", "npy"], 2, "--video npy"),
        (["--to", "huggingface", "--licence", "a b"], 2, "--licence a b"),
    ],
)
def test_bad_options_write_nothing(run, condensed, tmp_path, options, code, message):
    outcome = run("export", condensed, "--out", tmp_path / "out", *options)
    assert outcome.code == code
    assert message in outcome.line
    assert not list(tmp_path.iterdir())
