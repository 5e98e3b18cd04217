"""The command line in this process, or in a child of it that may be somebody else."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidcondense.cli.main import main

CLIP = ["--num-frames", "8", "--stride", "1", "--size", "44", "--workers", "0"]
TOY = ["--pairs", "1", "--train-per-class", "1", "--test-per-class", "1"]
TOY += ["--num-frames", "8", "--size", "44", "--workers", "0"]


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line of an error; fails where there is more, or a traceback."""
        assert "Traceback" not in self.err
        (line,) = (line for line in self.err.splitlines() if line.startswith("vidcondense: error: "))
        return line


def run(*arguments: object) -> Outcome:
    """A command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Outcome(code, out.getvalue(), err.getvalue())


def in_child(function: Callable[[], object]) -> object:
    """What a function returns, called in a forked child, which may change its user and limits for good."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "wb") as file:
                pickle.dump(function(), file)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        content = file.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the child ended with status {status}"
    return pickle.loads(content)


def become_nobody() -> None:
    """Root may do everything, so what permissions forbid is tested as somebody else."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


class Bench:
    """A folder to write to, whose state is brought back before every attempt."""

    def __init__(self, tmp_path: Path, words: dict[str, str]) -> None:
        self.here = tmp_path / "here"
        self.before = tmp_path / "before"
        self.words = {**words, "HERE": str(self.here)}
        self.here.mkdir()

    def arguments(self, command: Sequence[str]) -> list[str]:
        filled = []
        for word in command:
            for name, value in self.words.items():
                word = word.replace(name, value)
            filled.append(word)
        return filled

    def keep(self) -> None:
        shutil.copytree(self.here, self.before)

    def restore(self) -> None:
        shutil.rmtree(self.here)
        shutil.copytree(self.before, self.here)
        shutil.rmtree(self.here / "cache", ignore_errors=True)

    def results(self) -> dict[str, bytes]:
        """Content by path; of unfinished work nothing."""
        return {
            path.relative_to(self.here).as_posix(): path.read_bytes()
            for path in sorted(self.here.rglob("*"))
            if path.is_file() and not any(".partial" in part or part == "cache" for part in path.parts)
        }
