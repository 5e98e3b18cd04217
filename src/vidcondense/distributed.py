"""Several processes on one piece of work: the only place that talks to `torch.distributed`.

`torchrun` starts the processes and tells each its number, its rank. What they share goes over gloo, and over
NCCL where it lies on GPUs. The rank that fails first leaves its reason in the store that torchrun keeps; the
others see the connection end, and fail with that reason.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
import torch.distributed.nn.functional  # before any group: imported later, it would keep one (`join_ranks`)
from torch import Tensor
from torch.distributed import Store  # type: ignore[attr-defined]
from torch.distributed.rendezvous import rendezvous

from vidcondense.errors import RankError, UsageError
from vidcondense.launch import num_ranks

T = TypeVar("T")

RANK_TIMEOUT = 1800.0
"""Seconds to wait for another rank, at most, unless the user says otherwise."""

_FAILURE = "vidcondense/failure"
_LAST_WORDS_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """This process among those that work together.

    Every method but `share` and `shares` is called by all ranks, in the same order. With a single process
    each gives back what it was given.

    Args:
        rank: the number of this process, from 0.
        size: how many there are.
        local: its number on this machine, from 0; it chooses the GPU.
        store: small values that torchrun keeps for all ranks; None for a single process.
        timeout: seconds to wait for another rank, at most.
    """

    rank: int = 0
    size: int = 1
    local: int = 0
    store: Store | None = None
    timeout: float = RANK_TIMEOUT

    @property
    def first(self) -> bool:
        """Whether this is rank 0, which alone writes files and prints."""
        return self.rank == 0

    def share(self, count: int) -> range:
        """The numbers below `count` that this rank works on: a run of them, as many as others have, ±1."""
        return self.shares(count)[self.rank]

    def shares(self, count: int) -> list[range]:
        """The `share` of every rank."""
        ends = [rank * count // self.size for rank in range(self.size + 1)]
        return [range(*both) for both in itertools.pairwise(ends)]

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum of everybody's `tensor`, of one shape; it takes the place of `tensor`."""
        if self.size > 1:
            with self._explaining():
                dist.all_reduce(tensor)
        return tensor

    def largest(self, *values: int) -> tuple[int, ...]:
        """For each of `values` the largest of everybody's."""
        if self.size == 1:
            return values
        tensor = torch.tensor(values)
        with self._explaining():
            dist.all_reduce(tensor, dist.ReduceOp.MAX)
        return tuple(tensor.tolist())

    def exchange(self, value: T) -> list[T]:
        """Everybody's `value`, by rank; for small ones, which pickle can carry."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        with self._explaining():
            dist.all_gather_object(values, value)
        return values

    def collect(self, tensor: Tensor, lengths: Sequence[int]) -> Tensor:
        """At rank 0 everybody's rows, one below the other, on the CPU; elsewhere what was given.

        Args:
            tensor: `[L, …]`, of this rank.
            lengths: L of each rank.
        """
        if self.size == 1:
            return tensor
        tensor = tensor.detach().cpu().contiguous()
        with self._explaining():
            if not self.first:
                dist.send(tensor, 0)
                return tensor
            parts = [tensor]
            for rank in range(1, self.size):
                parts.append(torch.empty(lengths[rank], *tensor.shape[1:], dtype=tensor.dtype))
                dist.recv(parts[-1], rank)
        return torch.cat(parts)

    def wait(self) -> None:
        """Go on only when all ranks have come here."""
        self.largest(0)

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        """Say why what needs all ranks could not be done."""
        try:
            yield
        except RuntimeError as error:
            raise RankError(self._reason(error)) from error

    def _reason(self, error: RuntimeError) -> str:
        deadline = time.monotonic() + _LAST_WORDS_SECONDS
        with contextlib.suppress(RuntimeError):  # the store may have died with its rank
            while self.store is not None and time.monotonic() < deadline:
                if self.store.check([_FAILURE]):
                    reason: str = self.store.get(_FAILURE).decode()
                    return reason
                time.sleep(0.05)
        if "imed out" in str(error):
            return f"another rank did not answer within {self.timeout:g} seconds (see --rank-timeout)"
        cause = str(error).splitlines()[0]
        return f"another rank ended without giving a reason, perhaps killed for want of memory ({cause})"


ALONE = Ranks()
"""A single process."""


@contextlib.contextmanager
def join_ranks(timeout: float = RANK_TIMEOUT) -> Iterator[Ranks]:
    """This process among those that torchrun started; `ALONE` where it started no others.

    Inside, an exception ends the work of all ranks: the others fail with its message.

    Behind it no thread of gloo is left: one that drops its last tensor while Python shuts down aborts the
    process, when all its work is done. `torch.distributed.nn.functional`, which `torch._dynamo` imports,
    keeps the group of its import in its default arguments, and so its threads; it is imported above, before
    there is a group.

    Args:
        timeout: seconds to wait for another rank, at most.

    Raises:
        UsageError: the environment is not that of torchrun.
        RankError: the other ranks are not there.
    """
    if num_ranks() == 1:
        yield ALONE
        return
    if missing := [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]:
        raise UsageError(
            f"WORLD_SIZE={num_ranks()} but no {', '.join(missing)} in the environment; start with torchrun"
        )
    limit = timedelta(seconds=timeout)
    try:
        store, rank, size = next(rendezvous("env://", timeout=limit))
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=limit)
    except (RuntimeError, ValueError) as error:
        raise RankError(f"the ranks cannot find each other: {str(error).splitlines()[0]}") from error
    local = int(os.environ.get("LOCAL_RANK", rank))
    try:
        yield Ranks(rank=rank, size=size, local=local, store=store, timeout=timeout)
    except RankError:
        raise
    except BaseException as error:
        with contextlib.suppress(RuntimeError):
            store.compare_set(_FAILURE, "", f"rank {rank} failed: {error or type(error).__name__}")
        raise
    finally:
        dist.destroy_process_group()
