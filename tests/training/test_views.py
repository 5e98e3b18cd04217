from __future__ import annotations

import pytest
import torch

from vidcondense import rng
from vidcondense.training.augment import AUGMENTATIONS, draw_augmentation
from vidcondense.training.views import AugmentedViews


def test_each_view_is_its_clip_under_an_augmentation_of_its_own(memory_clips):
    clips = memory_clips(per_class=2, num_frames=3, size=16)
    views = AugmentedViews(clips, 3, seed=5, mirror=False)
    assert len(views) == 12
    assert views.labels.tolist() == [0] * 6 + [1] * 6
    found = views.batch(range(12))
    for number in range(12):
        clip, view = number // 3, number % 3
        drawn = draw_augmentation(rng.generator(5, "view", clip, view), mirror=False)
        assert found[number].equal(drawn(clips.batch([clip]))[0])
    assert views.batch(torch.tensor([7, 2])).equal(found[[7, 2]])


def test_another_seed_gives_other_views(memory_clips):
    clips = memory_clips(per_class=2, num_frames=3, size=16)
    one, other = (AugmentedViews(clips, 2, seed=seed, mirror=False).batch(range(8)) for seed in (0, 1))
    assert not one.equal(other)


@pytest.mark.parametrize("mirror", [False, True])
def test_views_are_mirrored_only_where_that_keeps_the_label(memory_clips, mirror):
    views = AugmentedViews(memory_clips(num_frames=1, size=4), 20, seed=0, mirror=mirror)
    kinds = {views.augmentation(number).kind for number in range(len(views))}
    assert kinds == set(AUGMENTATIONS) - (set() if mirror else {"flip"})
