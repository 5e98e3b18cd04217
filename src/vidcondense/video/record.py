"""What a condensed set's manifest says of its data."""

from __future__ import annotations

import hashlib
from typing import Any

from vidcondense.files import canonical_json
from vidcondense.options import as_json
from vidcondense.video.index import DataOptions, RealData
from vidcondense.video.listing import Listing
from vidcondense.video.sampling import ClipOptions


def recorded_data(real: RealData, data: DataOptions, clip: ClipOptions) -> dict[str, Any]:
    """Enough to read the same clips again, and no paths."""
    return {
        "layout": real.listing.layout,
        "fold": real.listing.fold,
        "split_seed": data.split_seed,
        "test_fraction": data.test_fraction,
        # Named, so that the same part can be read again wherever a file of class names was.
        "classes": list(real.listing.classes) if data.classes or data.classes_file else None,
        "max_per_class": data.max_per_class,
        "flip": data.flip,
        "train_split": train_split_hash(real.listing),
        "train_clips": len(real.train),
        **as_json(clip),
    }


def train_split_hash(listing: Listing) -> str:
    """The sha256 of which videos are for training, and of which class."""
    listed = [[record.path, record.label] for record in listing.records if record.split == "train"]
    return hashlib.sha256(canonical_json(listed).encode()).hexdigest()
