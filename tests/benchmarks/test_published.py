from __future__ import annotations

import ast
import sys

import pytest
import torch

from vidcondense.compute import choose_compute
from vidcondense.condenser import Condenser
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.distribution import DistributionMatcher
from vidcondense.matching.options import MatchOptions
from vidcondense.models import first_convolution
from vidcondense.settings import CondenseOptions

FLOAT32 = choose_compute("cpu", "float32")


@pytest.fixture
def published():
    import published

    yield published
    del sys.modules["published"]


def options_for(**changes):
    insert = InsertionOptions(epsilon=0.3, warmup=0.0, cooldown=0.0)
    match = MatchOptions(real_batch=3)
    return CondenseOptions(vpc=2, iterations=4, lr=5.0, match=match, insert=insert, **changes)


def test_its_convolutions_are_torchs_own(published, memory_clips, monkeypatch):
    def refuse(*given):
        raise AssertionError("the fast gradient is ours")

    monkeypatch.setattr(first_convolution, "input_gradient", refuse)
    loop = published.PublishedLoop(memory_clips(), options_for(), torch.device("cpu"))
    loop.step()


def test_a_step_has_the_loss_and_the_gradient_of_our_matcher(published, memory_clips):
    clips, options = memory_clips(), options_for()
    loop = published.PublishedLoop(clips, options, torch.device("cpu"))
    matcher = DistributionMatcher(clips, loop.videos.labels, options.match, seed=0, compute=FLOAT32)
    for iteration in range(2):
        ours = matcher.match(loop.videos.render().detach(), iteration)
        theirs = loop.step()
        torch.testing.assert_close(theirs.loss, ours.losses.sum())
        torch.testing.assert_close(theirs.gradient, ours.gradient, rtol=1e-4, atol=1e-8)


def test_a_short_run_is_our_run_in_float32(published, memory_clips):
    """Every iteration a new network, every frame in conflict inserted: as `condense` does by default."""
    clips, options = memory_clips(), options_for()
    loop = published.PublishedLoop(clips, options, torch.device("cpu"))
    condenser = Condenser(clips, options, FLOAT32)
    for _ in range(options.iterations):
        theirs, ours = loop.step(), condenser.step()[-1]
        assert float(theirs.loss) == pytest.approx(ours["loss"], rel=1e-4)
    assert torch.equal(loop.videos.mask, condenser.videos.mask)
    assert int(loop.videos.mask.sum()) > 2 * len(loop.videos.labels), "frames were inserted"
    torch.testing.assert_close(loop.videos.render(), condenser.videos.render(), rtol=1e-3, atol=1e-4)


@pytest.fixture
def script(published):
    """The benchmark's script, which imports `published` and its neighbours by their bare names."""
    import published_loop

    yield published_loop
    for name in ("published_loop", "cells", "shapes"):
        del sys.modules[name]


def curve_of(seed, pace, accuracies):
    points = [
        {"iteration": number, "condensed": pace * number, "accuracy": accuracy}
        for number, accuracy in enumerate(accuracies, start=1)
    ]
    return {"seed": seed, "points": points}


def test_the_goal_is_the_published_loops_last_median_and_ours_is_timed_to_it(script):
    curves = {
        "published": [curve_of(seed, 10.0, (0.1, 0.2, last)) for seed, last in enumerate((0.3, 0.4, 0.5))],
        "default": [curve_of(0, 1.0, (0.3, 0.4, 0.2)), curve_of(1, 1.0, (0.3, None, 0.2))],
    }
    found = script.summary(curves)
    assert found["goal"] == 0.4
    assert found["seconds_to_goal"] == {"published": 30.0, "default": None}, "a median of 0.2 is too low"
    assert found["speedup"] == {"published": 1.0, "default": None}
    curves["default"][1] = curve_of(1, 3.0, (0.3, 0.4, 0.2))
    found = script.summary(curves)
    assert found["seconds_to_goal"]["default"] == 4.0, "the median of 2 and 6 seconds"
    assert found["speedup"]["default"] == 7.5


def test_medians_are_those_of_the_checkpoints_that_all_seeds_have(script):
    often = curve_of(0, 1.0, (0.1, 0.2, 0.3, 0.4))
    seldom = {"seed": 1, "points": curve_of(1, 3.0, (0.3, 0.4, 0.5, 0.6))["points"][1::2]}
    found = script.summary({"published": [often, seldom]})["curves"]["published"]
    assert [point["iteration"] for point in found] == [2, 4]
    assert [point["condensed"] for point in found] == [4.0, 8.0]
    assert [point["accuracy"] for point in found] == pytest.approx([0.3, 0.5])


def test_smoke_runs_every_loop_and_publishes_nothing(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(script, "RUNS", tmp_path)
    monkeypatch.setattr(script, "publish", lambda *arguments: pytest.fail("published"))
    monkeypatch.setattr(sys, "argv", ["published_loop.py", "--smoke"])
    script.main()
    found = ast.literal_eval(capsys.readouterr().out)
    assert found["curves"].keys() == found["times"].keys() == script.LOOPS.keys()
    assert [point["iteration"] for point in found["curves"]["8 clips"]] == [1, 2]
    assert all(len(times) == 2 and min(times) > 0 for times in found["times"].values())


def test_the_judged_set_is_what_is_condensed_so_far(script, memory_clips):
    clips, options = memory_clips(), options_for()
    running = script.start("8 clips", clips, options)
    running.step()
    made = script.Rendered(running.render(), running.labels, clips)
    assert len(made) == 4
    assert torch.equal(made.batch([2, 0]), running.render().detach()[[2, 0]])
    before = made.batch([0]).clone()
    running.step()
    assert torch.equal(made.batch([0]), before)
