"""Write docs/results.md from the result files.

python benchmarks/tables.py
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

from vidcondense.comparison.tables import pairs_text, to_cells, to_markdown
from vidcondense.evaluation.statistics import paired_difference
from vidcondense.matching.options import MatchOptions

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "results.md"

HEAD = """# Measured results

Made by `python benchmarks/tables.py` from the files in `benchmarks/results/`; each section names the script
that measures it. Accuracies are top-1 in percent on test clips. "±" is the standard deviation over repeats;
intervals are 95 %: Student's over repeats, bootstrap over source groups of the test clips. With 106 test
clips one repeat alone has a standard error of almost 5 points: small differences say nothing here.
"""


CLUSTER, SMALL = "cluster targets, two key frames 16×16", "two key frames 16×16"
PAIRS: dict[str, list[tuple[tuple[str, int], tuple[str, int]]]] = {
    "one_video": [
        *((("PRISM", 1), (other, 1)) for other in ("two key frames", "DM, noise", "DM, real", "PRISM, real")),
        (("DM, noise", 1), ("DM, real", 1)),
        (("DM, noise", 1), ("two key frames", 1)),
    ],
    "many_videos": [
        *(((CLUSTER, vpc), ("random, two frames 16×16", vpc)) for vpc in (1, 2, 5, 10)),
        *(((CLUSTER, vpc), (SMALL, vpc)) for vpc in (2, 5, 10)),
        ((CLUSTER, 5), (f"{SMALL}, 20 clips", 5)),
        *(((CLUSTER, vpc), ("herding", vpc)) for vpc in (1, 2, 5, 10)),
        (("cluster targets, PRISM", 5), ("PRISM", 5)),
        ((CLUSTER, 5), ("cluster targets, PRISM", 5)),
        ((CLUSTER, 5), ("cluster targets, two key frames 8×8", 5)),
        *(((CLUSTER, 5), (other, 5)) for other in ("PRISM", "PRISM, real", "two key frames")),
        *(((CLUSTER, 5), (other, 5)) for other in ("DM, noise", "DM, real")),
        *(
            ((name, 5), ("DM, noise", 5))
            for name in ("DM, noise, 1200 iterations", "DM, a tenth of the noise")
        ),
        (("PRISM, a tenth of the noise", 5), ("PRISM", 5)),
        *(((name, 10), (name, 5)) for name in ("DM, noise", "PRISM", SMALL, CLUSTER, "random", "herding")),
        *(((name, 5), (name, 1)) for name in ("DM, noise", "PRISM", CLUSTER, "random", "herding")),
    ],
}
"""Rows of a plan to compare besides those with its baseline, by name and videos per class."""


def page() -> str:
    """The whole page."""
    sections = [section(path) for section, path in _sections() if path.exists()]
    return "\n".join([HEAD, *sections])


def _sections() -> list[tuple[Any, Path]]:
    makers = {
        "main_job": _main_job,
        "one_video": partial(_plan, "One video per class on ucf101-5"),
        "many_videos": partial(_plan, "More videos per class on ucf101-5"),
        "many_videos_tuned": partial(_tuned, "Settings of the other methods with five videos per class"),
        "methods": partial(_plan, "Every method with one video per class on ucf101-5"),
        "tuned": partial(_tuned, "Settings of these methods"),
        "toy_methods": partial(_plan, "Every method with one video per class on the toy set, scenes"),
        "toy_tuned": partial(_tuned, "Settings of these methods on the toy set"),
        "budgets": _budgets,
        "budgets_ucf101_5": partial(_plan, "What bytes are best used for on ucf101-5, confirmed"),
        "budgets_toy": partial(_plan, "What bytes are best used for on the toy set, confirmed"),
        "architectures": partial(_plan, "Sets judged by other networks than they were condensed with"),
        "diversity": _diversity,
        "labels": _labels,
        "on_top": _on_top,
        "transfer": _transfer,
        "ucf101_5": partial(_plan, "Sets compared on ucf101-5"),
        "toy_scenes": partial(_plan, "Sets compared on the toy set, scenes: methods and PRISM's ablations"),
        "toy_five": partial(_plan, "Five videos per class on the toy set, scenes"),
        "interpolation": partial(_plan, "Frames between key frames on the toy set, scenes"),
        "defaults": partial(_plan, "Would other defaults be better: real clips an iteration, learning rate"),
        "toy_reversal": partial(_plan, "Sets compared on the toy set, reversal"),
        "judge": _judge,
        "targets": _targets,
        "conflicts": _conflicts,
        "motion": _motion,
        "representations": _representations,
        "control_variates": _control_variates,
        "pool": partial(_plan, "Random networks used more than once"),
        "toy": _toy,
        "bench": _bench,
        "published_loop": _published_loop,
        "scaling": _scaling,
        "ranks": _ranks,
        "h200": _h200,
        "first_convolution": _first_convolution,
        "compile": _compile,
        "codecs": _codecs,
        "index_scale": _index_scale,
        "mtt_memory": _mtt_memory,
        "example_ranking": partial(_example, "Example: ranking networks on a condensed set"),
        "example_continual": partial(_example, "Example: replay in continual learning"),
        "example_federated": partial(_example, "Example: clients that send condensed sets"),
        "example_on_device": partial(_example, "Example: new classes from a few kilobytes"),
    }
    return [(maker, RESULTS / f"{name}.json") for name, maker in makers.items()]


def _main_job(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## The main job on real clips",
        "",
        _words(result),
        "",
        "| set | repeats × networks | accuracy | over repeats | over groups | train | key frames a video "
        "| paper MB | bytes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in result["rows"].items():
        cells = [
            name,
            f"{row['repeats']} × {row['networks_a_repeat']}",
            _accuracy(row),
            _interval(row["interval_over_repeats"]),
            _interval(row["interval_over_groups"]),
            _percent(row["train_accuracy"]),
            "–" if row["key_frames_a_video"] is None else f"{row['key_frames_a_video']:.2f}",
            "–" if row["paper_mb"] is None else f"{row['paper_mb']:.2f}",
            "–" if row["bytes"] is None else f"{row['bytes']:,.0f}".replace(",", " "),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    diverged = sum(row["diverged"] for row in result["rows"].values())
    lines += ["", f"Networks that diverged: {diverged}. {_machine(result)}", ""]
    return "\n".join(lines)


def _plan(title: str, path: Path) -> str:
    """The table of a comparison; see benchmarks/plan.py."""
    result = json.loads(path.read_text())
    waiting = result["cells_waiting"]
    lines = [
        f"## {title}",
        "",
        result["settings"],
        "",
        _how(result["benchmark"])
        + (f" {waiting} cells of the plan are not computed yet." if waiting else ""),
        "",
        to_markdown(*to_cells(result["rows"])),
        *_other_pairs(result),
        *(f"{name} failed: {reason}.\n" for name, reason in result.get("failures", {}).items()),
        _machine(result),
        "",
    ]
    return "\n".join(lines)


def _other_pairs(result: dict[str, Any]) -> list[str]:
    """Differences between rows of which neither is the baseline, where a plan asks for some."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for row in result["rows"]:  # of several codecs the last, in which sets are stored
        found[row["name"], row["vpc"]] = row["accuracies"]
    lines = []
    for one, other in PAIRS.get(result["benchmark"], []):
        ours, theirs = found.get(one, {}), found.get(other, {})
        seeds = sorted(ours.keys() & theirs.keys())
        pairs = paired_difference([ours[seed] for seed in seeds], [theirs[seed] for seed in seeds])
        if pairs.interval is None or pairs.mean is None:
            continue
        cells = [*(f"{name}, VPC {vpc}" for name, vpc in (one, other)), str(pairs.pairs)]
        cells += [f"{100 * pairs.mean:+.1f}", _interval(list(pairs.interval))]
        lines.append("| " + " | ".join(cells) + " |")
    if not lines:
        return []
    titles = "| set | less that of | pairs | difference in accuracy | 95 % CI (paired) |"
    said = (
        f"{len(lines)} other differences in pairs by seed. With so many comparisons some intervals miss by "
        "chance: they are not adjusted for that."
    )
    return [said, "", titles, "|---|---|---:|---:|---:|", *lines, ""]


def _how(plan: str) -> str:
    """The command that computes a comparison; of one whose subject is gone, that it is in the history."""
    if (ROOT / "benchmarks" / "plans" / f"{plan}.toml").exists():
        return f"Script: `python benchmarks/plan.py {plan}`."
    return f"Script: `python benchmarks/plan.py {plan}`, in the history: the plan went with what it measured."


def _judge(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## How long the judging networks train",
        "",
        _words(result),
        "",
        "| trained on, and how | folds | held-out accuracy | training accuracy |",
        "|---|---:|---:|---:|",
    ]
    for name, row in result["rows"].items():
        lines.append(f"| {name} | {row['folds']} | {_accuracy(row)} | {_percent(row['train_accuracy'])} |")
    return "\n".join([*lines, "", _machine(result), ""])


def _targets(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## Whose mean a video should match",
        "",
        _words(result),
        "",
        "| variant | VPC | folds | accuracy | difference to `cluster` | 95 % CI | spread within a class |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in result["rows"]:
        shown, interval = _difference(row)
        known = [each for each in row["accuracies"] if each is not None]
        cells = [
            row["variant"],
            row["vpc"],
            f"{len(known)} of {result['folds']}",
            _accuracy(row),
            shown,
        ]
        spread = "–" if row["spread"] is None else f"{row['spread']:.3f}"
        found = row["difference"] or {"mean": None, "pairs": None}
        cells += [interval + pairs_text(found["mean"], found["pairs"], len(known)), spread]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join([*lines, "", _machine(result), ""])


def _conflicts(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## How often frames are in conflict",
        "",
        _words(result),
        "",
        "| | frames | iterations | cosine | in conflict | ever | again | by chance | 4 in a row | 16 |",
        "|---|" + "---:|" * 9,
    ]
    shares = ("in_conflict", "ever", "again", "again_by_chance", "4_in_a_row", "16_in_a_row")
    for name, row in result["rows"].items():
        cells = [name, str(row["frames"]), str(row["iterations"]), f"{row['median']:.3f}"]
        cells += [f"{_percent(row[key])} %" for key in shares]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", _machine(result), ""])


def _motion(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## Motion of sets of the toy set, scenes",
        "",
        _words(result),
        "",
        "| set | seeds | frame difference | flow px/frame | explained | in order | shuffled | backwards |",
        "|---|" + "---:|" * 7,
    ]
    for name, row in result["rows"].items():
        cells = [name, str(row["seeds"]), f"{row['energy']:.4f}", f"{row['speed']:.2f}"]
        cells.append(f"{_percent(row['explained'])} %")
        for order in ("ordered", "shuffled", "reversed"):
            accuracy, std = row[order]["mean"], row[order]["std"]
            cells.append(_percent(accuracy) + (f" ± {_percent(std)}" if std is not None else ""))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", _machine(result), ""])


def _tuned(title: str, path: Path) -> str:
    """What `tune` found for the sets of a plan; see benchmarks/tuned.py."""
    result = json.loads(path.read_text())
    lines = [
        f"## {title}",
        "",
        result["settings"],
        "",
        f"Script: `python benchmarks/tuned.py {result['plan']}`.",
        "",
        "Mean accuracy over the folds a setting was judged on, in brackets how many; the first is the "
        "default, bold what was chosen.",
        "",
        "| set | settings |",
        "|---|---|",
    ]
    for row in result["rows"]:
        told = []
        for trial in row["trials"]:
            found = trial["accuracies"]
            setting = " ".join(f"{key} {value:g}" for key, value in trial["setting"].items())
            failed = None in found or not found
            text = f"{setting}: " + ("failed" if failed else f"{_percent(mean(found))} ({len(found)})")
            told.append(f"**{text}**" if trial["setting"] == row["chosen"] else text)
        lines.append(f"| {row['set']} | {'; '.join(told)} |")
    return "\n".join([*lines, "", _machine(result), ""])


def _budgets(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## What bytes are best used for: the race",
        "",
        _words(result),
        "",
        "The five best of each race by held-out accuracy, and the best of real clips.",
        "",
        "| data | kB a class | candidates | method | VPC | side | key frames | codec | bytes | folds "
        "| accuracy % |",
        "|---|---:|---:|---|---:|---:|---|---|---:|---:|---:|",
    ]
    for race in result["rows"]:
        sound = [each for each in race["candidates"] if each["accuracies"] and None not in each["accuracies"]]
        sound.sort(key=lambda each: (len(each["accuracies"]), mean(each["accuracies"])), reverse=True)
        real = [each for each in sound if each["setting"]["method"] != "prism"]
        shown = sound[:5] + [each for each in real[:1] if each not in sound[:5]]
        for each in shown:
            setting, found = each["setting"], each["accuracies"]
            inserted = setting["insertion"] != "none"
            cells = [race["data"], race["kilobytes"], len(race["candidates"]), setting["method"]]
            cells += [setting["vpc"], setting["key-frame-size"]]
            cells.append(f"{setting['initial-key-frames']}{' and more' if inserted else ''}")
            bits = f", {setting['bits']} bits" if setting["bits"] != 8 else ""
            cells += [setting["codec"] + bits, f"{each['bytes']:,d}".replace(",", " ")]
            cells += [len(found), _percent(mean(found))]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join([*lines, "", _machine(result), ""])


def _diversity(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## What is in the videos of these sets",
        "",
        _words(result),
        "",
        "| set | seeds | smooth | spread, random | spread, trained | told |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in result["rows"]:
        told = []
        for key in ("smooth", "spread_random", "spread_trained", "told"):
            deviation = "" if row[key]["std"] is None else f" ± {row[key]['std']:.3f}"
            told.append(f"{row[key]['mean']:.3f}{deviation}")
        lines.append("| " + " | ".join([row["set"], str(row["seeds"]), *told]) + " |")
    return "\n".join([*lines, "", _machine(result), ""])


def _on_top(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## Trajectory and kernel matching on top of cluster targets",
        "",
        _words(result),
        "",
        "| learned on by | labels | n | accuracy % | to the set as it was | 95 % CI (paired) |",
        "|---|---|" + "---:|" * 4,
    ]
    for row in result["rows"]:
        cells = [row["way"], row["labels"], str(len(row["seeds"])), _accuracy(row), *_difference(row)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", _machine(result), ""])


def _labels(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## Soft labels of a teacher on ucf101-5",
        "",
        _words(result),
        "",
        "| set | labels | n | bytes | accuracy % | to hard labels | 95 % CI (paired) "
        "| to real clips, same labels | 95 % CI (paired) |",
        "|---|---|" + "---:|" * 7,
    ]
    for row in result["rows"]:
        cells = [row["set"], row["labels"], str(len(row["seeds"])), f"{row['bytes']:,d}"]
        cells.append(_accuracy(row["to_hard"]))
        for found in (row["to_hard"], row["to_real"]):
            cells += _difference(found or {})
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", _machine(result), ""])


def _transfer(path: Path) -> str:
    result = json.loads(path.read_text())
    measurements = list(next(iter(result["rows"].values())))
    lines = [
        "## Retrieval, linear probe, few real clips",
        "",
        _words(result),
        "",
        f"Mean and deviation over repeats, %; in brackets the difference to {result['baseline']}, in pairs.",
        "",
        "| trained on | seeds | " + " | ".join(measurements) + " |",
        "|---|---:|" + "---:|" * len(measurements),
    ]
    for name, row in result["rows"].items():
        cells = [name, str(len(result["seeds"][name]))]
        for found in row.values():
            deviation = "" if found["std"] is None else f" ± {_percent(found['std'])}"
            told = f"{_percent(found['accuracy'])}{deviation}"
            if (difference := found["difference"]) and difference["interval"]:
                told += f" ({100 * difference['mean']:+.1f}: {_interval(difference['interval'])})"
            cells.append(told)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", _machine(result), ""])


def _representations(path: Path) -> str:
    result = json.loads(path.read_text())
    base = result["baseline"]
    titles = f"| representation | bytes a video | n | accuracy | 95 % CI | to {base} | 95 % CI (paired) |"
    lines = [
        "## What the bytes of a synthetic video should be",
        "",
        _words(result),
        "",
        titles,
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in result["rows"].items():
        cells = [
            name,
            f"{row['bytes']:.0f}",
            str(len(row["accuracies"])),
            f"{_percent(row['accuracy'])}" + (f" ± {_percent(row['std'])}" if row["std"] is not None else ""),
            _interval(row["interval"]),
            *_difference(row),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", _machine(result), ""])


def _control_variates(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## How well a batch tells the mean of its class",
        "",
        _words(result),
        "",
        "| network | clips a class | way | error | 95 % CI over networks | worth |",
        "|---|---:|---|---:|---:|---:|",
    ]
    for row in result["rows"]:
        low, high = row["interval"]
        cells = [row["model"], row["batch"], row["way"], f"{row['error']:.2f}", f"{low:.2f} to {high:.2f}"]
        lines.append("| " + " | ".join(map(str, [*cells, f"{row['worth']:.1f}"])) + " |")
    where = (
        f"{result['networks']} networks, {result['draws']} draws each; {result['clips_a_class']:.0f} clips."
    )
    return "\n".join([*lines, "", f"{where} {_machine(result)}", ""])


def _ranks(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## Two processes of one thread, one of two",
        "",
        _words(result),
        "",
        "| what | classes | seconds an iteration, one process | two processes | efficiency | of each turn |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in result["rows"]:
        cells = [
            row["case"],
            row["classes"],
            f"{median(row['seconds_one_process_two_threads']):.2f}",
            f"{median(row['seconds_two_processes_one_thread']):.2f}",
            f"{row['efficiency']:.2f}",
            ", ".join(f"{each:.2f}" for each in row["efficiency_of_turns"]),
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join([*lines, "", _machine(result), ""])


def _toy(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## The toy set: only motion tells",
        "",
        _words(result),
        "",
        "| frames | accuracy (chance 10) | right member of the pair (chance 50) | test clips |",
        "|---|---|---|---|",
    ]
    for name, row in result["rows"].items():
        within = _percent(row["within_pairs"])
        lines.append(f"| {name} | {_percent(row['accuracy'])} | {within} | {row['test_clips']} |")
    return "\n".join([*lines, "", _machine(result), ""])


def _published_loop(path: Path) -> str:
    result = json.loads(path.read_text())
    rows = result["rows"]
    names = list(rows["curves"])
    lines = [
        "## Time to the published loop's accuracy",
        "",
        _words(result),
        "",
        "| iteration | " + " | ".join(f"{name}: seconds | accuracy" for name in names) + " |",
        "|---:|" + "---:|" * 2 * len(names),
    ]
    curves = [{point["iteration"]: point for point in rows["curves"][name]} for name in names]
    for iteration in sorted(set().union(*curves)):
        points = [curve.get(iteration) for curve in curves]
        cells = [
            f"{point['condensed']:.1f} | {_percent(point['accuracy'])}" if point else " | "
            for point in points
        ]
        lines.append(f"| {iteration} | {' | '.join(cells)} |")
    reached = [f"{name} {rows['speedup'][name]:.1f}" for name in names if rows["speedup"][name]]
    missed = [name for name in names if not rows["speedup"][name]]
    seeds = ", ".join(str(seed) for seed in rows["seeds"]["published"])
    lines += [
        "",
        f"Seeds {seeds} (of five). {_percent(rows['goal'])} % is reached so many times sooner: "
        f"{', '.join(reached)}." + (f" Not within these iterations: {', '.join(missed)}." if missed else ""),
    ]
    titles = {"whole": "ucf101-5, the whole ConvNet3D", "miniUCF": "miniUCF's shape, a quarter of its width"}
    for key, seconds in rows["seconds_an_iteration"].items():
        told = ", ".join(f"{name} {each:.2f}" for name, each in seconds.items())
        lines += ["", f"Seconds an iteration, {titles[key]}: {told}."]
    return "\n".join([*lines, "", _machine(result), ""])


def _bench(path: Path) -> str:
    result = json.loads(path.read_text())
    settings = result["settings"]
    clip = settings["clip"]
    real_clips = MatchOptions(real_batch=settings["match"]["real_batch"]).real_batch_of("dm")
    rows = {
        "decoding, clips": "decode",
        "mean features of real clips": "real",
        "gradients of synthetic videos": "synthetic",
        f"training steps, {settings['batch_size']} clips each": "training",
        f"iterations of PRISM, {real_clips} real clips a class": "iterations",
    }
    shape = f"{clip['num_frames']}×{clip['size']}×{clip['size']}"
    lines = [
        "## What this machine does",
        "",
        f"`vidcondense bench {settings['data']}`: {settings['match']['model']} on {shape}, "
        f"{settings['classes']} classes, {settings['precision']}, all threads. The share is of the measured "
        "peak of a matrix product, "
        f"{result['peak']['float32'] / 1e12:.3f} TFLOP/s.",
        "",
        "| what | a second | share of the peak |",
        "|---|---:|---:|",
    ]
    for name, key in rows.items():
        share = result[key]["share"]
        lines.append(
            f"| {name} | {result[key]['per_second']:.2f} | {f'{_percent(share)} %' if share else '–'} |"
        )
    return "\n".join([*lines, "", f"Peak memory {result['memory_mb']:.0f} MiB. {_machine(result)}", ""])


def _scaling(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = ["## Time and memory against classes and videos per class", "", _words(result)]
    for name, row in result["rows"].items():
        lines += ["", "| classes | videos per class | seconds an iteration | MiB |", "|---:|---:|---:|---:|"]
        lines += [
            f"| {each['classes']} | {each['vpc']} | {each['seconds_an_iteration']:.2f} | {each['mib']:.0f} |"
            for each in row["points"]
        ]
        lines += [
            "",
            f"Against {name}: time {_line(row['time'])}; memory {_line(row['memory'])}.",
        ]
    return "\n".join([*lines, "", _machine(result), ""])


def _line(fit: dict[str, float]) -> str:
    return (
        f"{fit['start']:.3g} + {fit['slope']:.3g} x ({_percent(fit['explained'])} % explained; "
        f"exponent {fit['exponent']:.2f})"
    )


def _h200(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## A whole condensation on one large GPU",
        "",
        _words(result),
        "",
        "| networks | seconds | PFLOP | TFLOP/s | matrix peak | share | GPU MiB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in result["rows"].items():
        cells = [
            name,
            f"{row['condensation_seconds']:.0f}",
            f"{row['flop'] / 1e15:.1f}",
            f"{row['flops'] / 1e12:.1f}",
            f"{row['matrix_peak'] / 1e12:.0f}",
            f"{_percent(row['share_of_peak'])} %",
            f"{row['gpu_mib']:.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", f"{result['machine']['gpu']}. {_machine(result)}", ""])


def _first_convolution(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## The gradient of the first convolution",
        "",
        _words(result),
        "",
        "| network | clip | precision | a pass | with the fast gradient | ratio | the gradient | fast "
        "| ratio | relative difference |",
        "|---|---|---|" + "---:|" * 7,
    ]
    for row in result["rows"]:
        cells = [row["model"], "×".join(map(str, row["shape"])), row["precision"]]
        for found in (row["pass"], row["gradient"]):
            cells += [f"{1000 * found[way]:.1f} ms" for way in ("plain", "fast")] + [f"{found['ratio']:.2f}"]
        cells.append(f"{row['relative_difference']:.1g}")
        lines.append("| " + " | ".join(cells) + " |")
    where = f"{result['videos']} videos a pass, {result['turns']} passes each."
    return "\n".join([*lines, "", f"{where} {_machine(result)}", ""])


def _compile(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## Compiled networks",
        "",
        _words(result),
        "",
        "| clip | precision | eager | compiled | ratio | compiling | passes each |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for row in result["rows"]:
        ways = {"": row, ", CUDA graphs": row["graphs"]} if "graphs" in row else {"": row}
        for way, found in ways.items():
            cells = [
                "×".join(map(str, row["shape"])),
                row["precision"] + way,
                f"{1000 * row['seconds_eager']:.0f} ms",
                f"{1000 * found['seconds_compiled']:.0f} ms",
                f"{found['ratio']:.2f}",
                f"{found['seconds_compiling']:.0f} s",
                row["passes"],
            ]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    where = f"{result['videos']} videos a pass on {result['device']}."
    return "\n".join([*lines, "", f"{where} {_machine(result)}", ""])


def _codecs(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = ["## What codecs cost", "", _words(result), ""]
    found = {tuple(key.split(" ", 3)): row for key, row in result["rows"].items()}
    sizes = list(dict.fromkeys(size for _, size, _, _ in found))
    for frames in dict.fromkeys(name for name, *_ in found):
        lines += [
            f"Bytes a frame (and PSNR in dB) of {frames} frames:",
            "",
            "| codec | bits or quality | " + " | ".join(f"{size}×{size}" for size in sizes) + " |",
            "|---|---|" + "---:|" * len(sizes),
        ]
        for codec, detail in dict.fromkeys((codec, detail) for *_, codec, detail in found):
            rows = [found[frames, size, codec, detail] for size in sizes]
            lines.append(f"| {codec} | {detail} | " + " | ".join(map(_coded, rows)) + " |")
        lines.append("")
    return "\n".join([*lines, _machine(result), ""])


def _coded(row: dict[str, Any]) -> str:
    size = f"{row['bytes_a_frame']:.0f}"
    return size if row["psnr"] is None else f"{size} ({row['psnr']:.1f})"


def _index_scale(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## Indexing many videos",
        "",
        _words(result),
        "",
        "| clips | seconds | a clip | again, from the cache | peak memory |",
        "|---:|---:|---:|---:|---:|",
    ]
    for row in result["rows"]:
        cells = [
            f"{row['clips']:,}".replace(",", " "),
            f"{row['seconds_index']:.1f}",
            f"{row['milliseconds_a_clip']:.1f} ms",
            f"{row['seconds_from_cache']:.2f} s",
            f"{row['mib_peak']:.0f} MiB",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", _machine(result), ""])


def _mtt_memory(path: Path) -> str:
    result = json.loads(path.read_text())
    lines = [
        "## The memory of an iteration of MTT",
        "",
        _words(result),
        "",
        "| gradient | steps of the student | peak memory | processor time | loss |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in result["rows"]:
        fits = row["mib_peak"] is not None
        cells = [
            row["way"],
            row["steps"],
            f"{row['mib_peak'] / 1024:.1f} GiB" if fits else f"more than {row['cap_gib']} GiB",
            f"{row['cpu_seconds']:.0f} s" if fits else "–",
            f"{row['loss']:.5f}" if fits else "–",
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    lines += ["", f"Forward passes in {result['precision']}. {_machine(result)}", ""]
    return "\n".join(lines)


def _example(title: str, path: Path) -> str:
    """The table of an example; see examples/common.py."""
    result = json.loads(path.read_text())
    about = [text for text in result["about"].strip().split("\n\n") if not text.startswith("    ")]
    columns = list(dict.fromkeys(column for row in result["rows"].values() for column in row))
    settings = ", ".join(f"{name} {value}" for name, value in result["settings"].items())
    script = f"examples/{result['benchmark'].removeprefix('example_')}.py"
    lines = [
        f"## {title}",
        "",
        "\n\n".join(about),
        "",
        f"Means over seeds, with intervals. Script: `{script}`; {settings}.",
        "",
        f"| | {' | '.join(columns)} |",
        "|---|" + "---:|" * len(columns),
    ]
    for name, row in result["rows"].items():
        lines.append(f"| {name} | {' | '.join(_of_seeds(column, row.get(column)) for column in columns)} |")
    return "\n".join([*lines, "", _machine(result), ""])


def _of_seeds(column: str, told: dict[str, Any] | None) -> str:
    """Bytes as a number, a correlation with two digits, shares in percent."""
    if told is None:
        return "–"
    if "bytes" in column:
        return f"{told['mean']:,.0f}".replace(",", " ")
    if column == "Spearman":
        interval = told["interval"]
        ends = "" if interval is None else f" ({max(-1, interval[0]):.2f} to {min(1, interval[1]):.2f})"
        return f"{told['mean']:.2f}{ends}"
    ends = told["interval"] and [min(1.0, max(0.0, end)) for end in told["interval"]]  # no share lies beyond
    return f"{_percent(told['mean'])} ({_interval(ends)})"


def _words(result: dict[str, Any]) -> str:
    """What the benchmark says of itself, without its title and its commands."""
    paragraphs = result["settings"].strip().split("\n\n")
    said = [text for text in paragraphs[1:] if not text.startswith("    ")]
    return "\n\n".join([*said, f"Script: `benchmarks/{result['benchmark']}.py`."])


def _machine(result: dict[str, Any]) -> str:
    machine = result["machine"]
    return (
        f"Measured on {machine['date']}: {machine['processor']}, {machine['cores']} cores, "
        f"torch {machine['torch']}, Python {machine['python']}."
    )


def _accuracy(row: dict[str, Any]) -> str:
    """The mean of a row in percent, and the deviation where there is one."""
    return _percent(row["accuracy"]) + ("" if row["std"] is None else f" ± {_percent(row['std'])}")


def _difference(row: dict[str, Any]) -> tuple[str, str]:
    """Of a row's difference in pairs the mean in points, with its sign, and the interval."""
    found = row.get("difference") or {"mean": None, "interval": None}
    points = "–" if found["mean"] is None else f"{100 * found['mean']:+.1f}"
    return points, _interval(found["interval"])


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _interval(interval: list[float] | None) -> str:
    return "–" if interval is None else f"{_percent(interval[0])} to {_percent(interval[1])}"


if __name__ == "__main__":
    PAGE.write_text(page())
