"""How this process was started: alone, or by torchrun with others. Needs no torch: a start is light."""

from __future__ import annotations

import os


def num_ranks() -> int:
    """How many processes torchrun started to work together; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def num_local_ranks() -> int:
    """How many of them run on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if num_ranks() > 1 else 1


def is_first() -> bool:
    """Whether this process is rank 0, or alone."""
    return num_ranks() == 1 or os.environ.get("RANK") == "0"
