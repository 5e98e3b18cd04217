"""One cell: condense with one seed, store by every codec, judge by every network."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import msgspec

from vidcondense import __version__, rng
from vidcondense.assembly import followed_experts, follows_experts
from vidcondense.comparison.plan import Entrant
from vidcondense.compute import Compute, versions_of
from vidcondense.condensation import condense
from vidcondense.errors import DataError, FormatError, OutputError
from vidcondense.estimation import peak_gpu_mb, peak_memory_mb
from vidcondense.evaluation.evaluate import evaluate
from vidcondense.evaluation.protocol import OLDER_JUDGE, EvaluateOptions
from vidcondense.evaluation.results import as_dict
from vidcondense.events import Listener, ignore, read_events
from vidcondense.files import read_json, write_json, writing
from vidcondense.interfaces import ClipSource
from vidcondense.matching.kept_means import KeptMeans
from vidcondense.options import as_json, changed_fields, without_former
from vidcondense.recipe import OF_THE_MACHINE, Recipe, recipe_text, to_keys
from vidcondense.settings import CondenseOptions
from vidcondense.storage.condensed import CondensedDataset, load_condensed
from vidcondense.storage.key_frames import KIND as KEY_FRAMES
from vidcondense.storage.labels import HARD
from vidcondense.storage.recode import recode
from vidcondense.storage.workspace import CHECKPOINT, LOG
from vidcondense.training.trajectories import Experts
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.folds import fold_name, training_folds
from vidcondense.video.index import DataOptions, load_data, read_listing
from vidcondense.video.record import recorded_data, train_split_hash

EXACT = "float32"
"""The codec a set is kept in when it is wanted in several."""

_MAX_RESULT = 2**30

Cell = dict[str, Any]
"""The result of a cell, a JSON object: what was asked, what it cost, and an entry for every row it is in."""


@dataclass(frozen=True, kw_only=True)
class _Entry:
    codec: str | None
    model: str
    evaluation: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What is relied on of a cell that was computed earlier."""

    recipe: dict[str, Any]
    evaluate: dict[str, Any]
    folds: int | None
    entries: list[_Entry]
    train_split: str | None = None


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a comparison works.

    Args:
        data: the folder of real videos.
        out: the folder of the comparison.
        folds: None: cells are judged on the test split; else on folds of the training clips (see `Plan`).
        reading: what belongs to the machine in how videos are read: workers, cache, limits.
        share_means: keep mean features of real clips for the other cells of a seed.
    """

    data: Path
    out: Path
    reading: DataOptions
    folds: int | None = None
    share_means: bool = True

    @property
    def means(self) -> Path:
        """The folder of mean features of real clips."""
        return self.out / "means"

    def result(self, cell: str) -> Path:
        """The result of a cell."""
        return self.out / "cells" / f"{cell}.json"

    def set(self, cell: str, codec: str) -> Path:
        """The condensed set of a cell in a codec."""
        return self.out / "sets" / cell / codec

    def train_split(self, reading: DataOptions) -> str:
        """The sha256 of which videos are for training, where they are read so.

        Raises:
            DataError: the folder is no dataset.
        """
        if reading not in self._train_splits:
            _, listing = read_listing(self.data, _with_machine(reading, self.reading))
            self._train_splits[reading] = train_split_hash(listing)
        return self._train_splits[reading]

    @cached_property
    def _train_splits(self) -> dict[DataOptions, str]:
        return {}


def read_cell(place: Place, entrant: Entrant, seed: int) -> Cell | None:
    """What is known of a cell; None where it was never computed.

    Raises:
        FormatError: the file is damaged.
        OutputError: it was computed with other options, or from other training videos.
        DataError: the folder of real videos is no dataset.
    """
    name = entrant.cell_name(seed)
    path = place.result(name)
    if not os.path.lexists(path):
        return None
    advice = "delete it to compute the cell anew"
    found: Cell = read_json(path, _MAX_RESULT, dict, advice)
    try:
        before = as_json(msgspec.convert(found, _Known))
    except ValueError as error:
        raise FormatError(f"{path} is no result of a cell ({error}); {advice}") from error
    del before["entries"]
    split = before.pop("train_split")  # older results lack it
    asked = _asked(place, entrant, seed)
    before["recipe"] = as_now(before["recipe"], asked["recipe"], Recipe())
    before["evaluate"] = as_now(before["evaluate"], asked["evaluate"], OLDER_JUDGE)
    if (rate := _rate(found)) not in (None, entrant.evaluation.training.lr):
        before["evaluate"]["lr"] = rate  # the default was another
    if changed := changed_fields(before, asked):
        raise OutputError(
            f"{path} was computed with other options ({'; '.join(changed)}); "
            "use another --out, or --overwrite to compute it anew"
        )
    # Without the videos nothing can be computed, but results can be shown.
    known = split is not None and place.data.exists()
    if known and split != place.train_split(entrant.recipe.reading):
        raise OutputError(
            f"{path} was computed from other training videos than those of {place.data}; use another --out"
        )
    return found


def forget_cell(place: Place, cell: str) -> None:
    """Remove the result of a cell, and its condensed sets, finished or not.

    Raises:
        OutputError: they cannot be removed.
    """
    sets = place.out / "sets" / cell
    with writing(sets):
        place.result(cell).unlink(missing_ok=True)
        if sets.exists():
            shutil.rmtree(sets)


Key = tuple[str | None, str, str]
"""What tells the entries of a cell apart: codec, model and labels."""


def keys(entrant: Entrant) -> list[Key]:
    """What the entries of its cells are."""
    return list(itertools.product(entrant.codecs or (None,), entrant.models, entrant.labels))


def key_of(entry: Mapping[str, Any]) -> Key:
    """What an entry is; an older one is of hard labels."""
    return entry["codec"], entry["model"], str(entry.get("labels", HARD))


def missing(entrant: Entrant, cell: Cell | None) -> list[Key]:
    """The entries of a cell that are not computed yet."""
    done = {key_of(entry) for entry in cell["entries"]} if cell else set()
    return [key for key in keys(entrant) if key not in done]


def run_cell(
    place: Place, entrant: Entrant, seed: int, *, compute: Compute, listener: Listener = ignore
) -> Cell:
    """Compute what is missing of a cell, and keep its result. An interrupted condensation goes on.

    Raises:
        VidcondenseError: whatever condensing and evaluating raise.
    """
    cell = read_cell(place, entrant, seed)
    todo = missing(entrant, cell)
    if cell and not todo:
        return cell
    options = replace(entrant.evaluation, seed=rng.derive_seed(entrant.evaluation.seed, "set", seed))
    train, test, record = _clips(place, entrant.recipe, options, seed, listener)
    cell = cell or {
        "cell": entrant.cell_name(seed),
        "seed": seed,
        **_asked(place, entrant, seed),
        "train_split": record["train_split"],
        "vidcondense": __version__,
        "seconds_condense": None,
        "seconds_saved": 0.0,
        "entries": [],
    }
    for codec, model, labels in todo:
        clips: ClipSource = train
        entry: dict[str, Any] = {"codec": codec, "model": model, "labels": labels}
        if codec is not None:
            means = KeptMeans(place.means, record) if place.share_means else None
            make = partial(_make, train, record, means, compute=compute, listener=listener)
            made, seconds = _set(place, entrant, seed, codec, make)
            _check_set(made, _made_by(place, entrant.recipe, seed, codec).condense, record)
            if seconds is not None:  # what it takes alone, in whatever order the cells are computed
                saved = means.seconds_saved if means else 0.0
                cell |= {"seconds_condense": round(seconds + saved, 1), "seconds_saved": round(saved, 3)}
            clips = made if labels == HARD else made.own_labelled()
            entry |= _sizes(made, log=_log_of(place, entrant, seed, codec))
        start = time.perf_counter()
        judged = evaluate(clips, test, replace(options, model=model), compute=compute, listener=listener)
        cell["entries"].append(
            {
                **entry,
                "judged_with": versions_of(compute),
                "seconds_evaluate": round(time.perf_counter() - start, 1),
                "evaluation": as_dict(judged),
            }
        )
        cell |= {"peak_memory_mb": peak_memory_mb(), "peak_gpu_mb": peak_gpu_mb(compute)}
        write_json(place.result(cell["cell"]), cell)
    return cell


def _clips(
    place: Place, recipe: Recipe, options: EvaluateOptions, seed: int, listener: Listener
) -> tuple[ClipDataset, ClipDataset, dict[str, Any]]:
    """The clips to condense, the clips to judge on, and what a manifest says of the former."""
    reading = _with_machine(recipe.reading, place.reading)
    real = load_data(place.data, reading, recipe.clip, listener=listener)
    judging = load_data(place.data, reading, options.test_clips(recipe.clip), listener=listener)
    record = recorded_data(real, reading, recipe.clip)
    if place.folds is None:
        return real.train, judging.test, record
    fold = training_folds(real.train, place.folds)[seed % place.folds]
    held_out = {real.train.paths[index] for index in fold.held_out}
    # A video that was set aside in one of the two readings only would move the indices of all after it.
    judged = [index for index, path in enumerate(judging.train.paths) if path in held_out]
    return real.train.subset(fold.kept), judging.train.subset(judged), {**record, **fold.record}


def _asked(place: Place, entrant: Entrant, seed: int) -> dict[str, Any]:
    """What a cell was computed with: the codec and the model aside, which its entries name."""
    recipe, judge = to_keys(_seeded(entrant.recipe, seed)), to_keys(entrant.evaluation)
    return {
        "recipe": {key: value for key, value in recipe.items() if key != "codec"}
        if entrant.condensed
        else {},
        "evaluate": {key: value for key, value in judge.items() if key != "model"},
        "folds": place.folds,
    }


def _rate(found: Cell) -> float | None:
    """The learning rate of a cell's networks; None where it does not say."""
    try:
        return float(found["entries"][0]["evaluation"]["training"]["lr"])
    except (LookupError, TypeError, ValueError):
        return None


def as_now(
    before: dict[str, Any], asked: dict[str, Any], defaults: Recipe | EvaluateOptions
) -> dict[str, Any]:
    """Options by key as an earlier version wrote them, with the keys of today.

    Those of `asked` that came to be since had no other value then than in `defaults`.
    """
    usual = to_keys(defaults)
    return {**{key: usual[key] for key in asked if key in usual}, **without_former(before)}


def _seeded(recipe: Recipe, seed: int, codec: str | None = None) -> Recipe:
    codec = recipe.condense.codec if codec is None else codec
    return replace(recipe, condense=replace(recipe.condense, seed=seed, codec=codec))


def _made_by(place: Place, recipe: Recipe, seed: int, codec: str) -> Recipe:
    """The recipe of a cell's set; by cross-validation it follows the experts of its fold."""
    made = _seeded(recipe, seed, codec)
    if place.folds is None or not follows_experts(made.condense):
        return made
    match = made.condense.match
    trajectory = replace(match.trajectory, experts=_experts(place, made, seed % place.folds))
    return replace(made, condense=replace(made.condense, match=replace(match, trajectory=trajectory)))


def check_experts(place: Place, entrant: Entrant, seed: int) -> None:
    """Raise `DataError` where a cell's fold lacks the experts that its set would follow."""
    if entrant.condensed:
        _made_by(place, entrant.recipe, seed, entrant.codecs[0])


def _experts(place: Place, recipe: Recipe, fold: int) -> Path | None:
    """The folder of those that have not seen what a fold holds out."""
    match, folds = recipe.condense.match, place.folds
    folder = match.trajectory.experts
    if folder is None or folds is None:
        return folder  # which is refused with its reason when the set is made
    own = folder / fold_name(fold, folds)
    if not own.is_dir():
        raise DataError(
            f"{own} is missing: experts of all training clips have seen those that are held out; make them "
            f"from the same clips: vidcondense experts {place.data} --out {folder} --model {match.model} "
            f"--folds {folds}"
        )
    held_out = Experts(own).record.data.get("held_out_fold")
    if held_out != [fold, folds]:
        raise DataError(f"the experts in {own} were not made for fold {fold} of {folds} but {held_out}")
    return own


def _with_machine(reading: DataOptions, machine: DataOptions) -> DataOptions:
    return replace(reading, **{name: getattr(machine, name) for name in OF_THE_MACHINE})


Make = Callable[[Recipe, Path], tuple[CondensedDataset, float | None]]
"""Makes the set of a recipe at a path; and the seconds it took, None where an older run had begun it."""


def _set(
    place: Place, entrant: Entrant, seed: int, codec: str, make: Make
) -> tuple[CondensedDataset, float | None]:
    """The set of a cell in a codec, and the seconds it took where it had to be made."""
    out = place.set(entrant.cell_name(seed), codec)
    if out.exists():
        return load_condensed(out), None
    options = entrant.recipe.condense
    # What is learned for its codec, or stored in fewer levels, has no exact form that codecs could share.
    shared = len(entrant.codecs) > 1 and not options.codec_aware and options.bits == 8
    if shared and codec != EXACT:
        exact, seconds = _set(place, entrant, seed, EXACT, make)
        return recode(exact, out, codec, options.coding()), seconds
    return make(_made_by(place, entrant.recipe, seed, codec), out)


def _check_set(made: CondensedDataset, wanted: CondenseOptions, record: dict[str, Any]) -> None:
    """A set outlives the judging it was made for when that was interrupted, and the plan may change then."""
    try:
        options = msgspec.convert(
            made.manifest["options"], CondenseOptions, dec_hook=lambda _, value: Path(value)
        )
    except msgspec.ValidationError as error:
        raise FormatError(f"{made.folder} records options that make no sense ({error}); delete it") from error
    before = {**as_json(options), "data": made.manifest["data"]}
    asked = {**as_json(wanted), "data": {**record, **followed_experts(wanted)}}
    if changed := changed_fields(before, asked):
        raise OutputError(
            f"{made.folder} was made with other options ({'; '.join(changed)}); "
            "use another --out, or --overwrite to make it anew"
        )


def _make(
    train: ClipDataset,
    record: dict[str, Any],
    means: KeptMeans | None,
    recipe: Recipe,
    out: Path,
    *,
    compute: Compute,
    listener: Listener,
) -> tuple[CondensedDataset, float | None]:
    resume = (out.with_name(out.name + ".partial") / CHECKPOINT).is_file()
    start = time.perf_counter()
    made = condense(
        train,
        out,
        recipe.condense,
        data=record,
        recipe=recipe_text(recipe),
        resume=resume,
        compute=compute,
        means=means,
        listener=listener,
    )
    return made, None if resume else round(time.perf_counter() - start, 1)


def _log_of(place: Place, entrant: Entrant, seed: int, codec: str) -> Path:
    """The log of the condensation; a set that was stored again in another codec has none of its own."""
    name = entrant.cell_name(seed)
    own = place.set(name, codec) / LOG
    return own if own.exists() else place.set(name, EXACT) / LOG


def _sizes(made: CondensedDataset, log: Path) -> dict[str, Any]:
    return {
        "condensed_with": made.manifest["versions"],
        "videos": len(made),
        "clip_evaluations": _clip_evaluations(log),
        "key_frames": [len(row) for row in made.positions] if made.representation == KEY_FRAMES else [],
        "paper_mb": made.paper_mb,
        "bytes": made.bytes,
    }


def _clip_evaluations(log: Path) -> int | None:
    """How many clips, real and synthetic, went through a network while the set was learned or chosen."""
    if not log.exists():
        return None
    return sum(int(event.get("clips", 0)) for event in read_events(log))
