"""Many clips, bad ones among them, processes killed at random: nothing may be lost, and nothing may change.

A tree of generated clips (8 frames, 32×32, five classes), every tenth of them bad in one of 25 ways, is
indexed and condensed twice: once in peace, once with workers and the main process killed (SIGKILL) at
random times and started again. Caches and condensed sets must have the same bytes; every good clip must be
used, every bad one set aside for its reason; the second half of the clips must cost what the first did, and
the main process must not grow; no worker may outlive its killed parent. A killed worker's file is `crashed`;
such files are tried again by the next command, as always.

    python benchmarks/soak.py                          # 5 000 clips
    python benchmarks/soak.py --clips 200 --no-record  # a first look

Linux only, for `/proc`.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cells import ROOT, publish

sys.path += [str(ROOT / "tests" / "faults")]

import trust

from vidcondense import condensation
from vidcondense.condensation import condense
from vidcondense.events import Event, Listener, ignore
from vidcondense.files import sha256_of_file
from vidcondense.matching.options import MatchOptions
from vidcondense.media.encode import encode_h264
from vidcondense.settings import CondenseOptions
from vidcondense.storage.workspace import CHECKPOINT
from vidcondense.video.index import DataOptions, RealData, load_data
from vidcondense.video.sampling import ClipOptions
from ways import WAYS

NAME = "soak"
CLIPS, CLASSES, DIFFERENT = 5_000, 5, 50
CLIP = ClipOptions(num_frames=8, stride=1, size=44, short="reject")
OPTIONS = CondenseOptions(iterations=8, lr=1.0, match=MatchOptions(real_batch=4))
ROUNDS = 6
"""Of killing; what is not done then is done in peace."""


def main() -> int:
    """Soak."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=CLIPS, help="good and bad together")
    parser.add_argument("--seed", type=int, default=0, help="of the times at which processes are killed")
    parser.add_argument("--no-record", action="store_true", help="leave the result file and the page alone")
    options = parser.parse_args()
    torch.set_num_threads(1)  # the work is done in forks, and in a fork the threads of a pool are missing
    with tempfile.TemporaryDirectory() as scratch:
        found = soak(Path(scratch), options.clips, options.seed)
    print(json.dumps(found, indent=2))
    if not options.no_record:
        publish(NAME, {"settings": __doc__, **found})
        trust.write()
    return 0


def soak(scratch: Path, clips: int, seed: int) -> dict[str, Any]:
    """All of it in a folder; the figures.

    Raises:
        AssertionError: something was lost, changed, or left behind.
    """
    start = time.monotonic()
    root, stream = scratch / "videos", random.Random(seed)
    bad = make_tree(root, clips)
    calm, killed = scratch / "calm", scratch / "killed"
    notes = scratch / "notes"
    index_seconds = in_peace(index, root, calm, notes)
    figures = [json.loads(line) for line in notes.read_text().splitlines()]
    index_kills = with_kills(stream, index_seconds, index, root, killed, scratch / "other")
    data = settled(root, killed)
    check_nothing_lost(data, bad, clips)
    check_same(data.cache, load(root, calm).cache)
    condense_seconds = in_peace(make_set, root, calm, scratch / "calm-set")
    condense_kills = with_kills(stream, condense_seconds, make_set, root, killed, scratch / "killed-set")
    check_same(scratch / "killed-set", scratch / "calm-set", besides=("log.jsonl",))
    return {
        "clips": clips,
        "smaller_than_meant": clips < CLIPS,
        "bad": len(bad),
        "ways": len(set(bad.values())),
        "quarantined": dict(collections.Counter(item.code for item in data.quarantined)),
        "lost": 0,
        "same_cache": True,
        "same_set": True,
        "orphans": 0,
        **growth(figures),
        "index_kills": index_kills,
        "condense_kills": condense_kills,
        "seconds": round(time.monotonic() - start, 1),
    }


def make_tree(root: Path, clips: int) -> dict[str, str]:
    """Write clips, a fifth of them to test on; the path of every bad one, and its way."""
    good = [
        encode_h264(np.random.default_rng(seed).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8), crf=35)
        for seed in range(DIFFERENT)
    ]
    ways, made, bad = list(WAYS), {}, {}
    for number in range(clips):
        split = "test" if number // CLASSES % 5 == 0 else "train"
        path = root / split / f"class {number % CLASSES}" / f"{number:06d}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        if (number // 10 + number) % 10 != 0:
            # A box that says nothing, so that no two files are the same.
            path.write_bytes(good[number % DIFFERENT] + b"\0\0\0\x10free" + number.to_bytes(8, "big"))
            continue
        way = ways[(len(bad) + len(bad) // len(ways)) % len(ways)]  # each way in each class
        bad[path.relative_to(root).as_posix()] = way
        if way in made:
            path.write_bytes(made[way])
            continue
        WAYS[way][1](path)
        if path.is_file() and not path.is_symlink():
            made[way] = path.read_bytes()
    return bad


def load(root: Path, cache: Path, listener: Listener = ignore) -> RealData:
    data = DataOptions(workers=2, cache_dir=cache, max_bad=0.9)
    return load_data(root, data, CLIP, listener=listener)


def index(root: Path, cache: Path, notes: Path) -> None:
    """Index in this process and its workers; note after every hundredth of the clips what it took."""
    with notes.open("a") as file:

        def note(event: Event) -> None:
            if event["kind"] == "index" and event["done"] % max(1, event["total"] // 100) == 0:
                cpu = sum(map(cpu_seconds, [os.getpid(), *workers_of(os.getpid())]))
                file.write(json.dumps({**event, "cpu": cpu, "mib": resident_mib()}) + "\n")
                file.flush()

        load(root, cache, note)


def make_set(root: Path, cache: Path, out: Path) -> None:
    """Condense, going on where an earlier process was killed."""
    condensation._CHECKPOINT_SECONDS = 0.0  # a short run with many checkpoints, for a long one with some
    going_on = (out.with_name(f"{out.name}.partial") / CHECKPOINT).exists()
    condense(load(root, cache).train, out, OPTIONS, resume=going_on, overwrite=not going_on)


def in_peace(function: Callable[..., None], *arguments: Path) -> float:
    """Run a function in a process of its own; the seconds that took."""
    start = time.monotonic()
    child = Child.start(function, arguments)
    assert child.ended(None) == 0, f"{function.__name__} failed"
    return time.monotonic() - start


def with_kills(
    stream: random.Random, seconds: float, function: Callable[..., None], *arguments: Path
) -> dict[str, int]:
    """Run a function again and again, with kills at random times, until it has come to its end.

    Args:
        stream: of the times.
        seconds: about how long the function takes in peace.
        function: goes on where an earlier process was killed.
        arguments: its own.

    Returns:
        How many processes were killed.
    """
    kills = {"main": 0, "workers": 0}
    for _ in range(ROUNDS):
        child, begun = Child.start(function, arguments), time.monotonic()
        left = stream.uniform(0.15, 0.5) * seconds
        while (code := child.ended(stream.expovariate(20 / seconds))) is None:
            if time.monotonic() - begun > left:
                kills["main"] += child.kill()
                break
            kills["workers"] += child.kill_worker(stream)
        if code is not None:
            assert code == 0, f"{function.__name__} failed after {kills}"
            return kills
    in_peace(function, *arguments)
    return kills


@dataclass(frozen=True)
class Child:
    """A process with a session of its own, so that what it leaves behind can be seen."""

    pid: int

    @classmethod
    def start(cls, function: Callable[..., None], arguments: tuple[Path, ...]) -> Child:
        """Fork: everything is imported already."""
        sys.stdout.flush()
        if pid := os.fork():
            return cls(pid)
        code = 1
        try:
            os.setsid()
            function(*arguments)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def ended(self, seconds: float | None) -> int | None:
        """Wait for its end; its exit code, or None where it still runs. None of its workers may be left."""
        end = None if seconds is None else time.monotonic() + seconds
        while end is None or time.monotonic() < end:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self._check_no_orphans()
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        return None

    def kill(self) -> int:
        """Kill the main process alone; its workers must find out."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self._check_no_orphans()
        return 1

    def kill_worker(self, stream: random.Random) -> int:
        """Kill one of its workers, where it has any."""
        workers = workers_of(self.pid)
        if not workers:
            return 0
        try:
            os.kill(stream.choice(workers), signal.SIGKILL)
        except ProcessLookupError:
            return 0
        return 1

    def _check_no_orphans(self, seconds: float = 300.0) -> None:
        # One may wait a minute for a lock that a killed one held, and for a processor that others use.
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not any(_stat(int(path.name))[3] == self.pid for path in Path("/proc").glob("[0-9]*")):
                return
            time.sleep(0.1)
        raise AssertionError(f"workers outlive the killed process {self.pid}")


def _stat(pid: int) -> list[Any]:
    """`/proc/pid/stat` from the state on: state, parent, group, session …; zeros where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return [0] * 50
    return [fields[0], *map(int, fields[1:])]


def workers_of(pid: int) -> list[int]:
    """Its child processes."""
    pids = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return [each for each in pids if _stat(each)[1] == pid]


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has taken, children not included."""
    return sum(_stat(pid)[11:13]) / os.sysconf("SC_CLK_TCK")


def resident_mib() -> float:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def settled(root: Path, cache: Path) -> RealData:
    """Load until no file is `crashed` any more: what killed workers had in hand is tried again."""
    for _ in range(3):
        data = load(root, cache)
        if not any(item.code == "crashed" for item in data.quarantined):
            return data
    raise AssertionError("files of killed workers stay set aside")


def check_nothing_lost(data: RealData, bad: dict[str, str], clips: int) -> None:
    """Every clip is used, or set aside for the right reason."""
    used = {*data.train.paths, *data.test.paths}
    aside = {item.path: item.code for item in data.quarantined}
    assert aside == {path: WAYS[way][0] for path, way in bad.items()}, "set aside for another reason"
    assert not used & aside.keys()
    assert len(used) + len(aside) == clips, "clips are lost"


def check_same(one: Path, other: Path, besides: tuple[str, ...] = ()) -> None:
    """Two folders hold files of the same names and bytes."""
    hashes = [
        {path.name: sha256_of_file(path) for path in folder.iterdir() if path.name not in besides}
        for folder in (one, other)
    ]
    assert hashes[0] == hashes[1], f"{one} and {other} differ"


def growth(figures: list[dict[str, Any]]) -> dict[str, float]:
    """Processor time of a clip in each half of an index, and what its main process grew by.

    Memory counts from a quarter on: until then, the pool's queues fill.
    """
    total = figures[-1]["done"]
    first, quarter, middle, last = (
        next(each for each in figures if each["done"] >= share * total) for share in (0, 0.25, 0.5, 1)
    )
    halves = [
        (later["cpu"] - earlier["cpu"]) / max(later["done"] - earlier["done"], 1)
        for earlier, later in itertools.pairwise((first, middle, last))
    ]
    grown = last["mib"] - quarter["mib"]
    if total >= 1000:  # in fewer, one expensive file decides
        assert halves[1] < 1.5 * halves[0], f"{halves}: the second half takes longer"
        assert grown < 64, f"the main process grew by {grown} MiB"
    return {
        "ms_a_clip_first_half": round(1000 * halves[0], 2),
        "ms_a_clip_second_half": round(1000 * halves[1], 2),
        "mib_at_a_quarter": round(quarter["mib"], 1),
        "mib_at_the_end": round(last["mib"], 1),
    }


if __name__ == "__main__":
    sys.exit(main())
