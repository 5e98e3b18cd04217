from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.kernel_ridge import KernelRidge

from vidcondense.compute import choose_compute
from vidcondense.errors import UsageError
from vidcondense.matching.kernel import KernelMatcher, centred, regress
from vidcondense.matching.options import KernelOptions, MatchOptions
from vidcondense.settings import CondenseOptions
from vidcondense.synthetic.keyframes import KeyFrameVideos

FLOAT32 = choose_compute("cpu", "float32")
LABELS = torch.tensor([1, 0, 1])


def matcher_for(clips, *, kernel=None, seed=0, compute=FLOAT32, **options):
    kernel = kernel or KernelOptions(online_pool=2)
    return KernelMatcher(clips, LABELS, MatchOptions(**options), kernel, seed=seed, compute=compute)


def videos_of(clips, seed=1):
    return torch.randn(3, *clips.shape, generator=torch.Generator().manual_seed(seed))


def rendered(videos):
    """The videos as a representation."""
    return KeyFrameVideos(videos, torch.ones(videos.shape[:2], dtype=torch.bool), LABELS)


def in_double(clips):
    """The same clips, in double precision."""

    class Double(type(clips)):
        def batch(self, indices):
            return super().batch(indices).double()

    clips.__class__ = Double
    return clips


def test_predictions_are_those_of_scikit_learn():
    stream = torch.Generator().manual_seed(0)
    real, synthetic = (torch.randn(count, 9, generator=stream) for count in (7, 4))
    labels = torch.randn(4, 3, generator=stream)
    kernel = (synthetic.double() @ synthetic.double().T).numpy()
    model = KernelRidge(alpha=1e-2 * np.trace(kernel) / 4, kernel="linear")
    expected = model.fit(synthetic.double().numpy(), labels.double().numpy()).predict(real.double().numpy())
    np.testing.assert_allclose(regress(real, synthetic, labels, 1e-2), expected, rtol=1e-8)


def test_losses_by_scikit_learn_on_the_features_of_the_network(memory_clips):
    clips = memory_clips(num_classes=3, per_class=2)
    videos = videos_of(clips)
    matcher = matcher_for(clips, kernel=KernelOptions(online_pool=3, ridge=0.05))
    found = matcher.match(videos, 4).losses
    network = matcher.pool.network(4)
    synthetic, real = (network.embed(each).numpy().astype(float) for each in (videos, clips.batch(range(6))))
    hard = np.eye(3) - 1 / 3
    ridge = 0.05 * (synthetic**2).sum() / 3
    predicted = KernelRidge(alpha=ridge).fit(synthetic, hard[LABELS]).predict(real)
    squares = ((predicted - hard[clips.labels]) ** 2).sum(axis=1) / 2
    np.testing.assert_allclose(found, squares.reshape(3, 2).sum(axis=1) / 6, rtol=1e-4)
    np.testing.assert_allclose(found.sum(), squares.mean(), rtol=1e-4)


def test_the_scale_of_features_does_not_matter():
    real, synthetic = torch.randn(5, 8), torch.randn(3, 8)
    labels = centred(LABELS, 2)
    torch.testing.assert_close(
        regress(real, synthetic, labels, 1e-3), regress(100 * real, 100 * synthetic, labels, 1e-3)
    )


@pytest.mark.parametrize("bad", [0.0, float("nan")])
def test_features_that_say_nothing_give_no_number(bad):
    assert not regress(torch.randn(5, 8), torch.full((3, 8), bad), centred(LABELS, 2), 1e-6).isfinite().any()


def test_gradients_of_videos_and_labels_against_finite_differences(memory_clips, double_networks):
    clips = in_double(memory_clips(per_class=2))
    videos = videos_of(clips).double()
    matcher = matcher_for(clips, kernel=KernelOptions(ridge=1e-3))
    matcher.labels = matcher.labels.detach().double().requires_grad_()
    match = matcher.match(videos, 2)
    assert match.gradient.dtype == torch.float64
    stream = torch.Generator().manual_seed(5)

    def slope(change_videos, change_labels, step=1e-5):
        ends, labels = [], matcher.labels
        for sign in (1.0, -1.0):
            matcher.labels = labels.detach() + sign * step * change_labels
            ends.append(float(matcher.loss(videos + sign * step * change_videos, 2).detach().sum()))
        matcher.labels = labels
        return (ends[0] - ends[1]) / (2 * step)

    still, same = torch.zeros_like(videos), torch.zeros(3, 2)
    towards = match.gradient / match.gradient.norm()
    assert slope(towards, same) == pytest.approx(float(match.gradient.norm()), rel=1e-3)
    aside = torch.randn(videos.shape, generator=stream, dtype=torch.float64)
    assert slope(aside, same) == pytest.approx(float((match.gradient * aside).sum()), rel=1e-2)
    for video in range(3):
        for label in range(2):
            one = torch.zeros(3, 2, dtype=torch.float64)
            one[video, label] = 1
            assert slope(still, one) == pytest.approx(float(match.own[0][video, label]), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("chunk", [1, 2])
def test_chunks_give_the_same_losses_and_gradients(memory_clips, chunk):
    clips = memory_clips()
    videos = videos_of(clips)
    kernel = KernelOptions(ridge=1e-3)
    whole = matcher_for(clips, kernel=kernel).match(videos, 1)
    parts = matcher_for(clips, kernel=kernel, chunk=chunk).match(videos, 1)
    torch.testing.assert_close(parts.losses, whole.losses, rtol=1e-4, atol=0)
    torch.testing.assert_close(parts.gradient, whole.gradient, rtol=1e-3, atol=1e-7)
    torch.testing.assert_close(parts.own, whole.own, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("num_frames", [8, 32])
def test_no_forward_pass_has_more_than_a_chunk(memory_clips, monkeypatch, small_networks, num_frames):
    clips, seen = memory_clips(num_frames=num_frames), []
    monkeypatch.setattr(
        KeyFrameVideos, "render", lambda self, iteration=0: seen.append("render") or self.frames
    )
    matcher = matcher_for(clips, chunk=2, real_batch=3)
    network = matcher.pool.network(0)
    network.features.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    videos = rendered(videos_of(clips))
    match = matcher.match(videos.frames.detach(), 0)
    matcher.after_step(videos, 0)
    # Real clips, videos, videos again for their gradient, and a training step.
    assert seen == [2, 2, 2, 2, 1, 1, 2, "render", 2]
    assert match.clips == 6 + 3 + 2


def test_a_step_down_the_gradients_lowers_the_loss(memory_clips, small_networks):
    clips = memory_clips()
    videos, matcher = videos_of(clips), matcher_for(clips)
    before = matcher.match(videos, 0)
    moved = matcher.match(videos - 0.1 * before.gradient / before.gradient.norm(), 0)
    assert moved.losses.sum() < before.losses.sum()
    with torch.no_grad():
        matcher.labels -= 0.01 * before.own[0] / before.own[0].norm()
    assert matcher.match(videos, 0).losses.sum() < before.losses.sum()


def test_labels_that_are_not_learned_are_no_parameters(memory_clips, small_networks):
    clips = memory_clips()
    matcher = matcher_for(clips, kernel=KernelOptions(label_lr=0.0))
    assert matcher.parameters() == []
    assert matcher.match(videos_of(clips), 0).own == ()
    assert matcher.learned_labels() is None
    learning = matcher_for(clips)
    (group,) = learning.parameters()
    assert group["lr"] == KernelOptions().label_lr
    torch.testing.assert_close(learning.learned_labels(), torch.eye(2)[LABELS] - 0.5)


def test_networks_train_on_the_labels_as_they_were_learned(memory_clips, small_networks):
    clips = memory_clips()
    matcher, alike = matcher_for(clips), matcher_for(clips).pool
    videos = rendered(videos_of(clips))
    with torch.no_grad():
        matcher.labels.neg_()
    matcher.after_step(videos, 0)
    alike.train(videos.frames.detach(), 0.5 - torch.eye(2)[LABELS], 0, matcher.options.inner_steps)
    ours, theirs = matcher.pool.state(), alike.state()
    assert len(ours) > 1
    assert all(value.equal(theirs[name]) for name, value in ours.items())


def test_state_goes_on_alike(memory_clips, small_networks):
    clips = memory_clips()
    kernel = KernelOptions(online_pool=2, max_online=4)
    one = matcher_for(clips, kernel=kernel, inner_steps=2)
    videos = rendered(videos_of(clips))

    def step(matcher, iteration):
        match = matcher.match(videos.render().detach(), iteration)
        with torch.no_grad():
            matcher.labels -= match.own[0]
        matcher.after_step(videos, iteration)
        return match

    for iteration in range(5):
        step(one, iteration)
    other = matcher_for(clips, kernel=kernel, inner_steps=2)
    other.load_state({name: value.detach().clone() for name, value in one.state().items()})
    for iteration in range(5, 9):
        ours, theirs = step(one, iteration), step(other, iteration)
        assert ours.losses.equal(theirs.losses)
        assert ours.gradient.equal(theirs.gradient)
    assert one.state().keys() == other.state().keys()
    assert all(value.equal(other.state()[name]) for name, value in one.state().items())


def test_centred_labels_sum_to_zero():
    found = centred(torch.tensor([2, 0]), 4)
    np.testing.assert_allclose(found, np.eye(4)[[2, 0]] - 0.25)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"label_lr": -1.0}, "--label-lr -1.0"),
        ({"ridge": 0.0}, "--ridge 0.0"),
        ({"online_pool": 0}, "--online-pool 0"),
        ({"max_online": 0}, "--max-online 0"),
        ({"online_lr": 0.0}, "--online-lr 0.0"),
    ],
)
def test_options_out_of_range_fail(bad, message):
    with pytest.raises(UsageError, match=message):
        KernelOptions(**bad)


@pytest.mark.parametrize(("method", "match"), [("frepo", None), ("prism", "frepo")])
def test_clusters_are_refused(method, match):
    with pytest.raises(UsageError, match="--match-targets cluster"):
        CondenseOptions(method=method, match=MatchOptions(match=match, match_targets="cluster"))
