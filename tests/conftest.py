"""What every test may use."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from torch.distributed import TCPStore

from vidcondense.distributed import Ranks, join_ranks

# One machine, one result: no deadline (machines are shared), the same examples every time.
settings.register_profile("vidcondense", deadline=None, derandomize=True)
settings.load_profile("vidcondense")

torch.set_num_threads(1)  # tests run side by side


def _stay_at_home(event: str, arguments: tuple[object, ...]) -> None:
    """No test talks to another machine."""
    if event == "socket.connect":
        made, address = arguments
        assert isinstance(made, socket.socket)
        if made.family != socket.AF_UNIX and not str(address).startswith(("('127.", "('::1'")):
            raise RuntimeError(f"a test connects to {address}")


sys.addaudithook(_stay_at_home)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a GPU is skipped without one."""
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("cuda"):
            item.add_marker(pytest.mark.skip(reason="no GPU here"))


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


class MemoryClips:
    """Random real clips in memory: what `condense` asks for, without files.

    Class k's clips are brighter than those of class k - 1, so that there is something to match.
    """

    def __init__(self, num_classes: int = 2, per_class: int = 5, num_frames: int = 8, size: int = 44) -> None:
        stream = torch.Generator().manual_seed(0)
        self.classes = tuple(f"class {label}" for label in range(num_classes))
        self.labels = torch.arange(num_classes).repeat_interleave(per_class)
        self.shape = (num_frames, 3, size, size)
        self.flip = False
        self.mean, self.std = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.25, 0.3])
        noise = torch.rand(len(self.labels), *self.shape, generator=stream)
        brightness = (self.labels + 1) / (num_classes + 1)
        self.pixels = ((noise + brightness[:, None, None, None, None]) / 2 * 255).round() / 255

    def __len__(self) -> int:
        return len(self.labels)

    def indices_of(self, label: int) -> torch.Tensor:
        return (self.labels == label).nonzero().flatten()

    def batch(self, indices: Sequence[int] | torch.Tensor) -> torch.Tensor:
        shape = (3, 1, 1)
        return (self.pixels[indices] - self.mean.view(shape)) / self.std.view(shape)


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a rank ended: with a value, an error (its type and message), or without a word."""

    value: Any = None
    error: str = ""


def _be_rank(function: Callable[[Ranks], Any], timeout: float, pipe: Connection) -> None:
    try:
        with join_ranks(timeout) as ranks:
            ended = Ended(value=function(ranks))
    except Exception as error:
        ended = Ended(error=f"{type(error).__name__}: {error}")
    pipe.send(ended)


@pytest.fixture
def on_ranks(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Ended]]:
    """Call a function on several ranks, forks of this process, as torchrun would; tells how each ended."""

    def run(function: Callable[[Ranks], Any], size: int = 2, timeout: float = 60.0) -> list[Ended]:
        context = multiprocessing.get_context("fork")
        store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)  # as torchrun's agent has it
        together = {"WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": store.port}
        processes, pipes = [], []
        for rank in range(size):
            for name, value in {**together, "RANK": rank, "LOCAL_RANK": rank}.items():
                monkeypatch.setenv(name, str(value))
            monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
            ours, theirs = context.Pipe(duplex=False)
            processes.append(context.Process(target=_be_rank, args=(function, timeout, theirs)))
            processes[-1].start()
            theirs.close()
            pipes.append(ours)
        for name in [*together, "RANK", "LOCAL_RANK", "TORCHELASTIC_USE_AGENT_STORE"]:
            monkeypatch.delenv(name)
        try:
            return [_ended(pipe) for pipe in pipes]
        finally:
            for process in processes:
                process.kill()
                process.join()

    return run


def _ended(pipe: Connection) -> Ended:
    assert pipe.poll(200), "a rank hangs"
    try:
        ended: Ended = pipe.recv()
        return ended
    except EOFError:
        return Ended(error="died")


@pytest.fixture(scope="session")
def memory_clips() -> type[MemoryClips]:
    """The class, for tests to make clips of the sizes they want."""
    return MemoryClips


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Ray cluster of two workers of one core each, on this machine."""
    for name in ("raylet_start_wait_time_s", "worker_register_timeout_seconds"):  # machines are shared
        os.environ[f"RAY_{name}"] = "280"
    ray = pytest.importorskip("ray", reason="Ray is not installed (the extra `ray`)")
    ray.init(num_cpus=2, num_gpus=0, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray
    ray.shutdown()
