"""Randomness: every random choice has a stream of its own, named, and nothing touches the global state.

A stream is found from (seed, name, indices) alone: not from what was drawn before, from a clock, or from the
process. So a run can resume at any iteration, and a worker or a rank draws only what it needs.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

import torch

from vidcondense.errors import UsageError

MAX_SEED = 2**63 - 1


def check_seed(seed: int) -> int:
    """Return `seed`, or raise `UsageError` unless it is from 0 to 2^63 - 1."""
    if not 0 <= seed <= MAX_SEED:
        raise UsageError(f"--seed {seed} is out of range; use 0 to {MAX_SEED}")
    return seed


def derive_seed(seed: int, stream: str, *indices: int) -> int:
    """A seed (0 to 2^63 - 1) for the stream `stream` at `indices`, by SHA-256."""
    text = "/".join([str(seed), stream, *map(str, indices)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") & MAX_SEED


def generator(seed: int, stream: str, *indices: int) -> torch.Generator:
    """A CPU generator for the stream `stream` at `indices` (iteration, class, worker, …)."""
    return torch.Generator().manual_seed(derive_seed(seed, stream, *indices))


@contextlib.contextmanager
def isolated(seed: int, device: torch.device) -> Iterator[None]:
    """Run code that can only draw from torch's global state (weight initialisation, dropout) from `seed`.

    The global state of the CPU and of `device` is put back afterwards.
    """
    on_gpu = device.type == "cuda"
    with torch.random.fork_rng([device] if on_gpu else []):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed every GPU as well
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
