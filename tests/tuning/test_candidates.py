from __future__ import annotations

import itertools
from dataclasses import replace
from functools import cache

import pytest

from vidcondense.compute import choose_compute
from vidcondense.condensation import condense
from vidcondense.errors import LimitError, UsageError
from vidcondense.evaluation.protocol import EvaluateOptions
from vidcondense.matching.options import MatchOptions
from vidcondense.methods import METHODS
from vidcondense.recipe import Recipe, from_keys, to_keys
from vidcondense.selection.options import SelectOptions
from vidcondense.settings import CondenseOptions
from vidcondense.tuning import tune as tuning
from vidcondense.tuning.candidates import candidates
from vidcondense.tuning.race import Judged
from vidcondense.tuning.tune import TuneOptions, tune
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions
from vidcondense.video.toy import ToyOptions, make_toy

COMPUTE = choose_compute("cpu", "float32")
CLIP = ClipOptions(num_frames=8, stride=1, size=44)
REAL = ("random", "herding", "best-of-random")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Two classes of four training clips."""
    out = tmp_path_factory.mktemp("candidates") / "toy"
    make_toy(out, ToyOptions(pairs=1, train_per_class=4, test_per_class=1, num_frames=8, size=44))
    return out


@pytest.fixture(scope="module")
def real(videos):
    return load_data(videos, DataOptions(workers=0), CLIP)


@pytest.fixture(scope="module")
def offered(real):
    """What a budget offers, found once."""
    return cache(lambda budget: candidates(base_of(budget), real, 2, COMPUTE))


def base_of(budget):
    select = SelectOptions(draws=2, draw_steps=1)
    match = MatchOptions(model="convnet3d-16")
    return Recipe(
        condense=CondenseOptions(budget=budget, iterations=2, match=match, select=select), clip=CLIP
    )


def recipe_of(base, candidate):
    return from_keys(Recipe, {**to_keys(base), **candidate.setting})


@pytest.mark.slow
@pytest.mark.parametrize("budget", ["5kB", "60kB"])
def test_all_that_is_offered_keeps_to_the_budget_when_it_is_made(real, offered, tmp_path, budget):
    base, found = base_of(budget), offered(budget)
    assert METHODS[found[0].setting["method"]].select == "random", "what is to be beaten"
    assert len({tuple(each.setting.items()) for each in found}) == len(found)
    for number, each in enumerate(found):
        assert each.bytes <= base.condense.max_bytes
        if each.setting["method"] in REAL[1:] or each.setting["key-frame-size"] not in (8, 44):
            continue  # of the same sizes, after more work
        made = condense(real.train, tmp_path / str(number), recipe_of(base, each).condense)
        assert made.bytes <= base.condense.max_bytes
        if each.setting["codec"] == "uint8":
            assert made.manifest["bits"] == 8, "its size was known, and nothing had to be lowered"


@pytest.mark.slow
def test_learned_forms_of_fewer_bits_go_through_a_race(videos, offered, tmp_path):
    space = [each.setting for each in offered("8kB") if each.setting["bits"] == 4][:2]
    judges = EvaluateOptions(repeats=1, steps=1, model="convnet3d-16")
    options = TuneOptions(folds=2, trials=len(space))
    tuned = tune(base_of("8kB"), videos, tmp_path, options, space=space, evaluation=judges)
    assert not tuned.failures
    assert set(tuned.bytes) == {0, 1}
    assert max(tuned.bytes.values()) <= 8000


def test_more_bytes_allow_more(offered):
    few, many = offered("5kB"), offered("60kB")
    assert len(few) < len(many)
    assert max(each.setting["vpc"] for each in many) == 2, "of the two clips that a fold leaves"
    assert {each.setting["method"] for each in many} == {*REAL, "prism", "still"}
    assert {each.setting["key-frame-size"] for each in many} == {8, 16, 32, 44}
    assert {each.setting["codec"] for each in many} == {"uint8", "lzma", "webp", "h264", "av1"}
    learned = [each.setting for each in many if each.setting["method"] not in REAL]
    forms = {(each["match"], each["match-targets"], each["init"], each["codec"]) for each in learned}
    clusters = {
        ("dsa", "cluster", "noise", "lzma"),
        ("dsa", "cluster", "noise", "webp"),
        ("dm", "cluster", "real", "webp"),
    }
    assert forms == {*clusters, ("dm", "class", "noise", "uint8")}
    stills = [each for each in learned if each["method"] == "still"]
    assert {
        (each["match"], each["match-targets"], each["init"], each["codec"]) for each in stills
    } == clusters
    assert {each["lr"] for each in learned if each["init"] == "real"} == {1.0}
    assert {(each.setting["method"], each.setting["bits"]) for each in many if each.setting["bits"] < 8} == {
        ("prism", 4),
        ("still", 4),
    }
    kept = {each.setting["initial-key-frames"] for each in many if each.setting["method"] == "random"}
    assert kept == {1, 2, 8}


def test_more_than_two_videos_where_folds_have_more_clips(videos):
    out = videos.parent / "more"
    make_toy(out, ToyOptions(pairs=1, train_per_class=16, test_per_class=1, num_frames=8, size=44))
    real = load_data(out, DataOptions(workers=0), CLIP)
    offered = [each.setting for each in candidates(base_of("20kB"), real, 2, COMPUTE)]
    assert max(each["vpc"] for each in offered) == 7, "the largest of the grid that eight clips allow"
    assert {3, 4, 5} & {each["vpc"] for each in offered}


def test_a_form_is_what_it_is_called_whatever_the_recipe_says(offered):
    base = base_of("60kB")
    other = replace(base, condense=replace(base.condense, init="real", lr=1.0, initial_key_frames=3))
    for each in offered("60kB"):
        if each.setting["method"] in REAL:
            continue
        changed, usual = recipe_of(other, each).condense, recipe_of(base, each).condense
        assert (changed.init, changed.initial_key_frames) == (usual.init, usual.initial_key_frames)


def test_how_many_race_is_told_by_one_judgement_of_each_kind(offered, tmp_path, monkeypatch):
    space = [each.setting for each in offered("30kB")]
    seen, known = [], set()

    def judge(self, pairs, go_on):
        seen.append(list(pairs))
        fresh = (pair for pair in pairs if pair not in known)
        begun = itertools.takewhile(lambda _: go_on(), fresh)
        for pair in itertools.chain(known.intersection(pairs), begun):
            known.add(pair)
            options = self.plan.entrants[pair[0]].recipe.condense
            dear = options.matcher_of(METHODS["prism"].stages[-1]) == "dsa"
            yield pair, Judged(accuracy=0.5, seconds=50.0 if dear else 1.0)

    monkeypatch.setattr(tuning._Referee, "judge", judge)

    def settings(minutes):
        seen.clear()
        known.clear()
        options = TuneOptions(folds=2, budget_minutes=minutes)
        return tune(base_of("30kB"), tmp_path, tmp_path / str(minutes), options, space=space).settings

    every = settings(1e6)
    assert sorted(map(str, every)) == sorted(map(str, space))
    assert every[0] == space[0]
    openers = [every[number] for number, _ in seen[0]]
    kinds = [(each["method"], each.get("match")) for each in openers]
    others = [(method, None) for method in REAL]
    others += [(method, match) for method in ("prism", "still") for match in ("dm", "dsa")]
    assert sorted(map(str, set(kinds))) == sorted(map(str, others))
    assert len(openers) in (7, 8), "the one to beat need not be the one with the most videos"
    few = settings(5.0)
    assert 2 < len(few) < len(every)
    assert few == every[: len(few)]
    assert len(settings(0.01)) == 2, "spent on the one to beat"


def test_what_cannot_be_offered(real):
    with pytest.raises(LimitError, match="nothing of the grid fits, the smallest set takes"):
        candidates(base_of("500B"), real, 2, COMPUTE)
    with pytest.raises(UsageError, match="no --budget"):
        candidates(base_of(None), real, 2, COMPUTE)


@pytest.mark.parametrize("best", ["prism", "still", "herding", "random"])
def test_the_race_picks_what_is_best_learned_or_real(offered, tmp_path, monkeypatch, best):
    """With a judge that knows: the accuracy of a setting is a matter of its method and side alone."""
    base = base_of("30kB")
    space = [each.setting for each in offered("30kB")]

    def judge(self, pairs, go_on):
        for number, fold in pairs:
            recipe = self.plan.entrants[number].recipe.condense
            worth = 0.5 * (recipe.method == best) + recipe.key_frame_size / 100
            yield (number, fold), Judged(accuracy=worth + fold / 100, seconds=1.0)

    monkeypatch.setattr(tuning._Referee, "judge", judge)
    tuned = tune(base, tmp_path, tmp_path / "out", TuneOptions(folds=2), space=space)
    assert len(tuned.settings) == len(space)
    assert tuned.settings[0] == space[0]
    assert tuned.recipe.condense.method == best
    assert tuned.recipe.condense.key_frame_size == 44
    assert tuned.recipe.condense.budget == "30kB"
    again = tune(base, tmp_path, tmp_path / "out", TuneOptions(folds=2), space=space)
    assert again.settings == tuned.settings
    with pytest.raises(Exception, match="of another tuning"):
        other = replace(base, condense=replace(base.condense, budget="20kB"))
        tune(other, tmp_path, tmp_path / "out", TuneOptions(folds=2), space=space)
