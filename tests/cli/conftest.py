"""A toy set, condensed once; and a way to call the command line in this process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from quick import QUICK
from vidcondense.cli.main import main


@dataclasses.dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line of an error; fails where there is more or something else."""
        assert self.out == ""
        assert "Traceback" not in self.err
        (line,) = (line for line in self.err.splitlines() if line.startswith("vidcondense: error: "))
        return line


Run = Callable[..., Outcome]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli-cache")


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, three training and two test videos each, 8 frames of 44×44."""
    out = tmp_path_factory.mktemp("cli-toy") / "toy"
    options = ["--pairs", "1", "--train-per-class", "3", "--test-per-class", "2"]
    assert main(["toy", str(out), *options, "--num-frames", "8", "--size", "44", "--workers", "0"]) == 0
    return out


@pytest.fixture(scope="session")
def condensed(toy: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PRISM, one video per class."""
    out = tmp_path_factory.mktemp("cli-set") / "set"
    assert main(["condense", str(toy), "--out", str(out), "--cache-dir", str(cache), *QUICK]) == 0
    return out
