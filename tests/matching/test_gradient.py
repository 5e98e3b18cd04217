from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vidcondense import rng
from vidcondense.compute import choose_compute
from vidcondense.errors import UsageError
from vidcondense.matching import gradient
from vidcondense.matching.gradient import GradientMatcher, gradient_distance, matched_weights
from vidcondense.matching.options import MatchOptions
from vidcondense.models import build_network
from vidcondense.models.random import random_network
from vidcondense.synthetic.keyframes import KeyFrameVideos
from vidcondense.training import augment
from vidcondense.training.augment import draw_augmentation

FLOAT32 = choose_compute("cpu", "float32")
LABELS = torch.tensor([1, 0, 1])


def matcher_for(clips, *, siamese=False, seed=0, compute=FLOAT32, **options):
    made = MatchOptions(**options)
    return GradientMatcher(clips, LABELS, made, siamese=siamese, seed=seed, compute=compute)


def videos_of(clips, seed=1):
    return torch.randn(3, *clips.shape, generator=torch.Generator().manual_seed(seed))


def rendered(videos):
    """The videos as a representation."""
    return KeyFrameVideos(videos, torch.ones(videos.shape[:2], dtype=torch.bool), LABELS)


def gradients_by_hand(network, videos, label):
    """The `.grad` that a backward pass leaves in a copy of the network."""
    network = copy.deepcopy(network)
    F.cross_entropy(network(videos), torch.full((len(videos),), label)).backward()
    return [parameter.grad.numpy().astype(np.float64) for parameter in network.parameters()]


def distance_by_hand(ours, wanted):
    """A loop over layers and units, biases left out."""
    total = 0.0
    for a, b in zip(ours, wanted, strict=True):
        if a.ndim > 1:
            for unit in range(len(a)):
                x, y = a[unit].ravel(), b[unit].ravel()
                norms = np.linalg.norm(x) * np.linalg.norm(y)
                total += 1 - (x @ y / norms if norms else 0.0)
    return total


def test_losses_against_two_networks_by_hand(memory_clips):
    clips = memory_clips()
    videos = videos_of(clips)
    found = matcher_for(clips).match(videos, 3).losses
    seed = rng.derive_seed(0, "network", 3)
    network = build_network("convnet3d", 2, num_frames=8, size=44, seed=seed, compute=FLOAT32).eval()
    for label in range(2):
        real = gradients_by_hand(network, clips.batch(clips.indices_of(label)), label)
        synthetic = gradients_by_hand(network, videos[label == LABELS], label)
        assert float(found[label]) == pytest.approx(distance_by_hand(synthetic, real), rel=1e-4)


def test_distance_of_equal_gradients_is_zero_of_opposite_ones_two_a_unit():
    stream = torch.Generator().manual_seed(0)
    gradients = [torch.randn(4, 3, 2, 2, 2, generator=stream), torch.randn(5, 4, generator=stream)]
    assert float(gradient_distance(gradients, gradients)) == pytest.approx(0, abs=1e-4)
    opposite = [-gradient for gradient in gradients]
    assert float(gradient_distance(gradients, opposite)) == pytest.approx(2 * (4 + 5), abs=1e-4)


def test_units_without_a_gradient_have_a_finite_pull():
    ours = torch.zeros(3, 4).requires_grad_()
    (pull,) = torch.autograd.grad(gradient_distance([ours], [torch.ones(3, 4)]), [ours])
    assert pull.isfinite().all()


def test_gradient_against_finite_differences(memory_clips):
    clips = memory_clips()
    videos = videos_of(clips)
    matcher = matcher_for(clips)
    gradient = matcher.match(videos, 0).gradient
    direction = gradient / gradient.norm()
    step = 0.05
    up, down = (matcher.match(videos + sign * step * direction, 0).losses.sum().double() for sign in (1, -1))
    assert float((up - down) / (2 * step)) == pytest.approx(float(gradient.norm()), rel=0.05)


def test_a_small_step_down_the_gradient_lowers_the_loss_of_its_class_only(memory_clips):
    clips = memory_clips()
    videos = videos_of(clips)
    matcher = matcher_for(clips)
    before = matcher.match(videos, 0)
    own = (LABELS == 1)[:, None, None, None, None]
    after = matcher.match(videos - 0.05 * before.gradient * own, 0)
    assert after.losses[1] < before.losses[1]
    assert after.losses[0] == before.losses[0]


@pytest.mark.parametrize("siamese", [False, True])
def test_chunks_give_the_same_losses_and_gradients(memory_clips, siamese):
    clips = memory_clips()
    videos = videos_of(clips)
    whole = matcher_for(clips, siamese=siamese).match(videos, 1)
    parts = matcher_for(clips, siamese=siamese, chunk=1).match(videos, 1)
    torch.testing.assert_close(parts.losses, whole.losses, rtol=1e-4, atol=0)
    torch.testing.assert_close(parts.gradient, whole.gradient, rtol=1e-3, atol=1e-5)


def test_siamese_augmentation_is_the_same_on_both_sides(memory_clips):
    clips = memory_clips()
    clips.flip = True
    real = clips.batch(torch.cat([clips.indices_of(1), clips.indices_of(0)]))
    labels = torch.tensor([1] * 5 + [0] * 5)
    matcher = GradientMatcher(clips, labels, MatchOptions(), siamese=True, seed=0, compute=FLOAT32)
    plain = GradientMatcher(clips, labels, MatchOptions(), siamese=False, seed=0, compute=FLOAT32)
    # All units agree, but for the odd one that is never active and counts 1.
    losses = matcher.match(real, 0).losses
    torch.testing.assert_close(losses, losses.round(), atol=1e-3, rtol=0)
    assert losses.max() < 3
    different = plain.match(draw_augmentation(rng.generator(9, "x"), mirror=True)(real), 0)
    assert different.losses.max() > 10


@pytest.mark.parametrize("flip", [False, True])
def test_augmentation_mirrors_where_clips_may_be_and_holds_within_a_round(memory_clips, monkeypatch, flip):
    clips = memory_clips()
    clips.flip = flip
    drawn, seen = [], []

    def draw(stream, *, mirror, clips=1):
        drawn.append((mirror, clips))
        return augment.Augmentation("sevens", torch.zeros(clips, 3))

    def watched(*arguments, **options):
        network = random_network(*arguments, **options)
        network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
        return network

    monkeypatch.setitem(augment.AUGMENTATIONS, "sevens", lambda videos, numbers: 0 * videos + 7)
    for module in (gradient, augment):
        monkeypatch.setattr(module, "draw_augmentation", draw)
    monkeypatch.setattr(gradient, "random_network", watched)
    videos = rendered(videos_of(clips))
    matcher = matcher_for(clips, siamese=True, outer_steps=2, inner_steps=2)
    matcher.match(videos.render().detach(), 0)
    assert drawn == [(flip, 1)] * 2  # a class
    matcher.after_step(videos, 0)
    assert drawn[2:] == [(flip, 3)] * 2  # an inner step, numbers for every video
    assert len(seen) == 2 * 2 + 2
    assert all(bool((batch == 7).all()) for batch in seen)


def test_a_new_network_every_round_and_training_within(memory_clips):
    clips = memory_clips()
    videos = rendered(videos_of(clips))
    matcher = matcher_for(clips, outer_steps=3, inner_steps=4, network_lr=0.05, model="convnet3d-16")
    weights, losses = [], []
    for iteration in range(4):
        matcher.match(videos.render().detach(), iteration)
        weights.append(matched_weights(matcher._network)[0].detach().clone())
        matcher.after_step(videos, iteration)
        network = matcher._network
        assert not network.training
        losses.append(float(F.cross_entropy(network(videos.render().detach()), LABELS).detach()))
    assert not weights[1].equal(weights[0])
    assert not weights[2].equal(weights[1])
    assert losses[2] == losses[1] < losses[0]  # the last network of a round is not trained any more
    fresh = build_network(
        "convnet3d-16", 2, num_frames=8, size=44, seed=rng.derive_seed(0, "network", 1), compute=FLOAT32
    )
    assert weights[3].equal(matched_weights(fresh)[0])


@pytest.mark.parametrize("num_frames", [32, 64])
def test_no_forward_pass_has_more_than_a_chunk(memory_clips, monkeypatch, num_frames):
    """Long clips: activations are those of one video at a time, of real clips and in inner steps, too."""
    clips = memory_clips(num_classes=1, per_class=3, num_frames=num_frames)
    seen = []

    def counting(*arguments, **options):
        network = random_network(*arguments, **options)
        network.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
        return network

    monkeypatch.setattr(gradient, "random_network", counting)
    options = MatchOptions(chunk=1, outer_steps=2, model="convnet3d-16")
    labels = torch.zeros(2, dtype=torch.int64)
    matcher = GradientMatcher(clips, labels, options, siamese=False, seed=0, compute=FLOAT32)
    frames = torch.randn(2, *clips.shape, generator=torch.Generator().manual_seed(0))
    videos = KeyFrameVideos(frames, torch.ones(2, num_frames, dtype=torch.bool), labels)
    matcher.match(videos.render().detach(), 0)
    matcher.after_step(videos, 0)
    assert seen == [1] * (3 + 2 + 2 + 1)


@pytest.mark.parametrize("siamese", [False, True])
def test_state_in_the_middle_of_a_round_goes_on_alike(memory_clips, siamese):
    clips = memory_clips()
    videos = rendered(videos_of(clips))
    matching = {"siamese": siamese, "outer_steps": 4, "inner_steps": 2, "model": "convnet3d-16"}
    one = matcher_for(clips, **matching)
    for iteration in range(3):
        one.match(videos.render().detach(), iteration)
        one.after_step(videos, iteration)
        if iteration == 1:
            other = matcher_for(clips, **matching)
            other.load_state({name: value.clone() for name, value in one.state().items()})
    other.match(videos.render().detach(), 2)
    other.after_step(videos, 2)
    assert all(value.equal(other.state()[name]) for name, value in one.state().items())
    assert one.state()
    assert matcher_for(clips).state() == {}


def test_bfloat16_is_close(memory_clips):
    clips = memory_clips()
    videos = videos_of(clips)
    exact, rough = (
        matcher_for(clips, model="convnet3d-16", compute=choose_compute("cpu", precision)).match(videos, 0)
        for precision in ("float32", "bfloat16")
    )
    assert rough.losses.dtype == rough.gradient.dtype == torch.float32
    torch.testing.assert_close(rough.losses, exact.losses, rtol=0.1, atol=0.0)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"outer_steps": 0}, "--outer-steps 0"),
        ({"inner_steps": 0}, "--inner-steps 0"),
        ({"network_lr": 0.0}, "--network-lr 0.0"),
        ({"chunk": 0}, "--chunk 0"),
    ],
)
def test_options_out_of_range_fail(bad, message):
    with pytest.raises(UsageError, match=message):
        MatchOptions(**bad)


def test_chunk_follows_the_size_of_the_clips():
    assert MatchOptions().chunk_of((16, 3, 112, 112)) == 64
    assert MatchOptions().chunk_of((64, 3, 112, 112)) == 16
    assert MatchOptions().chunk_of((64, 3, 2048, 2048)) == 1
    assert MatchOptions(chunk=5).chunk_of((64, 3, 112, 112)) == 5
