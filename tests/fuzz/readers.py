"""What is fuzzed with changed files: how each kind is read, as the toolkit reads it."""

from __future__ import annotations

import functools
import math
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

import seed_files
from mutations import mutate, mutate_json, mutate_safetensors
from seed_files import CHECKPOINT, COMPARED, CPU, LAYOUT, PLAN, RECIPE, VIDEO, Files
from vidcondense.checkpoint import load_checkpoint
from vidcondense.comparison.pareto import read_rows, rivals, to_cells
from vidcondense.comparison.plan import read_plan
from vidcondense.errors import VidcondenseError, VideoError
from vidcondense.media.decode import Decoded
from vidcondense.media.read import try_probe, try_read_clips
from vidcondense.media.source import Limits
from vidcondense.models.saved import load_network
from vidcondense.recipe import read_recipe, write_recipe
from vidcondense.report.accuracy import accuracy_charts, class_tables, confusions
from vidcondense.report.commands import evaluate_command
from vidcondense.report.curves import arrival_charts, training_charts
from vidcondense.report.results import read_results
from vidcondense.report.runs import read_runs
from vidcondense.storage.condensed import PAYLOAD, load_condensed
from vidcondense.storage.import_tensors import ImportOptions, import_tensors
from vidcondense.storage.manifest import MANIFEST
from vidcondense.training.trajectories import Experts
from vidcondense.video.layouts import parse
from vidcondense.video.listing import SplitRule, Tree
from vidcondense.video.sampling import ClipOptions, clip_indices
from vidcondense.video.tables import write_csv

_MOST = 2**22  # values of a clip that is rendered as well
_SEALED = 0.7  # share of the inputs whose hashes are made to fit

_Pick = functools.partial(clip_indices, options=ClipOptions(num_frames=4, stride=1, size=8), seed=0)


@dataclass(frozen=True, kw_only=True)
class FileTarget:
    """A kind of files, valid ones to start from, and how they are read.

    Attributes:
        seeds: valid inputs.
        read: reads a folder of them; errors of ours are its right, a crash is any other.
        seal: makes hashes fit what was changed, where there are any.
        fixed: names of files that are not changed.
    """

    seeds: list[Files]
    read: Callable[[Path], None]
    seal: Callable[[Files], Files] | None = None
    fixed: tuple[str, ...] = ()

    def make(self, seed: int, number: int) -> Files:
        """Input `number`: the same on every machine that makes the same seeds."""
        stream = random.Random(f"{seed} {number}")
        files = dict(stream.choice(self.seeds))
        names = [name for name in files if name not in self.fixed and files[name]]
        for name in stream.sample(names, 1 if stream.random() < 0.8 else len(names)):
            files[name] = self._change(name, files[name], stream)
        if self.seal is not None and stream.random() < _SEALED:
            files = self.seal(files)
        return files

    def attempt(self, seed: int, number: int) -> tuple[int, int]:
        """Read input `number`; how many inputs that was, and how many of them were accepted."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            for name, content in self.make(seed, number).items():
                (folder / name.replace("/", "\\")).write_bytes(content)
            try:
                self.read(folder)
            except VidcondenseError:
                return 1, 0
            return 1, 1

    def _change(self, name: str, content: bytes, stream: random.Random) -> bytes:
        others = [files[name] for files in self.seeds if files.get(name)]
        if name.endswith(".json") and stream.random() < 0.6:
            return mutate_json(content, stream)
        if (name.endswith(".safetensors") or name == CHECKPOINT) and stream.random() < 0.4:
            return mutate_safetensors(content, stream)
        return mutate(content, stream, others or [content])


def read_video(folder: Path) -> None:
    """All of it, only what is needed, and looked through; raises the reason of the first that fails."""
    path, reasons = folder / VIDEO, []
    for skim in (False, True):
        _check_clips(try_read_clips(path, 8, _Pick, Limits(), skim), reasons)
    probed = try_probe(path, Limits())
    reasons += [probed] if isinstance(probed, VideoError) else []
    if reasons:
        raise reasons[0]


def read_stills(folder: Path) -> None:
    reasons: list[VideoError] = []
    _check_clips(try_read_clips(folder, 8, lambda count: [[0, count - 1]], Limits()), reasons)
    probed = try_probe(folder, Limits())
    reasons += [probed] if isinstance(probed, VideoError) else []
    if reasons:
        raise reasons[0]


def _check_clips(result: Decoded | VideoError, reasons: list[VideoError]) -> None:
    if isinstance(result, VideoError):
        reasons.append(result)
    else:
        assert result.clips.dtype == np.uint8
        assert result.clips.ndim == 5 and result.clips.shape[2:] == (8, 8, 3)
        assert result.num_frames > 0


def read_set(folder: Path) -> None:
    made = load_condensed(folder)
    assert len(made) == len(made.labels) == len(made.positions) > 0
    assert int(made.labels.max()) < len(made.classes)
    assert made.bytes > 0 and math.isfinite(made.paper_mb)
    if math.prod(made.shape) <= _MOST:
        assert made.batch([0, len(made) - 1]).isfinite().all()
        assert made.origin.seed >= 0
        assert made._repr_html_()


def read_checkpoint(folder: Path) -> None:
    tensors, state = load_checkpoint(folder / CHECKPOINT)
    assert isinstance(tensors, dict) and isinstance(state, dict)


def read_experts(folder: Path) -> None:
    found = Experts(folder)
    assert len(found.sha256) == 64
    found.check_network(nn.Linear(3, 4))
    for expert in range(len(found)):
        for epoch in (0, found.records[expert].epochs):
            assert set(found.weights(expert, epoch)) == {"weight", "bias"}


def read_network(folder: Path) -> None:
    network, description = load_network(folder, CPU)
    assert all(bool(weights.isfinite().all()) for weights in network.parameters())
    assert len(description.classes) > 0


def read_tensor_file(folder: Path) -> None:
    (file,) = folder.iterdir()
    options = ImportOptions(units="pixels", num_frames=3 if file.name == "c.pt" else None, max_gb=0.1)
    assert len(import_tensors(file, folder / "set", ("a", "b"), options)) > 0


def read_lists(folder: Path) -> None:
    """By its own layout, then guessed; what was understood is written as a list again."""
    files = {path.name.replace("\\", "/"): path.read_bytes() for path in folder.iterdir()}
    layout = files.pop(LAYOUT).decode()
    texts = {
        name: data.decode("utf-8-sig", "surrogateescape")
        for name, data in files.items()
        if name.endswith((".txt", ".csv", ".json"))
    }
    clips = sorted(files.keys() - texts.keys())
    tree = Tree(
        videos=tuple(name for name in clips if name.endswith((".mp4", ".avi", ".mkv", ".webm"))),
        frames=tuple({name.rpartition("/")[0]: None for name in clips if name.endswith(".jpg")}),
        texts=tuple(sorted(texts)),
        read=texts.__getitem__,
    )
    for each in (layout, "auto"):
        listing = parse(tree, each, SplitRule())
        assert all(0 <= record.label < len(listing.classes) for record in listing.records)
        assert {record.path for record in listing.records} <= {*tree.clips}
        write_csv(listing)


def read_recipe_file(folder: Path) -> None:
    """What was read and is written again is the same."""
    recipe = read_recipe(folder / RECIPE)
    write_recipe(folder / "again.toml", recipe)
    assert read_recipe(folder / "again.toml") == recipe


def read_plan_file(folder: Path) -> None:
    plan = read_plan(folder / PLAN)
    if sum(each.repeats for each in plan.entrants) < 1000:
        assert len(plan.cells()) == sum(each.repeats for each in plan.entrants)


def read_result_file(folder: Path) -> None:
    """All that a report and a Pareto front make of it."""
    found = read_results(folder)
    accuracy_charts(found, [])
    class_tables(found, [])
    confusions(found, [])
    evaluate_command(found, [])
    if (folder / COMPARED).exists():
        to_cells(rivals(read_rows(folder)))


def read_log(folder: Path) -> None:
    (run,) = read_runs([folder])
    assert [[key.frame for key in row] for row in run.key_frames] == run.clips.positions
    arrival_charts([run])
    training_charts([run])


def file_targets(scratch: Path) -> dict[str, FileTarget]:
    """All of them, by name; their valid inputs are made in `scratch`."""

    def made(make: Callable[[Path], list[Files]]) -> list[Files]:
        folder = scratch / make.__name__
        folder.mkdir()
        return make(folder)

    s = seed_files
    return {
        "videos": FileTarget(seeds=made(s.videos), read=read_video),
        "folders of images": FileTarget(seeds=made(s.stills), read=read_stills),
        "condensed sets": FileTarget(seeds=made(s.condensed_sets), read=read_set, seal=s.seal_set),
        "checkpoints": FileTarget(seeds=made(s.checkpoints), read=read_checkpoint, seal=s.sign_checkpoint),
        "experts": FileTarget(seeds=made(s.experts), read=read_experts),
        "networks": FileTarget(seeds=made(s.networks), read=read_network, seal=s.seal_network),
        "tensors of other programs": FileTarget(seeds=made(s.tensor_files), read=read_tensor_file),
        "lists": FileTarget(seeds=made(s.lists), read=read_lists, fixed=(LAYOUT,)),
        "recipes": FileTarget(seeds=made(s.recipes), read=read_recipe_file),
        "plans": FileTarget(seeds=made(s.plans), read=read_plan_file),
        "results": FileTarget(seeds=made(s.results), read=read_result_file),
        "logs": FileTarget(seeds=made(s.logs), read=read_log, fixed=(MANIFEST, PAYLOAD)),
    }
