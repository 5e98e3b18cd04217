from __future__ import annotations

import json

from vidcondense import extras


def test_report_with_results_and_real_clips(run, condensed, toy, cache, tmp_path):
    fast = [
        "--steps",
        "2",
        "--repeats",
        "1",
        "--workers",
        "0",
        "--cache-dir",
        cache,
        "--precision",
        "float32",
    ]
    results, out = tmp_path / "results", tmp_path / "report.html"
    assert run("evaluate", condensed, "--data", toy, "--out", results, "--seed", "3", *fast).code == 0
    network = tmp_path / "network"
    assert run("train", condensed, "--out", network, "--steps", "1", "--precision", "float32").code == 0
    command = ["report", condensed, "--results", results, "--data", toy, "--out", out, "--workers", "0"]
    more = ["--cache-dir", cache, "--network", network, "--neighbours", "2"]
    told = json.loads(run(*command, *more, "--json").out)
    html = out.read_text(encoding="utf-8")
    assert told == {"out": str(out), "bytes": out.stat().st_size, "sets": [str(condensed)]}
    assert html.count('class="clip real"') == 4
    assert "--seed 3" in html
    assert "What is taken for what" in html
    outcome = run(*command, "--cache-dir", cache)
    assert outcome.code == 4
    assert "--overwrite" in outcome.line
    assert run(*command, "--cache-dir", cache, "--no-real-clips", "--overwrite").code == 0
    assert 'class="clip real"' not in out.read_text(encoding="utf-8")


def test_what_is_wrong_is_told_in_one_line(run, condensed, tmp_path):
    assert "at least one condensed set" in run("report", "--out", tmp_path / "r.html").line
    outcome = run("report", condensed, "--out", tmp_path / "r.html", "--results", tmp_path)
    assert (outcome.code, str(tmp_path) in outcome.line) == (3, True)
    assert run("report", condensed, "--out", tmp_path / "r.html", "--videos", "0").code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_tracker_that_is_not_installed_is_told_before_videos_are_read(run, tmp_path, monkeypatch):
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda package: None)
    outcome = run("condense", tmp_path / "no videos", "--out", tmp_path / "set", "--log", "wandb")
    assert outcome.code == 2
    assert "vidcondense[wandb]" in outcome.line
    assert list(tmp_path.iterdir()) == []
