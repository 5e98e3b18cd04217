from __future__ import annotations

import pytest
import torch

from vidcondense.compute import choose_compute
from vidcondense.errors import DataError, LimitError, UsageError
from vidcondense.events import ignore
from vidcondense.models import build_network
from vidcondense.real_sets import selected_videos
from vidcondense.selection import best as module
from vidcondense.selection.best import other_groups, select_best
from vidcondense.selection.options import SelectOptions
from vidcondense.selection.random import select_random
from vidcondense.settings import CondenseOptions
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
    return select_best(
        clips,
        vpc,
        "convnet3d",
        options,
        seed=seed,
        compute=FLOAT32,
        listener=listener,
        keep=lambda chosen: Chosen(clips, chosen),
        chunk=64,
    )


def test_clips_of_the_same_sources_are_not_tested_on(grouped):
    assert other_groups(grouped.groups, torch.tensor([0, 7])).tolist() == [2, 3, 4, 5, 8, 9, 10, 11]


def test_the_draw_with_the_highest_accuracy_is_taken(grouped, monkeypatch):
    draws = []

    def judged(real, kept, held_out, *rest):
        draws.append(kept._indices)
        return [0.2, None, 0.7, 0.7][len(draws) - 1], 9

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
        right = predict(network, grouped, compute=FLOAT32).argmax(dim=1) == grouped.labels
        of_classes = [[float(right[i]) for i in held_out if grouped.labels[i] == label] for label in (0, 1)]
        accuracies.append(sum(sum(each) / len(each) for each in of_classes) / 2)
    assert seen[0]["accuracy"] == pytest.approx(sum(accuracies) / 2)
    assert seen[0]["clips"] == 2 * (5 * 2 + len(held_out))


def test_classes_count_alike_however_many_clips_are_left_of_them():
    wanted = torch.tensor([0, 1, 1, 1, 1, 3])
    assert module.balanced_accuracy(torch.tensor([2, 1, 1, 1, 0, 3]), wanted) == pytest.approx(1.75 / 3)


def test_draws_are_judged_by_what_is_stored_of_them(grouped, monkeypatch):
    seen = []

    def judged(real, kept, *rest):
        seen.append(kept)
        return 0.5, 1

    monkeypatch.setattr(module, "_accuracy", judged)
    options = CondenseOptions(
        method="best-of-random", initial_key_frames=1, key_frame_size=11, select=SelectOptions(draws=1)
    )
    stored = selected_videos(grouped, options, FLOAT32, ignore)
    (judged_by,) = seen
    videos = judged_by.batch([0, 1])
    assert videos.equal(stored.render())
    assert videos.equal(videos[:, :1].expand_as(videos))
    assert judged_by.labels.tolist() == [0, 1]
    assert (len(judged_by), judged_by.classes) == (2, grouped.classes)


def test_a_part_of_the_clips_is_read_as_such(grouped):
    part = Chosen(grouped, torch.tensor([7, 2, 5]))
    assert len(part) == 3
    assert part.labels.tolist() == [1, 0, 0]
    assert part.batch([1, 0]).equal(grouped.batch([2, 7]))


def test_what_cannot_be_judged_fails(grouped, memory_clips, monkeypatch):
    with pytest.raises(UsageError, match="source groups"):
        best_of(memory_clips())
    with pytest.raises(DataError, match=r"every source group of class 'class 0'.*smaller --vpc, or leave"):
        best_of(grouped, vpc=6)
    grouped.groups = tuple("one" if label else f"g{i}" for i, label in enumerate(grouped.labels))
    with pytest.raises(DataError, match="draw 0 of --vpc 1 touches every source group of class 'class 1'"):
        best_of(grouped)
    grouped.groups = tuple(f"g{index}" for index in range(12))
    monkeypatch.setattr(module, "_accuracy", lambda *rest: (None, 1))
    with pytest.raises(LimitError, match="diverged on every draw"):
        best_of(grouped)


@pytest.mark.parametrize("bad", ["feature_networks", "feature_steps", "draws", "draw_networks", "draw_steps"])
def test_options_out_of_range_fail(bad):
    with pytest.raises(UsageError, match=f"--{bad.replace('_', '-')} 0"):
        SelectOptions(**{bad: 0})
