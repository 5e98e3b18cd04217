from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from vidcondense.compute import choose_compute
from vidcondense.condenser import Condenser
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.distribution import DistributionMatcher
from vidcondense.matching.options import MatchOptions
from vidcondense.settings import CondenseOptions

FLOAT32 = choose_compute("cpu", "float32")


@pytest.fixture
def published(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import published

    yield published
    del sys.modules["published"]


def options_for(**changes):
    insert = InsertionOptions(epsilon=0.3, warmup=0.0, cooldown=0.0)
    match = MatchOptions(real_batch=3)
    return CondenseOptions(vpc=2, iterations=4, lr=5.0, match=match, insert=insert, **changes)


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
