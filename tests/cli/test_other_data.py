from __future__ import annotations

import shutil

from vidcondense.cli.main import main


def test_a_set_is_not_tested_on_data_it_may_have_been_made_from(toy, tmp_path, capsys):
    """Without an official split, a new file moves others from training to test."""
    own = tmp_path / "own"
    for folder in (toy / "train").iterdir():
        for file in folder.iterdir():
            target = own / folder.name / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    clips = ["--num-frames", "8", "--stride", "1", "--size", "44"]
    made = str(tmp_path / "set")
    assert main(["condense", str(own), "--out", made, "--method", "random", *clips]) == 0
    judge = ["evaluate", made, "--data", str(own), "--repeats", "1", "--steps", "1"]
    assert main(judge) == 0
    first = next(folder for folder in sorted(own.iterdir()) if folder.is_dir())
    shutil.copy(next(first.iterdir()), first / "zzz.mp4")
    capsys.readouterr()
    assert main(judge) == 3
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("vidcondense: error: ")
    assert "are not those" in error
    assert "--other-data" in error
    assert main([*judge, "--other-data"]) == 0
