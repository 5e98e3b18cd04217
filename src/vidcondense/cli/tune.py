"""`vidcondense tune`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tyro

from vidcondense.cli.arguments import ClipArguments
from vidcondense.cli.condense import from_recipe
from vidcondense.cli.output import Output, size_text, table
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.progress import progress
from vidcondense.cli.reading import read_data
from vidcondense.comparison.pareto import is_real
from vidcondense.comparison.run import Jobs
from vidcondense.compute import choose_compute
from vidcondense.errors import OutputError, UsageError
from vidcondense.evaluation.protocol import EvaluateOptions
from vidcondense.evaluation.statistics import deviation, mean
from vidcondense.options import as_json, require
from vidcondense.recipe import Recipe, to_keys, write_recipe
from vidcondense.settings import CondenseOptions
from vidcondense.tuning.candidates import candidates
from vidcondense.tuning.space import combinations, default_space, read_space
from vidcondense.tuning.tune import Tuned, TuneOptions, tune
from vidcondense.video.index import DataOptions

_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Choose options by cross-validation over source groups of the training clips; test clips are not used.

    Examples:
      vidcondense tune videos --out tuned --num-frames 8 --size 64 --iterations 150 --budget-minutes 30
      vidcondense tune videos --out tuned --recipe prism.toml --vary lr=1,3,10 --vary init=noise,real
      vidcondense tune videos --out tuned --num-frames 8 --size 64 --iterations 150 --budget 8kB --per-class
      vidcondense condense videos --recipe tuned/recipe.toml --out small

    The flags (or the --recipe) say where to start. By default the learning rate, the iterations, the scale of
    the noise and epsilon are varied around that. All settings are judged on one fold, the better half on the
    next, and so on; the start stays in to the end, as what the others must beat. With a --budget (and no
    --vary) it chooses representation, videos per class, key frames, resolution and codec instead, learned or
    real clips; random real clips are then what the others must beat. OUT holds recipe.toml, which
    `condense --recipe` takes, and every judgement: the same command goes on where it was interrupted.
    """

    data: tyro.conf.Positional[Path]
    """Folder of videos."""

    out: Path
    """Folder for the recipe and the judgements."""

    recipe: Path | None = None
    """TOML file to start from; flags given on the command line override it."""

    vary: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Options to choose and their values, such as lr=1,10,100 (repeatable); they replace the usual ones."""

    per_class: bool = False
    """The --budget is that of one class, not of the whole set."""

    tune: TuneOptions = field(default_factory=TuneOptions)
    """How options are chosen."""

    networks: int = 1
    """Networks that judge a setting on a fold."""

    eval_model: str = EvaluateOptions().model
    """The network that judges."""

    eval_steps: int | None = None
    """Training steps of a judging network (default: 500, as evaluate)."""

    eval_lr: float | None = None
    """Learning rate of a judging network (default: 0.03, as evaluate)."""

    eval_augment: bool = True
    """Whether judging networks are trained on augmented clips, as by evaluate."""

    jobs: Jobs = field(default_factory=Jobs)
    """How settings are judged."""

    condense: CondenseOptions = field(default_factory=CondenseOptions)
    """The setting to start from."""

    clip: ClipArguments = field(default_factory=ClipArguments)
    """How clips are cut from the real videos."""

    reading: DataOptions = field(default_factory=DataOptions)
    """How the folder of videos is read."""

    overwrite: bool = False
    """Replace the recipe of an earlier tuning in the same folder; its judgements are kept and used."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""

    def __post_init__(self) -> None:
        require(self.networks >= 1, "networks", self.networks, "must be at least 1")
        if self.per_class and self.condense.budget is None:
            raise UsageError("--per-class: of what? add a --budget")


def arguments_for(given: Sequence[str]) -> type[Arguments]:
    """The arguments, with a recipe's values for defaults where `given` names one."""
    return from_recipe(Arguments, given)


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Race, then write the recipe of the winner."""
    target = arguments.out / "recipe.toml"
    if target.exists() and not arguments.overwrite:
        raise OutputError(f"{target} exists; use --overwrite to replace it, or another --out")
    base = Recipe(condense=arguments.condense, clip=arguments.clip.options(), reading=arguments.reading)
    from_grid = base.condense.budget is not None and not arguments.vary
    space = {} if from_grid else read_space(arguments.vary, base) or default_space(base)
    with progress() as bars:  # before any trial is timed: what it decodes is none of a trial's work
        real = read_data(arguments.data, base.reading, base.clip, bars=bars, output=output)
    base = _whole_budget(base, len(real.train.classes)) if arguments.per_class else base
    if from_grid:
        grid = candidates(base, real, arguments.tune.folds, choose_compute("cpu", "float32"))
        settings = [each.setting for each in grid]
    else:
        settings = combinations(space)
    columns = list(space or dict.fromkeys(key for setting in settings for key in setting))
    evaluation = EvaluateOptions(
        repeats=arguments.networks,
        model=arguments.eval_model,
        steps=arguments.eval_steps,
        lr=arguments.eval_lr,
        augment=arguments.eval_augment,
    )
    output.note(f"choosing among {len(settings)} settings of {', '.join(columns)}")
    with progress() as bars:
        tuned = tune(
            base,
            arguments.data,
            arguments.out,
            arguments.tune,
            space=space or settings,
            evaluation=evaluation,
            jobs=arguments.jobs,
            listener=bars.follow("cell", "judging"),
        )
    write_recipe(target, tuned.recipe, _comment(tuned, arguments.tune.folds))
    _show(tuned, columns, to_keys(base), output)
    raced = sum(bool(scores) for scores in tuned.scores.values())
    if arguments.tune.trials is None and raced < tuned.offered:
        output.note(
            f"raced {raced} of {tuned.offered} settings, as many as fit in --budget-minutes; "
            "to race more: more minutes and another --out"
        )
    if (judged := len(tuned.scores[tuned.chosen])) < arguments.tune.folds:
        output.note(
            f"chosen by {judged} of {arguments.tune.folds} folds, then --budget-minutes were spent; "
            "to judge the same settings on more: more minutes, the same --out and --overwrite"
        )
    if from_grid:
        output.say(_verdict(tuned, arguments.tune.folds))
    output.say(f"\n{target}: for `vidcondense condense --recipe`")
    return _as_dict(tuned, target)


def _percent(values: Sequence[float]) -> str:
    """The mean accuracy and its deviation; `failed` where the setting failed on a fold."""
    if min(values) < 0:
        return "failed"
    spread = deviation(values)
    return f"{100 * (mean(values) or 0):.1f}" + ("" if spread is None else f" ± {100 * spread:.1f}")


def _scores(tuned: Tuned, number: int) -> list[float]:
    return list(tuned.scores[number].values())


def _comment(tuned: Tuned, folds: int) -> str:
    chosen, start = _scores(tuned, tuned.chosen), _scores(tuned, 0)
    return (
        f"Chosen by `vidcondense tune` among {len(tuned.settings)} settings:\n"
        f"accuracy in % on held-out training clips {_percent(chosen)} ({len(chosen)} of {folds} folds), "
        f"of the start {_percent(start)} ({len(start)} folds)."
    )


def _whole_budget(base: Recipe, num_classes: int) -> Recipe:
    """The same recipe, its budget that of all classes."""
    budget = f"{num_classes * (base.condense.max_bytes or 0)}B"
    return replace(base, condense=replace(base.condense, budget=budget))


def _verdict(tuned: Tuned, folds: int) -> str:
    """What the bytes are best used for, as far as the race went."""
    chosen = tuned.recipe.condense
    kinds = {False: "learned videos", True: "compressed real clips"}
    judged = [number for number, found in tuned.scores.items() if found and min(found.values()) >= 0]
    known = {is_real(tuned.settings[number]) for number in judged}
    kind = kinds[is_real(tuned.settings[tuned.chosen])]
    over = "" if len(tuned.scores[tuned.chosen]) == folds else " so far"
    said = f"the best use of {size_text(chosen.max_bytes or 0)}{over}: {kind}"
    missing = "".join(f"; no {kinds[each]} were judged" for each in kinds if each not in known)
    return f"{said} ({chosen.method}){missing}"


def _show(tuned: Tuned, columns: Sequence[str], asked: Mapping[str, Any], output: Output) -> None:
    order = sorted(
        (number for number in range(len(tuned.settings)) if tuned.scores[number]),
        key=lambda number: (-len(tuned.scores[number]), -(mean(_scores(tuned, number)) or 0), number),
    )
    rows = [
        [
            _mark(number, tuned.chosen),
            *(str(tuned.settings[number].get(key, asked.get(key, "default"))) for key in columns),
            size_text(tuned.bytes[number]) if number in tuned.bytes else "",
            str(len(tuned.scores[number])),
            _percent(_scores(tuned, number)),
        ]
        for number in order
    ]
    output.say(table(["", *columns, "bytes", "folds", "accuracy %"], rows[:_SHOWN]))
    if len(rows) > _SHOWN:
        output.say(f"and {len(rows) - _SHOWN} more, in state.json and cells/")
    gain = tuned.gain
    if gain.mean is not None and tuned.chosen != 0:
        interval = (
            ""
            if gain.interval is None
            else f" ({100 * gain.interval[0]:+.1f} to {100 * gain.interval[1]:+.1f})"
        )
        output.say(
            f"gain over the start: {100 * gain.mean:+.1f} points{interval}, in pairs by fold; "
            "of many tries the best, so less is to be expected"
        )


def _mark(number: int, chosen: int) -> str:
    return "chosen" if number == chosen else "start" if number == 0 else ""


def _as_dict(tuned: Tuned, target: Path) -> dict[str, Any]:
    return {
        "recipe": str(target),
        "chosen": tuned.settings[tuned.chosen],
        "trials": [
            {
                "setting": setting,
                "bytes": tuned.bytes.get(number),
                "accuracy": {str(f): None if a < 0 else a for f, a in tuned.scores[number].items()},
            }
            for number, setting in enumerate(tuned.settings)
        ],
        "gain": as_json(tuned.gain),
        "failures": dict(tuned.failures),
    }
