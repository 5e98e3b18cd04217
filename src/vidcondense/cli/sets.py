"""Condensed sets, and the real clips they are compared on: what the commands that measure have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vidcondense import rng
from vidcondense.cli.recorded import Recorded, recorded_of
from vidcondense.errors import DataError, UsageError
from vidcondense.files import canonical_json
from vidcondense.storage.condensed import CondensedDataset, load_condensed
from vidcondense.video.index import DataOptions, RealData
from vidcondense.video.layouts import Layout
from vidcondense.video.record import train_split_hash

Sets = Mapping[str, CondensedDataset]
"""Condensed sets by their paths as given."""


@dataclass(frozen=True, kw_only=True)
class ReadingArguments:
    """How real videos are read, where it is not as the sets recorded it."""

    other_data: bool = False
    """Take data whose training split is not the one the sets were condensed from."""

    layout: Layout | None = None
    """How files tell class and split (default: as recorded)."""

    fold: int | None = None
    """Official split to use (default: as recorded)."""

    list_file: tuple[Path, ...] = ()
    """Lists to use instead of the dataset's own, where the sets were made with such (no set records them)."""

    stride: int | None = None
    """Frames of the video from one frame of the clip to the next (default: as recorded)."""

    short: Literal["stride", "repeat", "loop", "reject"] | None = None
    """What to do with a video that is too short (default: as recorded)."""

    workers: int = -1
    """Processes that decode: -1 for one per core, 0 for none."""

    max_bad: float = 0.05
    """Share of unusable videos to accept (0 to 1); they are set aside and reported."""

    time_limit: float = 120.0
    """Seconds to spend on one video at most."""

    follow_symlinks: bool = False
    """Also read what links in the dataset point to outside of it."""

    cache_dir: Path | None = None
    """Folder for decoded clips; by default $VIDCONDENSE_CACHE, or the user's cache folder."""


@dataclass(frozen=True, kw_only=True)
class RealArguments(ReadingArguments):
    """Which real clips the sets are compared on."""

    data: Path
    """Folder of real videos, whose test split is used."""


def read_sets(paths: tuple[Path, ...], command: str) -> Sets:
    """The sets at `paths`. Raises `UsageError` without one, `FormatError` for what is none."""
    if not paths:
        raise UsageError(f"{command} needs at least one condensed set; see vidcondense {command} --help")
    return {str(path): load_condensed(path) for path in paths}


def common(sets: Sets, arguments: ReadingArguments) -> Recorded:
    """How to read the data for all sets: what they recorded, with what the arguments say instead.

    Raises:
        UsageError: they were made from clips read differently.
    """
    given = {
        name: value
        for name in ("layout", "fold", "stride", "short")
        if (value := getattr(arguments, name)) is not None
    }
    shared = DataOptions(
        workers=arguments.workers,
        max_bad=arguments.max_bad,
        cache_dir=arguments.cache_dir,
        time_limit=arguments.time_limit,
        follow_symlinks=arguments.follow_symlinks,
        list_file=arguments.list_file,
    )
    first, *others = [(name, recorded_of(clips, given, shared)) for name, clips in sets.items()]
    for name, other in others:
        if differing := first[1].differences(other):
            raise UsageError(
                f"{first[0]} and {name} were made from clips read differently ({'; '.join(differing)}); "
                "evaluate them one at a time"
            )
    return first[1]


def check_belong(sets: Sets, real: RealData, arguments: ReadingArguments) -> None:
    """Raise `DataError` unless the sets were made from the training split of `real`."""
    check_classes(sets, real)
    if not arguments.other_data:
        _check_training_clips(sets, real)


def check_classes(sets: Sets, real: RealData) -> None:
    """Raise `DataError` unless the sets have the classes of `real`."""
    for name, clips in sets.items():
        if clips.classes != real.test.classes:
            only_set = [each for each in clips.classes if each not in real.test.classes]
            only_data = [each for each in real.test.classes if each not in clips.classes]
            raise DataError(
                f"{name} has {len(clips.classes)} classes, --data {len(real.test.classes)} "
                f"(only in the set: {', '.join(only_set[:3]) or 'none'}; "
                f"only in the data: {', '.join(only_data[:3]) or 'none'}); give the data it was made from"
            )


def _check_training_clips(sets: Sets, real: RealData) -> None:
    """A set that was made from other training clips may have been made from test clips, too."""
    for name, clips in sets.items():
        recorded = clips.manifest["data"].get("train_split")
        if recorded is not None and recorded != train_split_hash(real.listing):
            raise DataError(
                f"the training videos in --data are not those {name} was made from (files came, went or were "
                "renamed, or the split is another): test videos may have been condensed from; "
                "condense again, or say --other-data"
            )


def seed_of(clips: CondensedDataset, seed: int) -> int:
    """A seed for every condensation seed: a repeat is a new condensation and new networks."""
    return rng.derive_seed(seed, "set", clips.manifest["seed"])


def seed_groups(sets: Sets) -> dict[str, list[str]]:
    """Sets of one recipe and several seeds: their names, by a name for the group."""
    by_recipe: dict[str, list[str]] = {}
    for name, clips in sets.items():
        by_recipe.setdefault(_recipe(clips), []).append(name)
    groups: dict[str, list[str]] = {}
    for members in by_recipe.values():
        seeds = {sets[member].manifest["seed"] for member in members}
        if len(members) > 1 and len(seeds) == len(members):
            name = f"{sets[members[0]].manifest['method']}: {len(members)} seeds"
            while name in groups:  # another recipe of the same method
                name += "′"
            groups[name] = members
    return groups


def _recipe(clips: CondensedDataset) -> str:
    """All that makes a set what it is, its seed aside, and those of the sets that it was derived from."""
    manifest = clips.manifest
    parts = (
        manifest["method"],
        _without_seeds(manifest["options"]),
        manifest["labelling"],
        manifest["classes"],
        manifest["shape"],
        manifest["codec"],
    )
    return canonical_json([*parts, manifest["data"], manifest["versions"]])


def _without_seeds(options: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Options without seeds, and without hashes, which differ where seeds do."""
    if isinstance(options, list):
        return [_without_seeds(each) for each in options]
    if not isinstance(options, dict):
        return options
    return {name: _without_seeds(value) for name, value in options.items() if name not in ("seed", "sha256")}
