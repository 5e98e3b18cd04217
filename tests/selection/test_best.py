from __future__ import annotations

import pytest
import torch

from vidcondense.compute import choose_compute
from vidcondense.errors import DataError, LimitError, UsageError
from vidcondense.events import ignore
from vidcondense.models import build_network
from vidcondense.selection import best as module
from vidcondense.selection.best import other_groups, select_best
from vidcondense.selection.options import SelectOptions
from vidcondense.selection.random import select_random
from vidcondense.training import TrainOptions, predict, train
from vidcondense.video.views import Chosen

FLOAT32 = choose_compute("cpu", "float32")
QUICK = SelectOptions(draws=4, draw_steps=3)


@pytest.fixture
def grouped(memory_clips):
    """Clips in pairs from one source each."""
    clips = memory_clips(num_classes=2, per_class=6)
    clips.groups = tuple(f"g{index // 2}" for index in range(12))
    return clips


def best_of(clips, options=QUICK, vpc=1, listener=ignore, seed=0):
    return select_best(clips, vpc, "convnet3d", options, seed=seed, compute=FLOAT32, listener=listener)


def test_clips_of_the_same_sources_are_not_tested_on(grouped):
    assert other_groups(grouped.groups, torch.tensor([0, 7])).tolist() == [2, 3, 4, 5, 8, 9, 10, 11]


def test_the_draw_with_the_highest_accuracy_is_taken(grouped, monkeypatch):
    draws = []

    def judged(real, chosen, held_out, *rest):
        draws.append(chosen)
        return [0.2, None, 0.7, 0.7][len(draws) - 1]

    monkeypatch.setattr(module, "_accuracy", judged)
    seen = []
    chosen = best_of(grouped, vpc=2, listener=seen.append)
    assert chosen.equal(draws[2])
    assert draws[0].equal(select_random(grouped, 2, 0))
    assert len({tuple(draw.tolist()) for draw in draws}) == 4
    assert all(grouped.labels[draw].tolist() == [0, 0, 1, 1] for draw in draws)
    assert [event["accuracy"] for event in seen] == [0.2, None, 0.7, 0.7]
    assert all(4 <= event["tested_on"] <= 8 for event in seen)


def test_accuracy_is_that_of_networks_trained_by_hand(grouped):
    seen = []
    best_of(grouped, SelectOptions(draws=1, draw_steps=5, draw_networks=2), listener=seen.append)
    chosen = select_random(grouped, 1, 0)
    held_out = [i for i in range(12) if grouped.groups[i] not in {grouped.groups[j] for j in chosen}]
    judge = module.rng.derive_seed(0, "judge")
    accuracies = []
    for number in range(2):
        seed = module.rng.derive_seed(judge, "network", number)
        network = build_network("convnet3d", 2, num_frames=8, size=44, seed=seed, compute=FLOAT32)
        train(network, Chosen(grouped, chosen), TrainOptions(steps=5), seed=seed, compute=FLOAT32)
        found = predict(network, grouped, compute=FLOAT32).argmax(dim=1)[held_out]
        accuracies.append(float((found == grouped.labels[held_out]).double().mean()))
    assert seen[0]["accuracy"] == pytest.approx(sum(accuracies) / 2)


def test_a_part_of_the_clips_is_read_as_such(grouped):
    part = Chosen(grouped, torch.tensor([7, 2, 5]))
    assert len(part) == 3
    assert part.labels.tolist() == [1, 0, 0]
    assert part.batch([1, 0]).equal(grouped.batch([2, 7]))


def test_what_cannot_be_judged_fails(grouped, memory_clips, monkeypatch):
    with pytest.raises(UsageError, match="source groups"):
        best_of(memory_clips())
    with pytest.raises(DataError, match="touches every source group"):
        best_of(grouped, vpc=6)
    monkeypatch.setattr(module, "_accuracy", lambda *rest: None)
    with pytest.raises(LimitError, match="diverged on every draw"):
        best_of(grouped)


@pytest.mark.parametrize("bad", ["feature_networks", "feature_steps", "draws", "draw_networks", "draw_steps"])
def test_options_out_of_range_fail(bad):
    with pytest.raises(UsageError, match=f"--{bad.replace('_', '-')} 0"):
        SelectOptions(**{bad: 0})
