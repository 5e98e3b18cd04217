from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from marks import BFLOAT16
from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.errors import DataError
from vidcondense.models import build_network
from vidcondense.storage.labels import SoftLabelled
from vidcondense.training import TrainOptions, predict, train
from vidcondense.training.augment import draw_augmentation
from vidcondense.training.units import standardise
from vidcondense.training.views import AugmentedViews


def parameters(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def descend(weight, bias, clips, targets, rates, *, regression, momentum, decay, clip_norm):
    """SGD on all clips at once, written out in float64 NumPy; the losses and the last weights."""
    velocity_w, velocity_b = np.zeros_like(weight), np.zeros_like(bias)
    losses = []
    for rate in rates:
        logits = clips @ weight.T + bias
        if regression:
            losses.append(((logits - targets) ** 2).sum(axis=1).mean() / 2)
            error = (logits - targets) / len(clips)
        else:
            logits -= logits.max(axis=1, keepdims=True)
            chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            losses.append(-(targets * np.log(chances)).sum(axis=1).mean())
            error = (chances - targets) / len(clips)
        slope_w, slope_b = error.T @ clips, error.sum(axis=0)
        norm = np.sqrt((slope_w**2).sum() + (slope_b**2).sum())
        shrink = 1.0 if clip_norm is None else min(1.0, clip_norm / norm)
        velocity_w = momentum * velocity_w + shrink * slope_w + decay * weight
        velocity_b = momentum * velocity_b + shrink * slope_b + decay * bias
        weight, bias = weight - rate * velocity_w, bias - rate * velocity_b
    return losses, weight, bias


@pytest.mark.parametrize("labels", ["hard", "teacher", "learned"])
@pytest.mark.parametrize("clip_norm", [None, 0.05])
def test_updates_against_numpy(make_clips, make_network, cpu, clip_norm, labels):
    clips, network = make_clips(num=6), make_network()
    targets = np.eye(3)[clips.labels]
    if labels != "hard":
        targets = 0.7 * targets + 0.1 if labels == "teacher" else 1.5 * targets - 0.4
        clips.labels = torch.from_numpy(targets).float()
    clips.regression = labels == "learned"
    weight, bias = (parameter.detach().double().numpy().copy() for parameter in network.parameters())
    options = TrainOptions(
        steps=4,
        batch_size=6,
        lr=0.5,
        weight_decay=0.1,
        clip_norm=clip_norm,
        warmup=0.0,
        schedule="step",
        augment=False,
    )
    losses, weight, bias = descend(
        weight,
        bias,
        clips.views[0].flatten(1).double().numpy(),
        targets,
        [0.5, 0.5, 0.05, 0.05],
        regression=clips.regression,
        momentum=0.9,
        decay=0.1,
        clip_norm=clip_norm,
    )
    result = train(network, clips, options, seed=0, compute=cpu)
    np.testing.assert_allclose(result.losses, losses, rtol=1e-5)
    np.testing.assert_allclose(network.linear.weight.detach(), weight, atol=1e-5)
    np.testing.assert_allclose(network.linear.bias.detach(), bias, atol=1e-5)


def test_learns_and_reports(make_clips, make_network, cpu):
    clips, network, events = make_clips(num=30), make_network(), []
    done = []
    options = TrainOptions(steps=60, batch_size=8, lr=0.5)
    result = train(
        network, clips, options, seed=1, compute=cpu, listener=events.append, after_step=done.append
    )
    assert not result.diverged
    assert result.steps_done == 60
    assert predict(network, clips, compute=cpu).argmax(dim=1).tolist() == clips.labels.tolist()
    assert [event["step"] for event in events] == list(range(60))
    assert tuple(event["loss"] for event in events) == result.losses
    assert {event["kind"] for event in events} == {"train"}
    assert done == list(range(1, 61))
    assert network.training


@pytest.mark.parametrize(
    "options", [TrainOptions(steps=9, batch_size=5), TrainOptions(epochs=3, batch_size=5)]
)
def test_same_seed_same_network(make_clips, make_network, cpu, options):
    def run(seed: int) -> tuple[torch.Tensor, tuple[float, ...]]:
        network = make_network(dropout=0.5)
        result = train(network, make_clips(), options, seed=seed, compute=cpu)
        return parameters(network), result.losses

    weights, losses = run(1)
    torch.manual_seed(1234)
    again, losses_again = run(1)
    other, _ = run(2)
    assert torch.equal(weights, again)
    assert losses == losses_again
    assert not torch.equal(weights, other)


@pytest.mark.parametrize("precision", ["float32", pytest.param("bfloat16", marks=BFLOAT16)])
def test_convnet3d_is_repeatable_and_learns(make_clips, precision):
    compute = Compute(torch.device("cpu"), precision)
    clips = make_clips(num=6, num_classes=2)
    generator = torch.Generator().manual_seed(0)
    clips.views = 0.1 * torch.randn(1, 6, 8, 3, 44, 44, generator=generator)
    clips.views[0, clips.labels == 1, :, 0] += 1.0
    clips.views[0, clips.labels == 0, :, 1] += 1.0

    def run() -> tuple[tuple[float, ...], torch.Tensor]:
        network = build_network("convnet3d", 2, 8, 44, seed=3, compute=compute)
        result = train(network, clips, TrainOptions(steps=12, lr=0.02), seed=3, compute=compute)
        return result.losses, predict(network, clips, compute=compute)

    losses, logits = run()
    losses_again, logits_again = run()
    assert losses == losses_again
    assert torch.equal(logits, logits_again)
    assert logits.dtype == torch.float32
    assert logits.argmax(dim=1).tolist() == clips.labels.tolist()


def test_dropout_draws_from_its_own_stream(make_clips, make_network, cpu):
    torch.manual_seed(7)
    expected = torch.rand(4)
    network = make_network(dropout=0.5)
    torch.manual_seed(7)
    train(network, make_clips(), TrainOptions(steps=3), seed=0, compute=cpu)
    assert torch.equal(torch.rand(4), expected)


def test_dropout_differs_from_step_to_step(make_clips, make_network, cpu, monkeypatch):
    network, masks = make_network(dropout=0.5), []
    original = network.dropout.forward
    monkeypatch.setattr(network.dropout, "forward", lambda x: masks.append(original(torch.ones_like(x))) or x)
    train(network, make_clips(), TrainOptions(steps=3), seed=0, compute=cpu)
    assert not torch.equal(masks[0], masks[1])
    torch.manual_seed(rng.derive_seed(0, "dropout", 2))
    assert torch.equal(masks[2], torch.nn.functional.dropout(torch.ones_like(masks[2]), 0.5))


def test_prepare_is_applied(make_clips, make_network, cpu):
    raw, prepared = make_network(), make_network()
    clips, ready = make_clips(num=6), make_clips(num=6)
    ready.views = standardise(ready.views[0])[None]
    options = TrainOptions(steps=3, batch_size=6, lr=0.1, augment=False)
    by_hand = train(raw, ready, options, seed=0, compute=cpu)
    by_train = train(prepared, clips, options, seed=0, compute=cpu, prepare=standardise)
    assert by_train.losses == pytest.approx(by_hand.losses, rel=1e-5)


@pytest.mark.parametrize("mirror", [True, False])
def test_each_step_augments_and_only_then_prepares(make_clips, make_network, cpu, mirror):
    clips, options = make_clips(num=6), TrainOptions(steps=12, batch_size=6, lr=0.1)
    steps = iter(range(12))

    def by_hand(videos):
        stream = rng.generator(5, "augment", next(steps))
        return standardise(draw_augmentation(stream, mirror=mirror, clips=len(videos))(videos))

    plain = replace(options, augment=False)
    wanted = train(make_network(), clips, plain, seed=5, compute=cpu, prepare=by_hand)
    found = train(make_network(), clips, options, seed=5, compute=cpu, prepare=standardise, mirror=mirror)
    assert found.losses == wanted.losses


def test_augmented_views_are_taken_as_they_are(make_clips, make_network, cpu):
    views = AugmentedViews(make_clips(num=6), 4, seed=3, mirror=True)
    labelled = SoftLabelled(views, torch.eye(3)[views.labels], regression=False)
    for clips in (views, labelled):
        asked, plain = (
            train(make_network(), clips, TrainOptions(steps=3, augment=augment), seed=0, compute=cpu)
            for augment in (True, False)
        )
        assert asked == plain
    assert SoftLabelled(make_clips(num=6), torch.eye(3)[[0] * 6], regression=False).augmented is False


def test_divergence_stops_at_once(make_clips, make_network, cpu):
    events, network = [], make_network()
    options = TrainOptions(steps=200, lr=1e30, clip_norm=None, warmup=0.0)
    result = train(network, make_clips(), options, seed=0, compute=cpu, listener=events.append)
    assert result.diverged
    assert 0 < result.steps_done < 200
    assert np.isfinite(result.losses).all()
    assert events[-1] == {"kind": "diverged", "step": result.steps_done}
    json.dumps(events, allow_nan=False)


def test_weights_that_overflow_in_the_last_step_are_divergence(make_clips, make_network, cpu):
    options = TrainOptions(steps=1, lr=3e38, clip_norm=None, warmup=0.0, weight_decay=100.0)
    result = train(make_network(), make_clips(), options, seed=0, compute=cpu)
    assert result.steps_done == 1
    assert result.diverged


def test_gradient_that_overflows_is_divergence(make_clips, make_network, cpu):
    clips, network = make_clips(), make_network()

    class Overflow(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient * torch.inf

    before = parameters(network).clone()
    network.linear.register_forward_hook(lambda module, inputs, output: Overflow.apply(output))
    result = train(network, clips, TrainOptions(steps=5), seed=0, compute=cpu)
    assert result.diverged
    assert result.steps_done == 0
    assert torch.equal(parameters(network), before)


def test_frozen_parameters_stay(make_clips, make_network, cpu):
    network = make_network()
    network.linear.bias.requires_grad_(False)
    bias = network.linear.bias.clone()
    weight = network.linear.weight.detach().clone()
    train(network, make_clips(), TrainOptions(steps=3, lr=0.5), seed=0, compute=cpu)
    assert torch.equal(network.linear.bias, bias)
    assert not torch.equal(network.linear.weight, weight)


def test_no_clips_fails(make_clips, make_network, cpu):
    with pytest.raises(DataError, match="no clips to train on"):
        train(make_network(), make_clips(num=0), TrainOptions(), seed=0, compute=cpu)
