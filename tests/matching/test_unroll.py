from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.func import functional_call

from vidcondense import rng
from vidcondense.compute import choose_compute
from vidcondense.matching.unroll import unroll
from vidcondense.models import build_network

FLOAT32 = choose_compute("cpu", "float32")
SHAPE = (1, 1, 2, 2)  # of a video of four values
BATCHES = ([0, 1, 2], [2, 3], [0, 3, 1])
PARTS = [tuple(torch.tensor(batch).split(2)) for batch in BATCHES]


def by_hand(videos, wanted, start, target, rate):
    """Three steps of a linear network with squared errors, in NumPy; complex numbers pass through it."""
    weights = start.astype(complex)
    for batch in BATCHES:
        x, y = videos[batch], wanted[batch]
        weights = weights - rate * x.T @ (x @ weights - y) / len(batch)
    return ((weights - target) ** 2).sum() / ((start - target) ** 2).sum()


def linear_loss(wanted):
    def loss_of(videos, weights, step, part):
        errors = videos.flatten(1) @ weights[0] - wanted[PARTS[step][part]]
        return errors.square().sum() / 2 / len(BATCHES[step])

    return loss_of


@pytest.fixture
def linear():
    """Videos, what a linear network should say of them, its weights and those to get to; float64."""
    random = np.random.default_rng(0)
    return tuple(random.normal(size=shape) for shape in ((4, 4), (4, 3), (4, 3), (4, 3)))


def test_three_steps_in_float64_against_numpy_and_complex_steps(linear):
    """The derivative of an analytic function is Im f(x + ih) / h, exact to the last digits for a tiny h."""
    videos, wanted, start, target = linear
    rate, tiny = 0.3, 1e-30
    found = unroll(
        torch.tensor(videos).view(4, *SHAPE),
        [torch.tensor(start)],
        [torch.tensor(target)],
        rate,
        PARTS,
        linear_loss(torch.tensor(wanted)),
    )
    assert found.finite
    assert float(found.loss) == pytest.approx(by_hand(videos, wanted, start, target, rate).real, rel=1e-12)
    expected = np.empty_like(videos)
    for place in np.ndindex(videos.shape):
        moved = videos.astype(complex)
        moved[place] += 1j * tiny
        expected[place] = by_hand(moved, wanted, start, target, rate).imag / tiny
    np.testing.assert_allclose(found.gradient.view(4, 4).numpy(), expected, rtol=1e-11)
    slope = by_hand(videos, wanted, start, target, rate + 1j * tiny).imag / tiny
    assert float(found.rate_gradient) == pytest.approx(slope, rel=1e-12)


def test_a_video_of_no_batch_has_no_gradient(linear):
    videos, _, start, target = map(torch.tensor, linear)
    found = unroll(
        videos.view(4, *SHAPE),
        [start],
        [target],
        0.3,
        PARTS[1:2],
        lambda x, w, step, part: (x.sum() * w[0]).sum() ** 2,
    )
    assert not found.gradient[:2].any()
    assert found.gradient[2:].any()


def test_no_steps_leave_the_student_where_it_is(linear):
    videos, wanted, start, target = map(torch.tensor, linear)
    found = unroll(videos.view(4, *SHAPE), [start], [target], 0.3, [], linear_loss(wanted))
    assert float(found.loss) == pytest.approx(1)
    assert not found.gradient.any()


def test_infinite_numbers_are_noticed(linear):
    videos, wanted, start, target = map(torch.tensor, linear)
    assert not unroll(videos.view(4, *SHAPE), [start], [target], 1e200, PARTS, linear_loss(wanted)).finite


@pytest.fixture(scope="module")
def student():
    """ConvNet3D with dropout: the weights it starts from, those it should get to, and its loss."""
    network = build_network("convnet3d", 3, num_frames=8, size=44, seed=0, compute=FLOAT32)
    other = build_network("convnet3d", 3, num_frames=8, size=44, seed=1, compute=FLOAT32)
    labels = torch.tensor([0, 1, 2, 1])
    names = [name for name, _ in network.named_parameters()]

    def loss_of(videos, weights, step, part):
        with rng.isolated(rng.derive_seed(0, "dropout", step, part), FLOAT32.device):
            logits = functional_call(network, dict(zip(names, weights, strict=True)), (videos,))
        own = labels[PARTS[step][part]]
        return F.cross_entropy(logits, own, reduction="sum") / len(BATCHES[step])

    videos = torch.randn(4, 8, 3, 44, 44, generator=torch.Generator().manual_seed(0))
    start, other_weights = ([each.detach() for each in one.parameters()] for one in (network, other))
    target = [a + 0.1 * (b - a) for a, b in zip(start, other_weights, strict=True)]
    return videos, start, target, loss_of


def naive(videos, start, target, rate, loss_of):
    """Autograd through the whole training at once."""
    videos, rate = videos.clone().requires_grad_(), torch.tensor(rate, requires_grad=True)
    weights = [each.clone().requires_grad_() for each in start]
    for step, parts in enumerate(PARTS):
        loss = sum(loss_of(videos[own], weights, step, part) for part, own in enumerate(parts))
        gradients = torch.autograd.grad(loss, weights, create_graph=True)
        weights = [each - rate * gradient for each, gradient in zip(weights, gradients, strict=True)]
    far = sum((a - b).square().sum() for a, b in zip(weights, target, strict=True))
    loss = far / sum((a - b).square().sum() for a, b in zip(start, target, strict=True))
    return loss.detach(), *torch.autograd.grad(loss, [videos, rate])


def test_a_real_network_has_the_gradients_of_the_naive_unroll(student):
    videos, start, target, loss_of = student
    found = unroll(videos, start, target, 0.5, PARTS, loss_of)
    loss, gradient, slope = naive(videos, start, target, 0.5, loss_of)
    torch.testing.assert_close(found.loss, loss, rtol=1e-5, atol=0)
    torch.testing.assert_close(found.rate_gradient, slope, rtol=1e-4, atol=0)
    assert float((found.gradient - gradient).norm() / gradient.norm()) < 1e-4


def test_gradients_of_a_smooth_network_in_float64_against_finite_differences():
    """Of a network with ReLU they would see the jumps of its gradient as well."""
    stream = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(shape, generator=stream, dtype=torch.float64)

    start = [draw(5, 3, 1, 3, 3), draw(5), draw(3, 5)]
    target = [each + 0.3 * draw(*each.shape) for each in start]
    videos, direction = draw(4, 2, 3, 4, 4), draw(4, 2, 3, 4, 4)
    labels = torch.tensor([0, 1, 2, 1])

    def loss_of(videos, weights, step, part):
        kernel, bias, classifier = weights
        maps = F.conv3d(videos.transpose(1, 2), kernel, bias).tanh().mean(dim=(2, 3, 4))
        own = labels[PARTS[step][part]]
        return F.cross_entropy(maps @ classifier.T, own, reduction="sum") / len(BATCHES[step])

    def loss(move, change):
        return float(unroll(videos + move * direction, start, target, 0.5 + change, PARTS, loss_of).loss)

    found = unroll(videos, start, target, 0.5, PARTS, loss_of)
    tiny = 1e-5
    slope = (loss(tiny, 0) - loss(-tiny, 0)) / (2 * tiny)
    assert slope == pytest.approx(float((found.gradient * direction).sum()), rel=1e-6)
    slope = (loss(0, tiny) - loss(0, -tiny)) / (2 * tiny)
    assert slope == pytest.approx(float(found.rate_gradient), rel=1e-6)


def test_no_graph_is_left(student):
    videos, start, target, loss_of = student
    found = unroll(videos, start, target, 0.5, PARTS, loss_of)
    assert not any(each.requires_grad for each in (found.loss, found.gradient, found.rate_gradient))


def test_memory_does_not_grow_with_the_steps(student):
    """Of tensors saved for backward passes, only those of one part of one step are held at a time."""
    videos, start, target, loss_of = student
    held, most = [0], [0]

    class Saved:
        def __init__(self, tensor):
            self.tensor = tensor
            held[0] += tensor.nbytes
            most[0] = max(most[0], held[0])

        def __del__(self):
            held[0] -= self.tensor.nbytes

    peaks = []
    for steps in (1, 3):
        held[0] = most[0] = 0
        with torch.autograd.graph.saved_tensors_hooks(Saved, lambda saved: saved.tensor):
            unroll(
                videos,
                start,
                target,
                0.5,
                PARTS[-1:] * steps,
                lambda x, w, step, part: loss_of(x, w, 2, part),
            )
        peaks.append(most[0])
    assert peaks[0] == peaks[1] > 0
