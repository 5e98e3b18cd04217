"""Mean features of real clips that are kept in files, so that one condensation computes them for all.

What real clips look like in a random network depends on the seed and not on how videos are learned. So sets
that differ in representation, initialisation, insertion, learning rate or, with one target a class, in their
number of videos meet the same means; and real clips are most of the work of distribution matching.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from vidcondense.checkpoint import load_checkpoint, save_checkpoint
from vidcondense.errors import FormatError
from vidcondense.files import canonical_json


class KeptMeans:
    """A folder of mean features; what is read from it has the bits that were computed.

    Args:
        folder: where they lie; any number of processes may read and write there.
        clips: what tells the real clips from others, as JSON.

    Attributes:
        seconds_saved: what computing all that was read had taken.
    """

    def __init__(self, folder: Path, clips: Mapping[str, Any]) -> None:
        self.folder = folder
        self.clips = dict(clips)
        self.seconds_saved = 0.0

    def get(self, matched: Mapping[str, Any], number: int, compute: Callable[[], Tensor]) -> Tensor:
        """The means in one network: from their file, or computed and kept. A damaged file is written anew.

        Args:
            matched: whatever else the means depend on, as JSON.
            number: of the network.
            compute: gives them, `[targets, features]`.
        """
        facts = canonical_json({"clips": self.clips, "matched": dict(matched)})
        name = hashlib.sha256(facts.encode()).hexdigest()[:32]
        path = self.folder / name / f"{number}.safetensors"
        if path.exists():
            try:
                tensors, state = load_checkpoint(path)
                self.seconds_saved += state["seconds"]
                return tensors["means"]
            except (FormatError, LookupError):
                pass
        start = time.perf_counter()
        means = compute()
        save_checkpoint(path, {"means": means}, {"seconds": time.perf_counter() - start})
        return means
