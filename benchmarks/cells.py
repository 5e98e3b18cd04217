"""What the benchmarks share: cells that are computed once and kept, and published with machine and date.

A cell is one condensation with its evaluation. Its result is a JSON file under `runs/benchmarks/`; a cell
that is there is not computed again, so an interrupted benchmark goes on where it stopped. Published cells are
kept in `results/cells/`, so that it also goes on in another clone, on another day or machine.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import json
import os
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vidcondense.evaluation.statistics import deviation, mean, paired_difference, t_interval
from vidcondense.files import locked, make_folder, write_bytes, write_file, write_json
from vidcondense.options import as_json
from vidcondense.speed.machine import machine

ROOT = Path(__file__).parent.parent
RUNS = ROOT / "runs" / "benchmarks"
RESULTS = ROOT / "benchmarks" / "results"


def ucf101_5() -> Path:
    """The folder of the 400 real clips, or a clear end."""
    folder = Path(os.environ.get("UCF101_5", ROOT.parent / "shared" / "data" / "ucf101-5")).absolute()
    if not folder.is_dir():
        raise SystemExit(f"skipped: the ucf101-5 clips are not at {folder}; set UCF101_5")
    return folder


def cell(benchmark: str, name: str, compute: Callable[[], dict[str, Any]] | None) -> dict[str, Any] | None:
    """The result of a cell, computed unless it is there; None where it is not and `compute` is None."""
    restore(benchmark)
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


def known_cells(benchmark: str) -> list[dict[str, Any]]:
    """The results of all cells that are computed by now."""
    restore(benchmark)
    return [json.loads(path.read_text()) for path in sorted((RUNS / benchmark).glob("*.json"))]


def compute_cells(benchmark: str, work: Mapping[str, Callable[[], dict[str, Any]]]) -> None:
    """Compute the cells that are not there, but those that another process is at."""
    for name, compute in work.items():
        with _claimed(benchmark, name) as free:
            if free:
                cell(benchmark, name, compute)


def sets_of(plan: str, folders: Mapping[str, str], seeds: Iterable[int]) -> Iterator[tuple[str, int, Path]]:
    """The sets that a plan condensed on this machine, `(name, seed, folder)`; it tells which are missing.

    Args:
        plan: its name.
        folders: of each set by name, in the plan's folder of sets, with `{}` for the seed.
        seeds: of the condensations.
    """
    for seed, (name, folder) in itertools.product(seeds, folders.items()):
        path = RUNS / plan / "sets" / folder.format(seed)
        if path.is_dir():
            yield name, seed, path
        else:
            print(f"left out: {path} is not there")


@contextlib.contextmanager
def _claimed(benchmark: str, name: str) -> Iterator[bool]:
    """Whether a cell is this process's to compute: not where another process is at it."""

    def refuse() -> None:
        raise BlockingIOError

    make_folder(RUNS / benchmark)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(RUNS / benchmark / f".{name}.lock", refuse))
        except BlockingIOError:
            yield False
        else:
            yield True


def over_repeats(own: Mapping[int, float | None], base: Mapping[int, float | None] | None) -> dict[str, Any]:
    """Mean accuracy, deviation and interval over repeats; the difference to a baseline on the same ones.

    Args:
        own: the accuracy of each repeat; None where nothing came of it.
        base: likewise, of the baseline; None for the baseline itself.
    """
    values = [value for value in own.values() if value is not None]
    shared = sorted(own.keys() & (base or {}).keys())
    pairs = paired_difference([own[each] for each in shared], [(base or {})[each] for each in shared])
    return {
        "accuracy": mean(values),
        "std": deviation(values),
        "interval": t_interval(values),
        "difference": as_json(pairs) if shared else None,
    }


def accuracy_text(row: Mapping[str, Any]) -> str:
    """The mean accuracy of a row in percent, or that nothing came of it."""
    return "failed" if row["accuracy"] is None else f"{100 * row['accuracy']:.1f}"


def judge_text(judge: Mapping[str, Any]) -> str:
    """How judging networks were trained, by the options of `evaluate`."""
    clips = "augmented" if judge["augment"] else "plain"
    return f"{judge['steps']} steps at {judge['lr']} on {clips} clips"


def publish(benchmark: str, result: dict[str, Any], cells: Sequence[str] = ("*.json",)) -> None:
    """Write `benchmarks/results/<benchmark>.json`, and keep its cells, the files `cells` of its folder."""
    write_json(RESULTS / f"{benchmark}.json", {"benchmark": benchmark, "machine": machine(), **result})
    folder = RUNS / benchmark
    paths = sorted(itertools.chain.from_iterable(map(folder.glob, cells)))
    if paths:
        write_file(_archive(benchmark), functools.partial(_pack, folder, paths))


@functools.cache
def restore(benchmark: str) -> None:
    """Lay the published cells of a benchmark among those computed here; one that is here stays as it is."""
    if not _archive(benchmark).exists():
        return
    with tarfile.open(_archive(benchmark)) as archive:
        for member in archive:
            path, content = RUNS / benchmark / member.name, archive.extractfile(member)
            if content is not None and not path.exists():
                write_bytes(path, content.read())


def _archive(benchmark: str) -> Path:
    return RESULTS / "cells" / f"{benchmark}.tar.xz"


def _pack(folder: Path, paths: Sequence[Path], out: Path) -> None:
    """Equal cells give equal bytes: no times, no owners."""
    with tarfile.open(out, "w:xz", preset=9) as archive:
        for path in paths:
            member, content = tarfile.TarInfo(path.relative_to(folder).as_posix()), path.read_bytes()
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
