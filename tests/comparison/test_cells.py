from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import partial

import pytest
import tomli_w
import torch

from vidcondense import rng
from vidcondense.comparison.cells import check_experts, forget_cell, missing, read_cell, run_cell
from vidcondense.comparison.plan import make_plan
from vidcondense.comparison.run import compare
from vidcondense.compute import versions_of
from vidcondense.condensation import condense
from vidcondense.errors import DataError, FormatError, OutputError, UsageError
from vidcondense.evaluation.evaluate import evaluate
from vidcondense.evaluation.results import as_dict
from vidcondense.recipe import Recipe, from_keys, read_recipe
from vidcondense.storage.condensed import load_condensed
from vidcondense.training.experts import ExpertOptions, train_experts
from vidcondense.tuning.tune import TuneOptions, tune
from vidcondense.video.folds import fold_name, training_folds
from vidcondense.video.index import load_data

COMMON = {"num-frames": 8, "stride": 1, "size": 44, "iterations": 2, "real-batch": 2}


def find(plan, name):
    return next(each for each in plan.entrants if each.name == name)


def on_disk(place, random, compute):
    """The result of random clips, computed: where it is kept, and what is written there."""
    run_cell(place, random, 0, compute=compute)
    path = place.result("random-0")
    return path, json.loads(path.read_text())


def test_cell_is_what_condense_and_evaluate_give(plan, place, compute, tmp_path):
    prism = find(plan, "PRISM")
    cell = run_cell(place, prism, 1, compute=compute)
    data = load_data(place.data, place.reading, prism.recipe.clip)
    options = replace(prism.recipe.condense, seed=1, codec="uint8")
    own = condense(data.train, tmp_path / "own", options, compute=compute)
    judge = replace(prism.evaluation, seed=rng.derive_seed(0, "set", 1))
    float32, uint8 = cell["entries"]
    assert (float32["codec"], uint8["codec"]) == ("float32", "uint8")
    assert uint8["bytes"] < float32["bytes"] / 3
    seen = 3 * (2 * 2 + 2)  # iterations × (targets × real batch + videos)
    assert float32["clip_evaluations"] == uint8["clip_evaluations"] == seen
    assert uint8["key_frames"] == [len(row) for row in own.positions]
    kept = load_condensed(place.set("prism-1", "uint8"))
    assert int((kept.key_frames - own.key_frames).abs().max() * 255 + 0.5) <= 1
    found = evaluate(kept, data.test, judge, compute=compute)
    assert uint8["evaluation"] == json.loads(json.dumps(as_dict(found)))
    assert read_cell(place, prism, 1) == json.loads(json.dumps(cell))
    assert missing(prism, cell) == []
    assert (cell["peak_memory_mb"] > 50, cell["peak_gpu_mb"]) == (True, None)
    assert uint8["condensed_with"] == uint8["judged_with"] == versions_of(compute)


def test_cell_keeps_the_recipe_of_its_set(plan, place, compute):
    random = find(plan, "random")
    cell = run_cell(place, random, 1, compute=compute)
    assert cell["entries"][0]["clip_evaluations"] == 0
    recipe = read_recipe(place.set("random-1", "uint8") / "recipe.toml")
    assert recipe.condense == replace(random.recipe.condense, seed=1)
    assert recipe.clip == random.recipe.clip


def test_a_new_codec_or_network_is_added_without_condensing_again(plan, place, compute, monkeypatch):
    prism = find(plan, "PRISM")
    run_cell(place, replace(prism, codecs=("float32",)), 0, compute=compute)
    monkeypatch.setattr("vidcondense.comparison.cells.condense", None)
    cell = run_cell(place, prism, 0, compute=compute)
    assert [entry["codec"] for entry in cell["entries"]] == ["float32", "uint8"]


@pytest.mark.parametrize("own", [{"codec-aware": True}, {"bits": 4}])
def test_sets_learned_for_their_codec_are_condensed_for_each(place, compute, own):
    tables = {
        "repeats": 1,
        "networks": 1,
        "condense": {**COMMON, "method": "still"},
        "evaluate": {"steps": 1},
        "sets": {"own": {"codec": ["uint8", "lzma"], **own}},
    }
    run_cell(place, make_plan(tables, place.data).entrants[0], 0, compute=compute)
    made = {codec: load_condensed(place.set("own-0", codec)) for codec in ("uint8", "lzma")}
    assert not place.set("own-0", "float32").exists()
    assert [each.manifest["codec"] for each in made.values()] == ["uint8", "lzma"]
    assert made["uint8"].key_frames.equal(made["lzma"].key_frames)
    assert made["lzma"].manifest["bits"] == own.get("bits", 8)


def test_other_options_are_refused_by_name(plan, place, compute):
    random = find(plan, "random")
    run_cell(place, random, 0, compute=compute)
    other = replace(random, evaluation=replace(random.evaluation, steps=3))
    with pytest.raises(OutputError, match=r"evaluate.steps: 2 → 3"):
        run_cell(place, other, 0, compute=compute)
    with pytest.raises(OutputError, match=r"folds: None → 2"):
        run_cell(replace(place, folds=2), random, 0, compute=compute)


def test_options_that_came_later_had_their_default(plan, place, compute):
    random = find(plan, "random")
    random = replace(random, evaluation=replace(random.evaluation, augment=False))
    path, cell = on_disk(place, random, compute)
    del cell["recipe"]["init-scale"], cell["recipe"]["momentum"], cell["evaluate"]["augment"]
    path.write_text(json.dumps(cell))
    other = replace(
        random, recipe=replace(random.recipe, condense=replace(random.recipe.condense, momentum=0.5))
    )
    with pytest.raises(OutputError, match=r"recipe\.momentum: 0.95 → 0.5\)"):
        read_cell(place, other, 0)
    altered = replace(random, evaluation=replace(random.evaluation, augment=True))
    with pytest.raises(OutputError, match=r"\(evaluate\.augment: False → True\)"):  # then clips were plain
        read_cell(place, altered, 0)


def test_networks_of_another_default_rate_are_no_ones_of_today(plan, place, compute):
    random = find(plan, "random")
    path, cell = on_disk(place, random, compute)
    assert "lr" not in cell["evaluate"]
    cell["entries"][0]["evaluation"]["training"]["lr"] = 0.003
    path.write_text(json.dumps(cell))
    with pytest.raises(OutputError, match=r"\(evaluate\.lr: 0.003 → None\)"):
        read_cell(place, random, 0)


def test_options_that_are_no_more_count_only_where_they_meant_something_else(plan, place, compute):
    random = find(plan, "random")
    path, cell = on_disk(place, random, compute)
    cell["recipe"]["interpolation"] = "linear"
    path.write_text(json.dumps(cell))
    assert read_cell(place, random, 0) is not None
    cell["recipe"]["interpolation"] = "cubic"
    path.write_text(json.dumps(cell))
    with pytest.raises(OutputError, match=r"recipe\.interpolation: cubic → None\)"):
        read_cell(place, random, 0)


def test_a_result_of_other_videos_is_refused_but_an_older_one_says_nothing_of_them(
    plan, place, compute, tmp_path
):
    random = find(plan, "random")
    cell = run_cell(place, random, 0, compute=compute)
    shutil.copytree(place.data, tmp_path / "moved")
    moved = replace(place, data=tmp_path / "moved")
    assert read_cell(moved, random, 0) == cell, "the same videos elsewhere"
    assert read_cell(replace(place, data=tmp_path / "gone"), random, 0) == cell, "only to be shown"
    video = next(path for path in sorted(moved.data.rglob("*")) if path.is_file() and "train" in path.parts)
    video.rename(video.with_stem("other"))
    other = replace(moved)
    for use in (read_cell, partial(run_cell, compute=compute)):
        with pytest.raises(OutputError, match=r"random-0\.json was computed from other training videos than"):
            use(other, random, 0)
    del cell["train_split"]
    place.result("random-0").write_text(json.dumps(cell))
    assert run_cell(other, random, 0, compute=compute) == cell


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"recipe": {}, "evaluate": {}, "folds": null, "entries": [3]}']
)
def test_damaged_result_is_named(plan, place, text):
    random = find(plan, "random")
    path = place.result("random-0")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(FormatError, match=r"random-0\.json.*delete it to compute the cell anew"):
        read_cell(place, random, 0)


def test_full_data_trains_on_all_clips(plan, place, compute):
    (entry,) = run_cell(place, find(plan, "full data"), 0, compute=compute)["entries"]
    assert entry["evaluation"]["num_train"] == 8
    assert entry["codec"] is None


def test_folds_hold_out_whole_groups_of_training_clips(place, compute):
    tables = {"folds": 2, "condense": {"num-frames": 8, "stride": 1, "size": 44}, "evaluate": {"steps": 1}}
    plan = make_plan({**tables, "sets": {"random": {"method": "random"}}, "full-data": {}}, place.out)
    place = replace(place, folds=plan.folds)
    full = find(plan, "full data")
    train = load_data(place.data, place.reading, full.recipe.clip).train
    seen = []
    for seed in (0, 1):
        (entry,) = run_cell(place, full, seed, compute=compute)["entries"]
        judged = entry["evaluation"]
        assert judged["num_train"] + judged["num_test"] == len(train)
        assert set(judged["groups"]) <= set(train.groups)
        seen += judged["groups"]
    assert sorted(seen) == sorted(train.groups)
    made = run_cell(place, find(plan, "random"), 1, compute=compute)
    assert made["folds"] == 2
    kept = load_condensed(place.set("random-1", "uint8"))
    held_out = [
        index for index, group in enumerate(train.groups) if group in set(seen[-judged["num_test"] :])
    ]
    for clip in (kept.clips([index])[0] for index in range(len(kept))):
        gaps = [(clip - train[index][0]).abs().max() for index in held_out]
        assert torch.stack(gaps).min() > 0.01, "a held-out clip was selected"


def test_a_video_that_judging_lacks_moves_no_clip_to_the_other_side(place, compute, monkeypatch):
    tables = {"folds": 2, "condense": {"num-frames": 8, "stride": 1, "size": 44}, "evaluate": {"clips": 3}}
    plan = make_plan({**tables, "sets": {"random": {"method": "random"}}, "full-data": {}}, place.out)
    judged = []

    def lacking(*given, **named):
        real = load_data(*given, **named)
        views = given[2].clips_per_video
        return replace(real, train=real.train.subset(range(1, len(real.train)))) if views == 3 else real

    def watched(clips, test, *rest, **named):
        judged.append((clips.paths, test.paths))
        raise UsageError("seen")

    monkeypatch.setattr("vidcondense.comparison.cells.load_data", lacking)
    monkeypatch.setattr("vidcondense.comparison.cells.evaluate", watched)
    for seed in (0, 1):
        with pytest.raises(UsageError, match="seen"):
            run_cell(replace(place, folds=2), find(plan, "full data"), seed, compute=compute)
    assert all(test and not set(train) & set(test) for train, test in judged)
    assert sum(len(test) for _, test in judged) == 7


def test_a_set_of_other_options_is_never_taken_for_that_of_the_plan(plan, place, compute):
    prism = find(plan, "PRISM")
    run_cell(place, prism, 0, compute=compute)
    place.result("prism-0").unlink()  # as when it was interrupted while networks judged the set
    recipe = prism.recipe
    other = replace(prism, recipe=replace(recipe, condense=replace(recipe.condense, lr=3.0)))
    with pytest.raises(OutputError, match=r"lr: None → 3\.0\)"):
        run_cell(place, other, 0, compute=compute)
    with pytest.raises(OutputError, match=r"data\.held_out_fold: None → "):
        run_cell(replace(place, folds=2), prism, 0, compute=compute)
    forget_cell(place, "prism-0")
    run_cell(place, other, 0, compute=compute)
    assert read_recipe(place.set("prism-0", "float32") / "recipe.toml").condense.lr == 3.0


def test_cells_of_a_seed_share_the_means_of_real_clips(place, compute):
    sets = {"DM": {"method": "dm"}, "PRISM": {}, "clusters": {"match-targets": "cluster", "vpc": 2}}
    tables = {"repeats": 1, "condense": COMMON, "evaluate": {"steps": 1}, "sets": sets}
    entrants = make_plan(tables, place.data).entrants
    shared = [run_cell(place, each, 0, compute=compute) for each in entrants]
    assert [cell["seconds_saved"] > 0 for cell in shared] == [False, True, False]
    alone = replace(place, out=place.out / "alone", share_means=False)
    for entrant, cell in zip(entrants, shared, strict=True):
        own = run_cell(alone, entrant, 0, compute=compute)
        assert (own["entries"][0]["evaluation"], own["seconds_saved"]) == (
            cell["entries"][0]["evaluation"],
            0,
        )
    assert not alone.means.exists()


def test_clips_that_chose_real_clips_are_counted(place, compute):
    sets = {"herding": {"method": "herding", "feature-networks": 3}}
    tables = {"repeats": 1, "condense": COMMON, "evaluate": {"steps": 1}, "sets": sets}
    (entry,) = run_cell(place, make_plan(tables, place.data).entrants[0], 0, compute=compute)["entries"]
    assert entry["clip_evaluations"] == 3 * 8  # networks × training clips


def test_networks_learn_from_the_labels_of_their_row(place, compute, monkeypatch):
    frepo = {"method": "frepo", "model": "convnet", "vpc": 2, "labels": ["hard", "own"], "codec": "uint8"}
    tables = {"repeats": 1, "condense": COMMON, "evaluate": {"steps": 2}, "sets": {"frepo": frepo}}
    (entrant,) = make_plan(tables, place.data).entrants
    learned_from = []

    def judged(clips, *rest, **named):
        learned_from.append(clips.labels)
        return evaluate(clips, *rest, **named)

    monkeypatch.setattr("vidcondense.comparison.cells.evaluate", judged)
    run_cell(place, replace(entrant, labels=("hard",)), 0, compute=compute)
    cell = run_cell(place, entrant, 0, compute=compute)  # the other row is added to it
    assert [entry["labels"] for entry in cell["entries"]] == ["hard", "own"]
    made = load_condensed(place.set("frepo-0", "uint8"))
    hard, own = learned_from
    assert hard.equal(made.labels)
    assert own.equal(made.soft_labels)


def test_a_set_that_follows_experts_is_judged_and_known_by_them(place, compute, tmp_path):
    def experts(name, lr):
        clips = load_data(place.data, place.reading, make_plan(tables, place.data).entrants[0].recipe.clip)
        made = ExpertOptions(experts=1, epochs=2, batch_size=4, model="convnet", lr=lr)
        return train_experts(clips.train, tmp_path / name, made, compute=compute).folder

    mtt = {"method": "mtt", "model": "convnet", "max-start-epoch": 0, "synthetic-steps": 2}
    tables = {"repeats": 1, "condense": COMMON, "evaluate": {"steps": 1}, "sets": {"mtt": mtt}}
    mtt["experts"] = str(experts("experts", 0.01))
    plan = make_plan(tables, place.data)
    (entry,) = run_cell(place, plan.entrants[0], 0, compute=compute)["entries"]
    assert entry["evaluation"]["num_train"] == 2
    place.result("mtt-0").unlink()  # judged again, from the set that is there
    (again,) = run_cell(place, plan.entrants[0], 0, compute=compute)["entries"]
    assert again["evaluation"] == entry["evaluation"]
    place.result("mtt-0").unlink()
    shutil.rmtree(mtt["experts"])
    experts("experts", 0.02)
    with pytest.raises(OutputError, match=r"data\.experts_sha256"):
        run_cell(place, plan.entrants[0], 0, compute=compute)


def test_a_fold_follows_experts_of_its_own(place, compute, tmp_path):
    mtt = {"method": "mtt", "model": "convnet", "max-start-epoch": 0, "expert-epochs": 1}
    mtt |= {"synthetic-steps": 2, "experts": str(tmp_path / "experts")}
    tables = {"folds": 2, "condense": COMMON, "evaluate": {"steps": 1}, "sets": {"mtt": mtt}}
    plan = make_plan(tables, place.data)
    place = replace(place, folds=plan.folds)
    train = load_data(place.data, place.reading, plan.entrants[0].recipe.clip).train
    own = {}
    for fold in training_folds(train, 2):
        folder = tmp_path / "experts" / fold_name(fold.number, 2)
        made = ExpertOptions(experts=1, epochs=1, batch_size=2, model="convnet")
        clips = train.subset(fold.kept)
        own[fold.number] = train_experts(clips, folder, made, data=fold.record, compute=compute)
    for number, experts in own.items():
        run_cell(place, plan.entrants[0], number, compute=compute)
        manifest = load_condensed(place.set(f"mtt-{number}", "uint8")).manifest
        assert manifest["data"]["experts_sha256"] == experts.sha256
        assert manifest["data"]["held_out_fold"] == [number, 2]
    assert own[0].sha256 != own[1].sha256
    entrant = plan.entrants[0]
    shutil.rmtree(own[1].folder)
    with pytest.raises(DataError, match=rf"--out {tmp_path / 'experts'} --model convnet --folds 2"):
        check_experts(place, entrant, 1)
    shutil.copytree(own[0].folder, own[1].folder)
    with pytest.raises(DataError, match=r"not made for fold 1 of 2 but \[0, 2\]"):
        check_experts(place, entrant, 1)
    still = replace(entrant.recipe, condense=replace(entrant.recipe.condense, method="random"))
    check_experts(place, replace(entrant, recipe=still), 1)  # follows none


def test_experts_that_a_fold_lacks_are_told_before_anything_is_computed(place, tmp_path):
    mtt = {"method": "mtt", "model": "convnet", "experts": str(tmp_path / "experts")}
    plan = tmp_path / "plan.toml"
    plan.write_text(tomli_w.dumps({"folds": 2, "condense": COMMON, "sets": {"mtt": mtt}}))
    with pytest.raises(DataError, match="experts/fold-0-of-2 is missing"):
        compare(plan, place.data, place.out)
    base = from_keys(Recipe, {**COMMON, **mtt})
    with pytest.raises(DataError, match="experts/fold-0-of-2 is missing"):
        tune(base, place.data, place.out, TuneOptions(folds=2, trials=2), space={"lr": [1.0, 2.0]})
    assert not (place.out / "cells").exists()
