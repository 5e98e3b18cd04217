from __future__ import annotations

from vidcondense.selection.random import select_random


def test_as_many_different_clips_of_each_class_as_asked(memory_clips):
    clips = memory_clips(num_classes=3, per_class=7)
    chosen = select_random(clips, 4, seed=0)
    assert clips.labels[chosen].tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert len(set(chosen.tolist())) == 12


def test_nested_and_seeded(memory_clips):
    clips = memory_clips(num_classes=2, per_class=20)
    small, large = select_random(clips, 2, seed=0), select_random(clips, 5, seed=0)
    assert set(small.tolist()) < set(large.tolist())
    assert not select_random(clips, 5, seed=1).equal(large)


def test_every_clip_can_be_drawn(memory_clips):
    clips = memory_clips(num_classes=2, per_class=5)
    drawn = {index for seed in range(60) for index in select_random(clips, 1, seed).tolist()}
    assert drawn == set(range(10))
