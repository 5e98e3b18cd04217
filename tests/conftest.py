"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# One machine, one result: no deadline (machines are shared), the same examples every time.
settings.register_profile("vidcondense", deadline=None, derandomize=True)
settings.load_profile("vidcondense")

torch.set_num_threads(1)  # tests run side by side


@pytest.fixture(scope="session")
def ucf101_5() -> Path:
    """The 400 real clips; where they are absent the test is skipped."""
    here = Path(__file__).parent.parent
    folder = Path(os.environ.get("UCF101_5", here.parent / "shared" / "data" / "ucf101-5"))
    if not (folder / "ucfTrainTestlist").is_dir():
        pytest.skip(f"the ucf101-5 clips are not at {folder} (set UCF101_5)")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests never read or fill the user's cache."""
    monkeypatch.setenv("VIDCONDENSE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
