from __future__ import annotations

import numpy as np
import torch

from vidcondense.matching.targets import make_targets, pooled_pixels

LABELS = torch.tensor([0, 0, 1, 1, 1])


def test_class_targets(memory_clips):
    clips = memory_clips(num_classes=2, per_class=4)
    targets = make_targets("class", clips, LABELS, seed=0)
    assert [members.tolist() for members in targets.members] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert targets.of_video.equal(LABELS)


def test_clusters_divide_each_class_among_its_videos(memory_clips):
    clips = memory_clips(num_classes=2, per_class=9)
    targets = make_targets("cluster", clips, LABELS, seed=0)
    assert targets.of_video.tolist() == [0, 1, 2, 3, 4]
    together = torch.cat(targets.members)
    assert sorted(together.tolist()) == list(range(18))
    for video, target in enumerate(targets.of_video.tolist()):
        assert len(targets.members[target]) > 0
        assert (clips.labels[targets.members[target]] == LABELS[video]).all()


def test_clips_that_look_alike_share_a_cluster(memory_clips):
    clips = memory_clips(num_classes=1, per_class=8)
    bright = torch.tensor([True, False, False, True, True, False, True, False])
    clips.pixels[bright] = clips.pixels[bright] / 2 + 0.5
    targets = make_targets("cluster", clips, torch.tensor([0, 0]), seed=3)
    found = {tuple(members.tolist()) for members in targets.members}
    assert found == {
        tuple(bright.nonzero().flatten().tolist()),
        tuple((~bright).nonzero().flatten().tolist()),
    }


def test_one_video_a_class_is_the_class(memory_clips):
    clips = memory_clips(num_classes=3, per_class=4)
    labels = torch.arange(3)
    cluster, whole = (make_targets(kind, clips, labels, seed=0) for kind in ("cluster", "class"))
    assert [a.tolist() for a in cluster.members] == [b.tolist() for b in whole.members]


def test_pooled_pixels_against_numpy(memory_clips):
    clips = memory_clips(num_frames=8, size=48)
    pooled = pooled_pixels(clips, torch.tensor([3, 1]))
    batch = clips.batch(torch.tensor([3, 1])).numpy()
    blocks = batch.reshape(2, 2, 4, 3, 6, 8, 6, 8).mean((2, 5, 7))  # n t c h w
    expected = blocks.transpose(0, 2, 1, 3, 4).reshape(2, -1)
    np.testing.assert_allclose(pooled.numpy(), expected, atol=1e-5)
