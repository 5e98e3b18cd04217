from __future__ import annotations

import runpy
import sys
from pathlib import Path

from vidcondense.storage.condensed import load_condensed
from vidcondense.video.toy import ToyOptions, make_toy

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_own_videos(tmp_path, monkeypatch, capsys):
    toy = ToyOptions(pairs=1, train_per_class=2, test_per_class=1, num_frames=8, size=44, workers=0)
    make_toy(tmp_path / "videos", toy)
    size = ["--num-frames", "8", "--stride", "1", "--size", "44", "--iterations", "2", "--steps", "2"]
    program = str(EXAMPLES / "own_videos.py")
    monkeypatch.setattr(sys, "argv", [program, str(tmp_path / "videos"), str(tmp_path / "small"), *size])
    runpy.run_path(program, run_name="__main__")
    shown = capsys.readouterr().out
    assert "4 training clips, 2 test clips, classes ('left', 'right')" in shown
    assert f"{load_condensed(tmp_path / 'small').bytes} bytes" in shown
    assert "a batch for any training loop: (2, 8, 3, 44, 44), labels [0, 1]" in shown
    assert "accuracy " in shown
