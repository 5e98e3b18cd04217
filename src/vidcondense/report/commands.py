"""The commands that make a set, and its results, again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vidcondense.evaluation.protocol import OLDER_JUDGE, TRAINING, EvaluateOptions
from vidcondense.options import as_json, flag
from vidcondense.report.results import Results
from vidcondense.report.runs import Run
from vidcondense.settings import CondenseOptions
from vidcondense.storage.derived import DERIVED
from vidcondense.storage.labels import HARD, TEACHER
from vidcondense.video.index import DataOptions
from vidcondense.video.sampling import ClipOptions

_READING = ("layout", "fold", "split_seed", "test_fraction", "classes", "max_per_class")
_CLIP = ("stride", "short")


def condense_command(run: Run) -> str | None:
    """The `vidcondense condense` command of a set: every option that is not the default.

    Where the real videos lie is not recorded: DATA stands for it. None of a set that no such command makes:
    one derived from others, or with a teacher's labels.
    """
    manifest = run.clips.manifest
    if DERIVED in manifest["options"] or run.clips.label_kind == TEACHER:
        return None
    num_frames, _, size, _ = run.clips.shape
    recorded: Mapping[str, Any] = {"num_frames": num_frames, "size": size, **manifest["data"]}
    clip = {name: recorded[name] for name in ("num_frames", "size", *_CLIP) if name in recorded}
    reading = {name: recorded[name] for name in _READING if name in recorded}
    stored = {name: manifest[name] for name in ("codec", "quality", "value_range")}  # it may be recoded
    flags = [
        *_flags({**manifest["options"], **stored}, as_json(CondenseOptions())),
        *_flags(clip, as_json(ClipOptions())),
        *_flags(reading, as_json(DataOptions())),
        *(["--no-flip"] if manifest["data"].get("flip") is False else []),
    ]
    return shlex.join(["vidcondense", "condense", "DATA", "--out", run.name, *flags])


def evaluate_command(results: Results, runs: Sequence[Run]) -> str | None:
    """The `vidcondense evaluate` command of some results; None of a comparison's, which keeps its own."""
    if not results.judged:
        return None
    names = {run.sha256: run.name for run in runs}
    evaluated = [each for each in results.judged if each.sha256 is not None]
    sets = dict.fromkeys(names.get(each.sha256 or "", each.name) for each in evaluated)
    models = dict.fromkeys(str(each.evaluation.options["model"]) for each in results.judged)
    first = results.judged[0].evaluation
    options = {**as_json(OLDER_JUDGE), **first.options, "seed": results.seed or 0}
    options["lr"] = first.training.get("lr", options["lr"])  # once the default was another
    del options["model"]
    usual = TRAINING.get(str(options["protocol"]), TRAINING["strict"])
    flags = _flags(options, {**as_json(EvaluateOptions()), "lr": usual.lr})
    if list(models) != [EvaluateOptions().model]:
        flags += ["--model", *models]
    if any(each.labels != HARD for each in evaluated):
        flags += ["--labels", "own"]
    if len(evaluated) < len(results.judged):
        flags.append("--full-data")
        steps = next(each for each in results.judged if each.sha256 is None).evaluation.options["steps"]
        if steps is not None and steps != options["steps"]:
            flags += ["--full-data-steps", str(steps)]
    return shlex.join(["vidcondense", "evaluate", *sets, "--data", "DATA", *flags, "--out", _folder(results)])


def report_command(
    runs: Sequence[Run],
    results: Sequence[Results],
    options: Mapping[str, Any],
    defaults: Mapping[str, Any],
    *,
    real: bool,
    network: Path | None,
) -> str:
    """The `vidcondense report` command of the page itself, whose name does not matter.

    Args:
        runs: the sets.
        results: of the page.
        options: what it shows.
        defaults: of these.
        real: whether real clips were given.
        network: that told which of them are nearest; None: a random one.
    """
    words = ["vidcondense", "report", *(run.name for run in runs)]
    if results:
        words += ["--results", *map(_folder, results)]
    words += ["--data", "DATA"] if real else []
    words += ["--network", network.name] if network else []
    return shlex.join([*words, *_flags(options, defaults), "--out", "report.html"])


def _folder(results: Results) -> str:
    return results.folder.resolve().name


def _flags(options: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """The flags of what differs from the defaults; nested options are flags like any other."""
    flags: list[str] = []
    for name, value in options.items():
        default = defaults.get(name)
        if isinstance(value, Mapping):
            flags += _flags(value, default if isinstance(default, Mapping) else {})
        elif isinstance(value, bool):
            flags += [] if value == default else [flag(name if value else f"no_{name}")]
        elif value is not None and value != default:
            flags += [flag(name), *_words(value)]
    return flags


def _words(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
