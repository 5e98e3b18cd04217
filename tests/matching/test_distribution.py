from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from vidcondense import rng
from vidcondense.compute import choose_compute
from vidcondense.errors import UsageError
from vidcondense.matching.distribution import DistributionMatcher, group_means
from vidcondense.matching.kept_means import KeptMeans
from vidcondense.matching.options import MatchOptions
from vidcondense.methods import METHODS
from vidcondense.models.random import network_number
from vidcondense.settings import CondenseOptions
from vidcondense.training.augment import draw_augmentation

FLOAT32 = choose_compute("cpu", "float32")
LABELS = torch.tensor([1, 0, 1])


def matcher_for(clips, compute=FLOAT32, seed=0, labels=LABELS, **options):
    return DistributionMatcher(clips, labels, MatchOptions(**options), seed=seed, compute=compute)


def videos_of(clips):
    return torch.randn(3, *clips.shape, generator=torch.Generator().manual_seed(1)).requires_grad_()


def test_loss_against_per_class_numpy_means(memory_clips):
    clips = memory_clips()
    matcher = matcher_for(clips, real_batch=64)  # more than there are clips: all of them
    videos = videos_of(clips)
    losses = matcher.loss(videos, 3)
    network = matcher.network(3)
    real = network.embed(clips.batch(torch.arange(len(clips)))).detach().numpy().astype(np.float64)
    synthetic = network.embed(videos).detach().numpy().astype(np.float64)
    for label in range(2):
        difference = real[clips.labels == label].mean(0) - synthetic[label == LABELS].mean(0)
        assert float(losses[label].detach()) == pytest.approx((difference**2).sum(), rel=1e-4)


def test_gradient_against_finite_differences(memory_clips):
    clips = memory_clips()
    matcher = matcher_for(clips)
    videos = videos_of(clips)
    (gradient,) = torch.autograd.grad(matcher.loss(videos, 0).sum(), [videos])
    direction = gradient / gradient.norm()
    step = 0.3
    with torch.no_grad():
        up, down = (matcher.loss(videos + sign * step * direction, 0).sum().double() for sign in (1, -1))
    assert float((up - down) / (2 * step)) == pytest.approx(float(gradient.norm()), rel=0.02)


def test_a_class_pulls_only_its_own_videos(memory_clips):
    clips = memory_clips()
    videos = videos_of(clips)
    (gradient,) = torch.autograd.grad(matcher_for(clips).loss(videos, 0)[1], [videos])
    assert gradient[[0, 2]].abs().sum() > 0
    assert not gradient[1].any()


def test_loss_is_zero_where_the_means_agree(memory_clips):
    clips = memory_clips()
    matcher = matcher_for(clips, labels=clips.labels, real_batch=5)
    losses = matcher.loss(clips.batch(torch.arange(10)), 0)
    assert losses.abs().max() < 1e-9


def test_networks_and_clips_change_with_iteration_and_seed_only(memory_clips):
    clips = memory_clips()
    videos = videos_of(clips)
    values = {
        (seed, iteration): matcher_for(clips, seed=seed, real_batch=2).loss(videos, iteration).tolist()
        for seed in (0, 1)
        for iteration in (0, 1)
    }
    assert len({tuple(value) for value in values.values()}) == 4
    again = matcher_for(clips, real_batch=2)
    again.loss(videos, 7)
    assert again.loss(videos, 1).tolist() == values[0, 1]


def test_real_clips_of_an_iteration_are_different_ones_of_the_class(memory_clips):
    clips = memory_clips(per_class=9)
    matcher = matcher_for(clips, real_batch=4)
    seen = []
    real_batch = clips.batch

    def spy(indices):
        seen.append(torch.as_tensor(indices))
        return real_batch(indices)

    clips.batch = spy
    matcher.real_means(matcher.network(0), 0)
    indices = torch.cat(seen)
    assert clips.labels[indices].tolist() == [0] * 4 + [1] * 4
    assert len(set(indices.tolist())) == 8


def test_networks_are_frozen_and_bfloat16_is_close(memory_clips):
    clips = memory_clips()
    videos = videos_of(clips)
    assert not any(parameter.requires_grad for parameter in matcher_for(clips).network(0).parameters())
    exact, rough = (
        matcher_for(clips, choose_compute("cpu", precision), model="convnet3d-16").loss(videos, 0)
        for precision in ("float32", "bfloat16")
    )
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, rtol=0.1, atol=0.0)


def test_chunks_give_the_same_losses_and_gradients(memory_clips):
    clips = memory_clips()
    videos = videos_of(clips)
    whole, parts = matcher_for(clips).match(videos, 2), matcher_for(clips, chunk=2).match(videos, 2)
    torch.testing.assert_close(parts.losses, whole.losses)
    torch.testing.assert_close(parts.gradient, whole.gradient, rtol=1e-4, atol=1e-7)


def test_group_means_are_float32_sums_even_under_autocast():
    features = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 1, 0, 1])
    with torch.autocast("cpu", torch.bfloat16):
        means = group_means(features, labels, 2)
    expected = np.stack([features[labels == label].numpy().mean(0) for label in (0, 1)])
    np.testing.assert_allclose(means.numpy(), expected, atol=1e-6)


def test_cluster_targets_pull_each_video_to_its_own_clips(memory_clips):
    clips = memory_clips(num_classes=2, per_class=6)
    labels = torch.tensor([1, 0, 1])
    matcher = matcher_for(clips, labels=labels, match_targets="cluster", real_batch=6)
    videos = videos_of(clips)
    losses = matcher.loss(videos, 3)
    assert losses.shape == (3,)
    network = matcher.network(3)
    for video, target in enumerate(matcher.targets.of_video.tolist()):
        members = matcher.targets.members[target]
        assert (clips.labels[members] == labels[video]).all()
        real = network.embed(clips.batch(members)).detach().numpy().astype(np.float64).mean(0)
        synthetic = network.embed(videos[video : video + 1]).detach().numpy().astype(np.float64)[0]
        expected = ((real - synthetic) ** 2).sum()
        assert float(losses[target].detach()) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("targets", ["class", "cluster"])
@pytest.mark.parametrize("mirror", [False, True])
def test_siamese_against_one_target_after_the_other(memory_clips, targets, mirror):
    """All clips and videos of a target are altered by one draw, those of another by another."""
    clips = memory_clips(per_class=4)
    clips.flip = mirror
    videos = videos_of(clips)
    for iteration in range(6):
        matcher = matcher_for(clips, match_targets=targets, siamese=True)
        losses = matcher.loss(videos, iteration).detach()
        network = matcher.network(iteration)
        for target, members in enumerate(matcher.targets.members):
            stream = rng.generator(0, "augment", iteration, target)
            draw = draw_augmentation(stream, mirror=mirror)
            own = videos.detach()[matcher.targets.of_video == target]
            real, ours = (network.embed(draw(each)).mean(0) for each in (clips.batch(members), own))
            assert float(losses[target]) == pytest.approx(float((real - ours).square().sum()), rel=1e-3)


def test_siamese_loss_is_zero_where_videos_are_the_real_clips(memory_clips):
    clips = memory_clips()
    matcher = matcher_for(clips, labels=clips.labels, real_batch=5, siamese=True)
    for iteration in range(8):
        assert matcher.loss(clips.batch(torch.arange(10)), iteration).abs().max() < 1e-8


def test_siamese_in_chunks_in_parts_of_the_classes_and_in_a_pool_is_the_same(memory_clips):
    clips = memory_clips()
    labels, videos = torch.tensor([0, 1, 1]), videos_of(clips)
    fresh, chunked, second, pooled = (
        matcher_for(clips, labels=labels, siamese=True, **other)
        for other in ({}, {"chunk": 1}, {}, {"pool": 2, "uses": 3})
    )
    second.share(range(1, 3))
    for iteration in range(8):
        whole, parts = (each.match(videos, iteration) for each in (fresh, chunked))
        torch.testing.assert_close(parts.losses, whole.losses)
        torch.testing.assert_close(parts.gradient, whole.gradient, rtol=1e-4, atol=1e-7)
        torch.testing.assert_close(second.match(videos[1:], iteration).losses, whole.losses[1:])
        number = network_number(iteration, 2, 3)
        assert torch.equal(pooled.match(videos, iteration).losses, fresh.match(videos, number).losses)


def test_kept_means_of_altered_clips_are_not_those_of_clips_as_they_are(memory_clips, tmp_path):
    clips = memory_clips()
    videos = videos_of(clips)
    for siamese in (False, True, False):
        alone, kept = (matcher_for(clips, siamese=siamese) for _ in range(2))
        kept.keep(KeptMeans(tmp_path, {}))
        for iteration in range(4):
            assert torch.equal(kept.match(videos, iteration).losses, alone.match(videos, iteration).losses)


def test_options_out_of_range_fail():
    with pytest.raises(UsageError, match="--real-batch 0"):
        MatchOptions(real_batch=0)


def test_a_pool_gives_the_losses_of_its_networks_and_sends_real_clips_through_each_once(memory_clips):
    clips = memory_clips()
    videos = videos_of(clips)
    matching = {"real_batch": 2, "model": "convnet3d-16"}
    fresh, pooled = matcher_for(clips, **matching), matcher_for(clips, **matching, pool=2, uses=3)
    seen = []
    for iteration in range(14):
        number = network_number(iteration, 2, 3)
        match = pooled.match(videos, iteration)
        assert torch.equal(match.losses, fresh.match(videos, number).losses)
        seen.append(match.clips - len(videos))
    numbers = [network_number(iteration, 2, 3) for iteration in range(14)]
    first = [number not in numbers[:iteration] for iteration, number in enumerate(numbers)]
    assert seen == [4 * new for new in first], "two classes, two clips each, for every new network"
    # In the middle, as after a resume: the iteration says which network it is.
    again = matcher_for(clips, **matching, pool=2, uses=3)
    assert torch.equal(again.match(videos, 9).losses, pooled.match(videos, 9).losses)


def test_kept_means_give_the_same_bits_without_real_clips(memory_clips, tmp_path):
    clips = memory_clips()
    videos = videos_of(clips)
    alone = matcher_for(clips, real_batch=2).match(videos, 3)
    first, second, other = (matcher_for(clips, real_batch=2, seed=seed) for seed in (0, 0, 1))
    first.keep(KeptMeans(tmp_path, {}))
    assert first.match(videos, 3).gradient.equal(alone.gradient)
    for matcher in (second, other):
        matcher.keep(KeptMeans(tmp_path, {}))
        matcher.fetch = None
    found = second.match(videos, 3)
    assert found.gradient.equal(alone.gradient)
    assert found.clips == alone.clips, "what it takes alone"
    with pytest.raises(TypeError):
        other.match(videos, 3)


def test_means_in_networks_of_the_users_own_are_not_kept(memory_clips, tmp_path):
    matcher = matcher_for(memory_clips())
    matcher.options = dataclasses.replace(matcher.options, model="networks:own")
    matcher.keep(KeptMeans(tmp_path, {}))
    assert matcher.kept is None


@pytest.mark.parametrize("vpc", [1, 3])
def test_the_default_step_moves_equal_videos_as_far_as_one(memory_clips, vpc):
    """Of V equal videos each has 1/V of the gradient of their mean, and V times the learning rate."""
    clips = memory_clips()
    one = videos_of(clips)[:2].detach()
    labels = torch.arange(2).repeat_interleave(vpc)
    steps = []
    several = one.repeat_interleave(vpc, 0)
    for videos, of_class, each in ((one, torch.arange(2), 1), (several, labels, vpc)):
        options = CondenseOptions(method="dm", vpc=each)
        lr = options.lr_of(METHODS["dm"].stages[0])
        steps.append(lr * matcher_for(clips, labels=of_class).match(videos, 0).gradient)
    torch.testing.assert_close(steps[1], steps[0].repeat_interleave(vpc, 0), rtol=1e-4, atol=1e-6)


def test_videos_with_targets_of_their_own_and_a_rate_that_is_asked_for_keep_it():
    (stage,) = METHODS["prism"].stages
    cluster = CondenseOptions(vpc=5, match=MatchOptions(match_targets="cluster"))
    assert cluster.lr_of(stage) == CondenseOptions().lr_of(stage) == 10
    assert CondenseOptions(vpc=5, lr=3.0).lr_of(stage) == 3
    assert CondenseOptions(vpc=5, match=MatchOptions(match="dc")).lr_of(stage) == 0.1
