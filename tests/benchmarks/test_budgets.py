from __future__ import annotations

import json
import tarfile
import tomllib
from pathlib import Path

import budgets
import cells
import pytest

from vidcondense.comparison.run import Jobs
from vidcondense.files import write_json
from vidcondense.recipe import Recipe, from_keys
from vidcondense.tuning.candidates import candidates
from vidcondense.video.toy import ToyOptions, make_toy

BENCHMARKS = Path(budgets.__file__).parent


def form(method, side, *accuracies, targets="class"):
    setting = {"method": method, "key-frame-size": side, "insertion": "none", "initial-key-frames": 2}
    setting |= {"codec": "webp", "bits": 8, "vpc": 1, "match-targets": targets, "quality": 40}
    return {"setting": setting, "bytes": 900, "accuracies": list(accuracies)}


def order(forms):
    return [(each["setting"]["method"], each["setting"]["key-frame-size"]) for each in forms]


def test_the_best_went_farthest_and_did_not_fail():
    found = [
        form("random", 8, 0.1, 0.6),
        form("random", 16, 0.9),
        form("random", 32, 0.5, 0.4),
        form("random", 64, 0.9, None),
    ]
    assert order(budgets.ranked(found)) == [("random", 32), ("random", 16)]


def test_what_stayed_in_without_merit_counts_only_where_it_is_best():
    poor, good = form("random", 8, 0.1, 0.1, 0.1), form("random", 8, 0.5, 0.5, 0.5)
    others = [form("random", 16, 0.3, 0.3, 0.3), form("random", 32, 0.4)]
    assert order(budgets.ranked([poor, *others])) == [("random", 16), ("random", 32)]
    assert order(budgets.ranked([good, *others])) == [("random", 8), ("random", 16), ("random", 32)]


def test_the_plan_has_the_finalists_and_one_of_each_kind_of_real_clips():
    learned = [form("prism", side, 0.5, targets="cluster") for side in (8, 16, 32, 64)]
    heats = {"learned": {"confirmed": 3, "forms": learned}}
    for kind in ("random", "herding"):
        heats[kind] = {"confirmed": 1, "forms": [form(kind, 8, 0.4), form(kind, 16, 0.3)]}
    sets = budgets.plan_of("toy", [{"kilobytes": 1, "budget": "2kB", "heats": heats}])["sets"]
    assert next(iter(sets)) == "1 kB, cluster targets, 2 frames of 8×8, webp"
    chosen = [(each["method"], each["key-frame-size"]) for each in sets.values()]
    assert chosen == [("prism", 8), ("prism", 16), ("prism", 32), ("random", 8), ("herding", 8)]
    assert {each["budget"] for each in sets.values()} == {"2kB"}


def test_a_race_is_run_and_makes_a_plan(tmp_path, monkeypatch):
    folder = tmp_path / "toy"
    make_toy(folder, ToyOptions(pairs=1, train_per_class=8, test_per_class=2, num_frames=8, size=44))
    short = {"model": "convnet3d-16", "num-frames": 8, "stride": 1, "size": 44, "iterations": 2}
    monkeypatch.setitem(budgets.DATA, "toy", budgets.Data(lambda: folder, short, "the toy set"))
    monkeypatch.setattr(budgets, "JUDGE", {**budgets.JUDGE, "steps": 1})
    monkeypatch.setattr(budgets, "FOLDS", 2)

    def few(*arguments):
        found = candidates(*arguments)
        titles = {budgets.title(2, each.setting) for each in found}
        assert len(titles) == len(found), "what is in a plan has a title of its own"
        small = [each for each in found if each.setting["key-frame-size"] == 8]
        kinds = ("random", "herding", "prism")
        return [next(each for each in small if each.setting["method"] == kind) for kind in kinds]

    monkeypatch.setattr(budgets, "candidates", few)
    write_json(tmp_path / "work" / "of another grid" / "random" / "state.json", {"asked": {}, "settings": []})
    found = budgets.raced("toy", 2, tmp_path / "work", Jobs(jobs=2, threads=1))
    assert found["budget"] == "4kB"
    confirmed = {heat: each["confirmed"] for heat, each in found["heats"].items()}
    assert list(confirmed.items()) == [("learned", budgets.FINALISTS), ("random", 1), ("herding", 1)]
    assert len(list((tmp_path / "work").iterdir())) == 1, "what another grid began is gone"
    for heat in found["heats"].values():
        assert [len(each["accuracies"]) for each in heat["forms"]] == [2]
        assert all(0 < each["bytes"] <= 4000 for each in heat["forms"])
    plan = budgets.plan_of("toy", [found])
    assert [each["method"] for each in plan["sets"].values()] == ["prism", "random", "herding"]
    for setting in plan["sets"].values():
        assert from_keys(Recipe, {**plan["condense"], **setting}).condense.max_bytes == 4000


def test_a_race_by_another_judge_is_kept_but_run_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "RUNS", tmp_path)
    monkeypatch.setattr(cells, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(budgets, "RUNS", tmp_path)
    cells.restore.cache_clear()
    today = {**budgets.asked("toy", 8), "budget": "40kB", "heats": {}}
    slow = {**today, "kilobytes": 1, "evaluate": {**budgets.JUDGE, "lr": 0.01, "augment": False}}
    for race in (slow, today):
        write_json(tmp_path / "budgets" / f"toy {race['kilobytes']}.json", race)
    races = budgets.races_of("toy")
    assert [budgets.as_asked(race) for race in races] == [False, True]
    assert "The race of 1 kB was judged by 500 steps at 0.01 on plain clips." in budgets.head("toy", races)
    for kilobytes in (1, 2, 8):
        heat = tmp_path / "budgets" / "work" / f"toy {kilobytes}" / "0123" / "random"
        write_json(heat / "state.json", {})
        write_json(heat / "cells" / "a.json", {})
    cells.publish("budgets", {"rows": races}, budgets.unfinished(races))
    with tarfile.open(tmp_path / "results" / "cells" / "budgets.tar.xz") as archive:
        kept = archive.getnames()
    cells.restore.cache_clear()
    parts = ("0123/random/cells/a.json", "0123/random/state.json")
    assert kept == [f"work/toy {kilobytes}/{part}" for kilobytes in (1, 2) for part in parts]


@pytest.mark.parametrize("name", budgets.DATA)
def test_the_committed_plan_is_what_the_races_chose(name):
    path = BENCHMARKS / "results" / "budgets.json"
    races = json.loads(path.read_text())["rows"] if path.exists() else []
    own = [each for each in races if each["data"] == name]
    if not own:
        pytest.skip("no race was run yet")
    plan = tomllib.loads((BENCHMARKS / "plans" / f"budgets_{name}.toml").read_text())
    assert plan == json.loads(json.dumps(budgets.plan_of(name, own)))
