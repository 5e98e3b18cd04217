from __future__ import annotations

import torch

from vidcondense.interfaces import ClipSource
from vidcondense.video.views import Chosen, Reordered


def test_chosen_clips(memory_clips):
    clips = memory_clips(num_classes=3, per_class=4, size=6)
    chosen = Chosen(clips, torch.tensor([7, 2, 11]))
    assert isinstance(chosen, ClipSource)
    assert (len(chosen), chosen.labels.tolist()) == (3, [1, 0, 2])
    assert torch.equal(chosen.batch([2, 0]), clips.batch([11, 7]))
    assert (chosen.classes, chosen.mean.tolist()) == (clips.classes, clips.mean.tolist())


def test_reversed(memory_clips):
    clips = memory_clips(per_class=2, size=6)
    found = Reordered(clips, "reversed", seed=0)
    assert isinstance(found, ClipSource)
    for frame in range(8):
        assert torch.equal(found.batch([1, 3])[:, frame], clips.batch([1, 3])[:, 7 - frame])


def test_ordered(memory_clips):
    clips = memory_clips(per_class=2, size=6)
    assert torch.equal(Reordered(clips, "ordered", seed=0).batch([2]), clips.batch([2]))


def test_shuffled(memory_clips):
    clips = memory_clips(per_class=2, size=6)
    found = Reordered(clips, "shuffled", seed=0)
    whole = found.batch([0, 1, 2, 3])
    orders = []
    for index, video in enumerate(whole):
        (original,) = clips.batch([index])
        orders.append([next(t for t in range(8) if torch.equal(original[t], frame)) for frame in video])
        assert sorted(orders[-1]) == list(range(8))
    assert len(set(map(tuple, orders))) == 4  # an order of its own for every clip
    assert torch.equal(found.batch([2]), whole[2:3])  # whatever else is in the batch
    assert not torch.equal(Reordered(clips, "shuffled", seed=1).batch([0]), whole[:1])
