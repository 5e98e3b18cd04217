"""Write docs/results.md from the result files.

python benchmarks/tables.py
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

from cells import judge_text

from vidcondense.comparison.tables import pairs_text, to_cells, to_markdown
from vidcondense.evaluation.statistics import paired_difference
from vidcondense.matching.options import MatchOptions
from vidcondense.storage.labels import HARD

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "results.md"

HEAD = """# Measured results

Made by `python benchmarks/tables.py` from the files in `benchmarks/results/`; each section names the script
that measures it. Accuracies are top-1 in percent on test clips. "±" is the standard deviation over repeats;
intervals are 95 %: Student's over repeats, bootstrap over source groups of the test clips. With 106 test
clips one repeat alone has a standard error of almost 5 points: small differences say nothing here.

ucf101-5 is Diving, JumpRope, SkyDiving, Surfing and Swing of UCF101, official split 1: 294 training and 106
test clips.
"""


CLUSTER, SMALL = "cluster targets, two key frames 16×16", "two key frames 16×16"
BY_GRADIENTS = "cluster targets by DSA, two key frames 16×16"
OTHERS = ("static-dynamic", "FRePo", "MTT")
_OF_METHODS = [
    *((("PRISM", 1), (other, 1)) for other in ("two key frames", "DM, noise", "still", "DC", "DSA", *OTHERS)),
    *((("two key frames", 1), (other, 1)) for other in ("static-dynamic", "DC")),
    *(((SMALL, 1), (other, 1)) for other in ("two key frames", "DC", "DSA", *OTHERS)),
    *(((SMALL, 1), (other, 1)) for other in ("herding", "k-center", "best of 8 random")),
    *((("static-dynamic", 1), (other, 1)) for other in ("DC", "DSA", "MTT")),
    *((("DSA", 1), (other, 1)) for other in ("DC", "DM, real")),
    *((("MTT", 1), (other, 1)) for other in ("DM, real", "FRePo")),
    (("DC", 1), ("DM, noise", 1)),
    *(
        ((f"{form}, DSA", 1), (other, 1))
        for form in ("two key frames", SMALL)
        for other in (form, "DSA", "DC", "PRISM", "static-dynamic")
    ),
]
PAIRS: dict[str, list[tuple[tuple[str, int], tuple[str, int]]]] = {
    "methods": _OF_METHODS,
    "toy_methods": _OF_METHODS,
    "one_video": [
        *((("PRISM", 1), (other, 1)) for other in ("two key frames", "DM, noise", "DM, real", "PRISM, real")),
        (("DM, noise", 1), ("DM, real", 1)),
        (("DM, noise", 1), ("two key frames", 1)),
        (("PRISM", 1), ("PRISM, float32", 1)),
        (("two key frames", 1), ("PRISM, float32", 1)),
        *(
            (("two key frames 16×16, DSA", 1), (other, 1))
            for other in ("PRISM, float32", "PRISM", "PRISM, real", "DM, noise", "DM, real", "two key frames")
        ),
    ],
    "toy_five": [
        *(
            ((f"{SMALL}, cluster targets", 5), (other, 5))
            for other in (
                f"{SMALL}, class means",
                "random, two frames 16×16",
                "random, 8×8",
                "herding",
                "DM 16×16, cluster targets",
                "PRISM, cluster targets",
                "PRISM",
            )
        ),
        *((("DM 16×16, real, cluster targets", 5), (other, 5)) for other in ("random, 16×16", "herding")),
        (("DM 16×16, cluster targets", 5), ("random, 16×16", 5)),
        *((("random", 5), (f"random, {cut}", 5)) for cut in ("two frames", "16×16", "two frames 16×16")),
        (("PRISM, cluster targets", 5), ("PRISM", 5)),
        (("PRISM", 5), ("DM, noise", 5)),
    ],
    "toy_reversal": [
        *((("DC", 1), (other, 1)) for other in ("PRISM", "DM, noise")),
        (("DSA", 1), ("DM, real", 1)),
        (("two key frames, DSA", 1), ("two key frames", 1)),
        *((("two key frames", 1), (other, 1)) for other in ("PRISM", "DM, noise")),
    ],
    "many_videos": [
        *(((CLUSTER, vpc), ("random, two frames 16×16", vpc)) for vpc in (1, 2, 5, 10, 20)),
        ((CLUSTER, 5), ("random, 8×8", 5)),
        ((f"{CLUSTER}, once more", 5), ("random, 8×8", 5)),
        (("random, 8×8", 5), ("random, two frames 16×16", 5)),
        *(((CLUSTER, vpc), (SMALL, vpc)) for vpc in (2, 5, 10)),
        ((CLUSTER, 5), (f"{SMALL}, 20 clips", 5)),
        *(((CLUSTER, vpc), ("herding", vpc)) for vpc in (1, 2, 5, 10, 20)),
        *((("cluster targets, two key frames 32×32", vpc), (CLUSTER, vpc)) for vpc in (10, 20)),
        *(((f"{CLUSTER}, {other}", 5), (CLUSTER, 5)) for other in ("16 clips", "siamese", "once more")),
        *(((f"{CLUSTER}, {other}", 5), (f"{CLUSTER}, once more", 5)) for other in ("16 clips", "siamese")),
        *(((CLUSTER, 20), (name, 5)) for name in ("random", "herding")),
        *(((CLUSTER, 1), (name, 1)) for name in ("PRISM", "DM, noise")),
        *((("PRISM", vpc), ("DM, noise", vpc)) for vpc in (1, 2, 5, 10)),
        *(((CLUSTER, 5), (other, 5)) for other in OTHERS),
        *((("PRISM" + scale, 5), ("static-dynamic", 5)) for scale in ("", ", a tenth of the noise")),
        (("cluster targets, PRISM", 5), ("PRISM", 5)),
        *(
            ((BY_GRADIENTS, vpc), (other, vpc))
            for vpc in (2, 5)
            for other in (CLUSTER, "random, two frames 16×16", "herding")
        ),
        ((BY_GRADIENTS, 5), ("static-dynamic", 5)),
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
        "methods": partial(_plan, "Every method with one video per class on ucf101-5"),
        "tuned": partial(_tuned, "Settings of the methods with one video per class"),
        "tuned_many_videos": partial(_tuned, "Settings of sets of five videos per class"),
        "toy_methods": partial(_plan, "Every method with one video per class on the toy set, scenes"),
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
        "judge": partial(_judge, "How long, and how fast, the judging networks train"),
        "judge_toy": partial(
            _judge, "How long, and how fast, the judging networks train: the toy set, scenes"
        ),
        "judges": _judges,
        "contrast": _contrast,
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


def _section(
    result: dict[str, Any],
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    texts: int = 1,
    before: str = "",
    note: str = "",
    words: str | None = None,
) -> str:
    """A title, what the benchmark says of itself, its table, and where it was measured.

    Args:
        result: of the benchmark.
        title: of the section.
        columns: their titles.
        rows: the cells of each.
        texts: how many columns, from the left, are not numbers.
        before: what to say between words and table.
        note: what to say below the table.
        words: instead of what the benchmark says of itself.
    """
    lines = [f"## {title}", "", words or _words(result), "", *([before, ""] if before else [])]
    lines += [_row(columns), "|" + "---|" * texts + "---:|" * (len(columns) - texts), *map(_row, rows)]
    return "\n".join([*lines, "", f"{note} {_machine(result)}".strip(), ""])


def _row(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def _main_job(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["set", "repeats × networks", "accuracy", "over repeats", "over groups", "train"]
    columns += ["key frames a video", "paper MB", "bytes"]
    rows = [
        (
            name,
            f"{row['repeats']} × {row['networks_a_repeat']}",
            _accuracy(row),
            _interval(row["interval_over_repeats"]),
            _interval(row["interval_over_groups"]),
            _percent(row["train_accuracy"]),
            "–" if row["key_frames_a_video"] is None else f"{row['key_frames_a_video']:.2f}",
            "–" if row["paper_mb"] is None else f"{row['paper_mb']:.2f}",
            "–" if row["bytes"] is None else _thousands(row["bytes"]),
        )
        for name, row in result["rows"].items()
    ]
    diverged = sum(row["diverged"] for row in result["rows"].values())
    note = f"Networks that diverged: {diverged}."
    return _section(result, "The main job on real clips", columns, rows, note=note)


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
    for row in result["rows"]:  # by the name alone of several codecs the last, in which sets are stored
        if row.get("labels", HARD) == HARD:
            for name in (row["name"], f"{row['name']}, {row['codec']}"):
                found[name, row["vpc"]] = row["accuracies"]
    lines = []
    for one, other in PAIRS.get(result["benchmark"], _by_size(result)):
        ours, theirs = found.get(one, {}), found.get(other, {})
        seeds = sorted(ours.keys() & theirs.keys())
        pairs = paired_difference([ours[seed] for seed in seeds], [theirs[seed] for seed in seeds])
        if pairs.interval is None or pairs.mean is None:
            continue
        cells = [*(f"{name}, VPC {vpc}" for name, vpc in (one, other)), str(pairs.pairs)]
        cells += [f"{100 * pairs.mean:+.1f}", _interval(list(pairs.interval))]
        lines.append(_row(cells))
    if not lines:
        return []
    titles = "| set | less that of | pairs | difference in accuracy | 95 % CI (paired) |"
    said = (
        f"{len(lines)} other differences in pairs by seed. With so many comparisons some intervals miss by "
        "chance: they are not adjusted for that."
    )
    return [said, "", titles, "|---|---|---:|---:|---:|", *lines, ""]


def _by_size(result: dict[str, Any]) -> list[tuple[tuple[str, int], tuple[str, int]]]:
    """Of a plan of budgets.py: at each size what was learned best against each kind of real clips."""
    pairs = []
    rows = result["rows"] if result["benchmark"].startswith("budgets_") else []
    for size in dict.fromkeys(row["name"].split(", ")[0] for row in rows if row["method"]):
        own = [row for row in rows if row["name"].startswith(f"{size}, ")]
        best, *others = own
        real = [row for row in others if row["method"] != best["method"]]
        pairs += [((best["name"], best["vpc"]), (row["name"], row["vpc"])) for row in real]
    return pairs


def _how(plan: str) -> str:
    """The command that computes a comparison; of one whose subject is gone, that it is in the history."""
    if (ROOT / "benchmarks" / "plans" / f"{plan}.toml").exists():
        return f"Script: `python benchmarks/plan.py {plan}`."
    return f"Script: `python benchmarks/plan.py {plan}`, in the history: the plan went with what it measured."


def _judge(title: str, path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["trained on, and how", "folds", "held-out accuracy", "training accuracy"]
    rows = [
        (name, row["folds"], _accuracy(row), _percent(row["train_accuracy"]))
        for name, row in result["rows"].items()
    ]
    return _section(result, title, columns, rows)


def _judges(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["judge", "five videos per class, or one", "contrast", "n", "accuracy %", "to random clips"]
    columns += ["95 % CI (paired)", "to cluster targets", "95 % CI (paired)", "to 0.01", "95 % CI (paired)"]
    rows = [
        (
            *(row["judge"], row["set"], f"{row['contrast']:.2f}", len(row["seeds"])),
            *(_accuracy(row), *_difference(row), *_difference({"difference": row["to_clusters"]})),
            *_difference({"difference": row["to_slow"]}),
        )
        for row in result["rows"]
    ]
    return _section(result, "The judging networks' learning rate", columns, rows, texts=2)


def _contrast(path: Path) -> str:
    result = json.loads(path.read_text())
    rows = [
        (row["plan"], row["set"], row["n"], f"{row['contrast']:.2f}", f"{row['most']:.2f}")
        for row in result["rows"]
    ]
    columns = ["plan", "set", "n", "contrast", "most"]
    return _section(result, "The contrast of sets", columns, rows, texts=2)


def _targets(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["variant", "VPC", "folds", "seeds", "accuracy", "difference to `cluster`", "95 % CI"]
    columns.append("spread within a class")
    rows = []
    for row in result["rows"]:
        shown, interval = _difference(row)
        known = [each for each in row["accuracies"] if each is not None]
        found = row["difference"] or {"mean": None, "pairs": None}
        interval += pairs_text(found["mean"], found["pairs"], len(known))
        cells = [row["variant"], row["vpc"], f"{len(known)} of {result['folds']}", len(row["repeats"])]
        cells.append(_accuracy(row))
        spread = "–" if row["spread"] is None else f"{row['spread']:.3f}"
        rows.append([*cells, shown, interval, spread])
    return _section(result, "Whose mean a video should match", columns, rows)


def _conflicts(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["", "frames", "iterations", "cosine", "in conflict", "ever", "again", "by chance"]
    columns += ["4 in a row", "16"]
    shares = ("in_conflict", "ever", "again", "again_by_chance", "4_in_a_row", "16_in_a_row")
    rows = [
        [name, row["frames"], row["iterations"], f"{row['median']:.3f}"]
        + [f"{_percent(row[key])} %" for key in shares]
        for name, row in result["rows"].items()
    ]
    return _section(result, "How often frames are in conflict", columns, rows)


def _motion(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["set", "seeds", "frame difference", "flow px/frame", "explained"]
    columns += ["in order", "shuffled", "backwards", "lost if shuffled", "95 %"]
    rows = []
    for name, row in result["rows"].items():
        cells = [name, row["seeds"], f"{row['energy']:.4f}", f"{row['speed']:.2f}"]
        orders = (row[order] for order in ("ordered", "shuffled", "reversed"))
        told = [_accuracy({"accuracy": each["mean"], "std": each["std"]}) for each in orders]
        lost = [_percent(row["lost"]["mean"]), _interval(row["lost"]["interval"])]
        rows.append([*cells, f"{_percent(row['explained'])} %", *told, *lost])
    return _section(result, "Motion of sets of the toy set, scenes", columns, rows)


def _tuned(title: str, path: Path) -> str:
    result = json.loads(path.read_text())
    rows = []
    for row in result["rows"]:
        told = []
        for trial in row["trials"]:
            found = trial["accuracies"]
            setting = " ".join(f"{key} {value:g}" for key, value in trial["setting"].items())
            failed = None in found or not found
            text = f"{setting}: " + ("failed" if failed else f"{_percent(mean(found))} ({len(found)})")
            told.append(f"**{text}**" if trial["setting"] == row["chosen"] else text)
        rows.append([row["set"], "; ".join(told)])
    before = (
        "Mean accuracy over the folds a setting was judged on, in brackets how many; the first is the "
        "default, bold what was chosen."
    )
    return _section(result, title, ["set", "settings"], rows, texts=2, before=before)


def _budgets(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["data", "kB a class", "what", "match", "key frames", "codec", "forms", "VPC", "side", "bytes"]
    columns += ["folds", "accuracy %", "judge"]
    rows = []
    for race in result["rows"]:
        for heat, found in race["heats"].items():
            for each in found["forms"][: found["confirmed"]]:
                setting, accuracies = each["setting"], each["accuracies"]
                more = " and more" if setting["insertion"] != "none" else ""
                bits = f", {setting['bits']} bits" if setting["bits"] != 8 else ""
                how = [setting.get("match", "dm"), setting["match-targets"]]
                how += ["from real"] if setting.get("init") == "real" else []
                match = ", ".join(how) if heat == "learned" else "–"
                cells = [race["data"], race["kilobytes"], heat, match]
                cells += [f"{setting['initial-key-frames']}{more}", setting["codec"] + bits, found["raced"]]
                cells += [setting["vpc"], setting["key-frame-size"], _thousands(each["bytes"])]
                rows.append(
                    [*cells, len(accuracies), _percent(mean(accuracies)), judge_text(race["evaluate"])]
                )
    before = (
        "Of each race the best settings, which test clips then confirm; `match`: what, of whom, and from "
        "what where that is not noise."
    )
    title = "What bytes are best used for: the races"
    return _section(result, title, columns, rows, texts=6, before=before)


def _diversity(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["set", "seeds", "smooth", "spread, random", "spread, trained", "told"]
    rows = []
    for row in result["rows"]:
        told = []
        for key in ("smooth", "spread_random", "spread_trained", "told"):
            deviation = "" if row[key]["std"] is None else f" ± {row[key]['std']:.3f}"
            told.append(f"{row[key]['mean']:.3f}{deviation}")
        rows.append([row["set"], row["seeds"], *told])
    return _section(result, "What is in the videos of these sets", columns, rows)


def _on_top(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["learned on by", "labels", "n", "accuracy %", "to the set as it was", "95 % CI (paired)"]
    rows = [
        (row["way"], row["labels"], len(row["seeds"]), _accuracy(row), *_difference(row))
        for row in result["rows"]
    ]
    title = "Trajectory and kernel matching on top of cluster targets"
    return _section(result, title, columns, rows, texts=2)


def _labels(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["set", "labels", "n", "bytes", "accuracy %", "to hard labels", "95 % CI (paired)"]
    columns += ["to real clips, same labels", "95 % CI (paired)"]
    rows = [
        (
            *(row["set"], row["labels"], len(row["seeds"]), _thousands(row["bytes"])),
            *(_accuracy(row["to_hard"]), *_difference(row["to_hard"]), *_difference(row["to_real"] or {})),
        )
        for row in result["rows"]
    ]
    return _section(result, "Soft labels of a teacher on ucf101-5", columns, rows, texts=2)


def _transfer(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["trained on", "seeds", *next(iter(result["rows"].values()))]
    rows = []
    for name, row in result["rows"].items():
        cells = [name, len(result["seeds"][name])]
        for found in row.values():
            told = _accuracy(found)
            if (difference := found["difference"]) and difference["interval"]:
                told += f" ({100 * difference['mean']:+.1f}: {_interval(difference['interval'])})"
            cells.append(told)
        rows.append(cells)
    before = (
        f"Mean and deviation over repeats, %; in brackets the difference to {result['baseline']}, in pairs."
    )
    return _section(result, "Retrieval, linear probe, few real clips", columns, rows, before=before)


def _representations(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["representation", "bytes a video", "n", "accuracy", "95 % CI", f"to {result['baseline']}"]
    columns.append("95 % CI (paired)")
    rows = [
        (
            *(name, f"{row['bytes']:.0f}", len(row["accuracies"])),
            *(_accuracy(row), _interval(row["interval"]), *_difference(row)),
        )
        for name, row in result["rows"].items()
    ]
    return _section(result, "What the bytes of a synthetic video should be", columns, rows)


def _control_variates(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["network", "way", "clips a class", "error", "95 % CI over networks", "worth"]
    rows = []
    for row in result["rows"]:
        low, high = row["interval"]
        cells = [row["model"], row["way"], row["batch"], f"{row['error']:.2f}", f"{low:.2f} to {high:.2f}"]
        rows.append([*cells, f"{row['worth']:.1f}"])
    note = (
        f"{result['networks']} networks, {result['draws']} draws each; {result['clips_a_class']:.0f} clips."
    )
    title = "How well a batch tells the mean of its class"
    return _section(result, title, columns, rows, texts=2, note=note)


def _ranks(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["what", "classes", "seconds an iteration, one process", "two processes", "efficiency"]
    columns.append("of each turn")
    rows = [
        (
            row["case"],
            row["classes"],
            f"{median(row['seconds_one_process_two_threads']):.2f}",
            f"{median(row['seconds_two_processes_one_thread']):.2f}",
            f"{row['efficiency']:.2f}",
            ", ".join(f"{each:.2f}" for each in row["efficiency_of_turns"]),
        )
        for row in result["rows"]
    ]
    return _section(result, "Two processes of one thread, one of two", columns, rows)


def _toy(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["frames", "accuracy (chance 10)", "right member of the pair (chance 50)", "test clips"]
    rows = [
        (name, _percent(row["accuracy"]), _percent(row["within_pairs"]), row["test_clips"])
        for name, row in result["rows"].items()
    ]
    return _section(result, "The toy set: only motion tells", columns, rows)


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
    measured = {
        "decoding, clips": result["decode"],
        "mean features of real clips": result["real"],
        "gradients of synthetic videos": result["synthetic"],
        f"training steps, {settings['batch_size']} clips each": result["training"],
        f"iterations of PRISM, {real_clips} real clips a class": result["iterations"],
    }
    rows = [
        (name, f"{row['per_second']:.2f}", f"{_percent(row['share'])} %" if row["share"] else "–")
        for name, row in measured.items()
    ]
    words = (
        f"`vidcondense bench {settings['data']}`: {settings['match']['model']} on "
        f"{clip['num_frames']}×{clip['size']}×{clip['size']}, {settings['classes']} classes, "
        f"{settings['precision']}, all threads. The share is of the measured peak of a matrix product, "
        f"{result['peak']['float32'] / 1e12:.3f} TFLOP/s."
    )
    columns = ["what", "a second", "share of the peak"]
    note = f"Peak memory {result['memory_mb']:.0f} MiB."
    return _section(result, "What this machine does", columns, rows, note=note, words=words)


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
    columns = ["networks", "seconds", "PFLOP", "TFLOP/s", "matrix peak", "share", "GPU MiB"]
    rows = [
        (
            name,
            f"{row['condensation_seconds']:.0f}",
            f"{row['flop'] / 1e15:.1f}",
            f"{row['flops'] / 1e12:.1f}",
            f"{row['matrix_peak'] / 1e12:.0f}",
            f"{_percent(row['share_of_peak'])} %",
            f"{row['gpu_mib']:.0f}",
        )
        for name, row in result["rows"].items()
    ]
    note = f"{result['machine']['gpu']}."
    return _section(result, "A whole condensation on one large GPU", columns, rows, note=note)


def _first_convolution(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["network", "clip", "precision", "a pass", "with the fast gradient", "ratio"]
    columns += ["the gradient", "fast", "ratio", "relative difference"]
    rows = []
    for row in result["rows"]:
        cells = [row["model"], "×".join(map(str, row["shape"])), row["precision"]]
        for found in (row["pass"], row["gradient"]):
            cells += [f"{1000 * found[way]:.1f} ms" for way in ("plain", "fast")] + [f"{found['ratio']:.2f}"]
        rows.append([*cells, f"{row['relative_difference']:.1g}"])
    note = f"{result['videos']} videos a pass, {result['turns']} passes each."
    return _section(result, "The gradient of the first convolution", columns, rows, texts=3, note=note)


def _compile(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["clip", "precision", "eager", "compiled", "ratio", "compiling", "passes each"]
    rows = []
    for row in result["rows"]:
        ways = {"": row, ", CUDA graphs": row["graphs"]} if "graphs" in row else {"": row}
        for way, found in ways.items():
            cells = ["×".join(map(str, row["shape"])), row["precision"] + way]
            cells += [f"{1000 * row['seconds_eager']:.0f} ms", f"{1000 * found['seconds_compiled']:.0f} ms"]
            cells += [f"{found['ratio']:.2f}", f"{found['seconds_compiling']:.0f} s", row["passes"]]
            rows.append(cells)
    note = f"{result['videos']} videos a pass on {result['device']}."
    return _section(result, "Compiled networks", columns, rows, texts=2, note=note)


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
    columns = ["clips", "seconds", "a clip", "again, from the cache", "peak memory"]
    rows = [
        (
            _thousands(row["clips"]),
            f"{row['seconds_index']:.1f}",
            f"{row['milliseconds_a_clip']:.1f} ms",
            f"{row['seconds_from_cache']:.2f} s",
            f"{row['mib_peak']:.0f} MiB",
        )
        for row in result["rows"]
    ]
    return _section(result, "Indexing many videos", columns, rows, texts=0)


def _mtt_memory(path: Path) -> str:
    result = json.loads(path.read_text())
    columns = ["gradient", "steps of the student", "peak memory", "processor time", "loss"]
    rows = []
    for row in result["rows"]:
        fits = row["mib_peak"] is not None
        cells = [row["way"], row["steps"]]
        cells.append(f"{row['mib_peak'] / 1024:.1f} GiB" if fits else f"more than {row['cap_gib']} GiB")
        cells.append(f"{row['cpu_seconds']:.0f} s" if fits else "–")
        rows.append([*cells, f"{row['loss']:.5f}" if fits else "–"])
    note = f"Forward passes in {result['precision']}."
    return _section(result, "The memory of an iteration of MTT", columns, rows, note=note)


def _example(title: str, path: Path) -> str:
    """The table of an example; see examples/common.py."""
    result = json.loads(path.read_text())
    about = [text for text in result["about"].strip().split("\n\n") if not text.startswith("    ")]
    columns = list(dict.fromkeys(column for row in result["rows"].values() for column in row))
    settings = ", ".join(f"{name} {value}" for name, value in result["settings"].items())
    script = f"examples/{result['benchmark'].removeprefix('example_')}.py"
    rows = [
        [name, *(_of_seeds(column, row.get(column)) for column in columns)]
        for name, row in result["rows"].items()
    ]
    before = f"Means over seeds, with intervals. Script: `{script}`; {settings}."
    return _section(result, title, ["", *columns], rows, before=before, words="\n\n".join(about))


def _of_seeds(column: str, told: dict[str, Any] | None) -> str:
    """Bytes as a number, a correlation with two digits, shares in percent."""
    if told is None:
        return "–"
    if "bytes" in column:
        return _thousands(told["mean"])
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
    script = result.get("script", f"{result['benchmark']}.py")
    return "\n\n".join([*said, f"Script: `benchmarks/{script}`."])


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


def _thousands(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _interval(interval: list[float] | None) -> str:
    return "–" if interval is None else f"{_percent(interval[0])} to {_percent(interval[1])}"


if __name__ == "__main__":
    PAGE.write_text(page())
