"""The benchmark for a large GPU runs on the processor, tiny."""

from __future__ import annotations

import ast
import sys

import h200


def test_smoke_condenses_every_variant_and_counts_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(h200, "RUNS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["h200.py", "--smoke"])
    h200.main()
    found = [ast.literal_eval(line) for line in capsys.readouterr().out.splitlines()]
    assert len(found) == len(h200.VARIANTS)
    for row in found:
        assert row["synthetic_clips"] == 2 * 2, "a video of each class, in each iteration"
        assert 0 < row["real_clips"] <= 2 * 2 * 2, "two of each class"
        assert 0 < row["share_of_peak"] < 2
    assert found[0]["real_clips"] == 2 * 2 * 2, "in a new network each time"
