"""What the benchmarks share: cells that are computed once and kept, and published with machine and date.

A cell is one condensation with its evaluation. Its result is a JSON file under `runs/benchmarks/`; a cell
that is there is not computed again, so an interrupted benchmark goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vidcondense.files import locked, make_folder, write_json
from vidcondense.speed.machine import machine

ROOT = Path(__file__).parent.parent
RUNS = ROOT / "runs" / "benchmarks"
RESULTS = ROOT / "benchmarks" / "results"


def ucf101_5() -> Path:
    """The folder of the 400 real clips, or a clear end."""
    folder = Path(os.environ.get("UCF101_5", ROOT.parent / "shared" / "data" / "ucf101-5"))
    if not folder.is_dir():
        raise SystemExit(f"skipped: the ucf101-5 clips are not at {folder}; set UCF101_5")
    return folder


def cell(benchmark: str, name: str, compute: Callable[[], dict[str, Any]] | None) -> dict[str, Any] | None:
    """The result of a cell, computed unless it is there; None where it is not and `compute` is None."""
    path = RUNS / benchmark / f"{name}.json"
    if path.exists():
        return dict(json.loads(path.read_text()))
    if compute is None:
        return None
    start = time.perf_counter()
    result = {**compute(), "cell": name, "seconds": round(time.perf_counter() - start, 1)}
    write_json(path, result)
    print(f"{benchmark}/{name}: {result['seconds']} s", flush=True)
    return result


@contextlib.contextmanager
def claimed(benchmark: str, name: str) -> Iterator[bool]:
    """Whether a cell is this process's to compute: not where another process is at it."""

    def refuse() -> None:
        raise BlockingIOError

    make_folder(RUNS / benchmark)
    try:
        with locked(RUNS / benchmark / f".{name}.lock", refuse):
            yield True
    except BlockingIOError:
        yield False


def publish(benchmark: str, result: dict[str, Any]) -> None:
    """Write `benchmarks/results/<benchmark>.json`."""
    write_json(RESULTS / f"{benchmark}.json", {"benchmark": benchmark, "machine": machine(), **result})
