from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vidcondense.compute import choose_compute
from vidcondense.matching.gradient import GradientMatcher
from vidcondense.matching.options import MatchOptions
from vidcondense.models import ConvRecurrent


def videos(num: int, num_frames: int, size: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(num, num_frames, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module", params=["gru", "lstm"])
def network(request) -> ConvRecurrent:
    torch.manual_seed(0)
    return ConvRecurrent(5, layer=request.param, hidden=32)


def frame_features(network: ConvRecurrent, frames: torch.Tensor) -> np.ndarray:
    """The three blocks on 64×64 frames, in float64, the norm written out."""
    maps = frames.double()
    for block in list(network.frames)[:3]:
        maps = F.conv2d(maps, block[0].weight.double(), block[0].bias.double(), padding=1)
        mean = maps.mean(dim=(2, 3), keepdim=True)
        deviation = ((maps - mean).square().mean(dim=(2, 3), keepdim=True) + 1e-5).sqrt()
        scale, shift = (values.double()[None, :, None, None] for values in block[1].parameters())
        maps = ((maps - mean) / deviation * scale + shift).clamp_min(0)
        maps = (maps[..., ::2, ::2] + maps[..., 1::2, ::2] + maps[..., ::2, 1::2] + maps[..., 1::2, 1::2]) / 4
    return maps.reshape(len(frames), -1).detach().numpy()


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def mean_state(network: ConvRecurrent, inputs: np.ndarray) -> np.ndarray:
    """The textbook equations, step by step; the mean hidden state of one video `[T, D]`."""
    w_in, w_state, b_in, b_state = (
        parameter.detach().double().numpy() for parameter in network.recurrent.parameters()
    )
    hidden = w_state.shape[1]
    state, memory = np.zeros(hidden), np.zeros(hidden)
    states = []
    for x in inputs:
        from_input, from_state = w_in @ x + b_in, w_state @ state + b_state
        if isinstance(network.recurrent, torch.nn.GRU):
            reset = sigmoid(from_input[:hidden] + from_state[:hidden])
            update = sigmoid((from_input + from_state)[hidden : 2 * hidden])
            new = np.tanh(from_input[2 * hidden :] + reset * from_state[2 * hidden :])
            state = (1 - update) * new + update * state
        else:
            enter, forget, cell, leave = np.split(from_input + from_state, 4)
            memory = sigmoid(forget) * memory + sigmoid(enter) * np.tanh(cell)
            state = sigmoid(leave) * np.tanh(memory)
        states.append(state)
    return np.mean(states, axis=0)


@pytest.mark.parametrize(("num_frames", "size", "margin"), [(8, 64, 0), (16, 112, 24), (3, 67, 1)])
def test_against_the_equations(network, num_frames, size, margin):
    clips = videos(2, num_frames, size)
    seen = clips[..., margin : margin + 64, margin : margin + 64]
    expected = [mean_state(network, frame_features(network, clip)) for clip in seen]
    with torch.no_grad():
        np.testing.assert_allclose(network.embed(clips), expected, atol=1e-5)
        weight, bias = (parameter.double().numpy() for parameter in network.classifier.parameters())
        np.testing.assert_allclose(network(clips), np.stack(expected) @ weight.T + bias, atol=1e-5)


def test_gradient_of_every_frame_inside_the_crop_only(network):
    clips = videos(2, 4, 70).requires_grad_()
    (gradient,) = torch.autograd.grad(network.embed(clips).square().sum(), clips)
    centre = torch.zeros(70, 70, dtype=torch.bool)
    centre[3:67, 3:67] = True
    assert (gradient[..., centre] != 0).float().mean() > 0.99
    assert not gradient[..., ~centre].any()


@pytest.mark.parametrize("layer", ["gru", "lstm"])
def test_gradient_against_finite_differences(layer):
    torch.manual_seed(0)
    exact = ConvRecurrent(2, layer=layer, hidden=8).double()
    clips, direction = videos(1, 3, 64).double(), videos(1, 3, 64, seed=1).double()
    at = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(exact(clips + at * direction).square().sum(), at)
    with torch.no_grad():
        up, down = (exact(clips + step * direction).square().sum() for step in (1e-8, -1e-8))
    assert float(slope) == pytest.approx(float(up - down) / 2e-8, rel=1e-4)


def test_a_video_is_treated_alone_and_modes_agree(network):
    clips = videos(3, 4, 64)
    with torch.no_grad():
        together = network.train()(clips)
        alone = torch.cat([network.eval()(clip[None]) for clip in clips])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_order_of_frames_matters(network):
    clips = videos(1, 4, 64)
    with torch.no_grad():
        assert not torch.allclose(network.embed(clips), network.embed(clips.flip(1)), atol=1e-4)


def test_the_recurrent_layer_stays_differentiable_for_cudnn(network):
    network.eval()
    assert not network.training
    assert network.recurrent.training
    assert network.recurrent.dropout == 0


def test_cudnn_is_left_where_gradients_are_differentiated_again_and_nowhere_else(network):
    used = []
    hook = network.recurrent.register_forward_pre_hook(lambda *_: used.append(torch.backends.cudnn.enabled))
    clips = videos(1, 2, 64)
    network(clips)  # training on clips
    network(clips.clone().requires_grad_())  # DC, DSA, MTT
    network.requires_grad_(False)
    network(clips.clone().requires_grad_())  # DM, FRePo
    network.requires_grad_(True)
    hook.remove()
    assert used == [True, False, True]
    assert torch.backends.cudnn.enabled


@pytest.mark.cuda
@pytest.mark.parametrize("model", ["cnn-gru", "cnn-lstm"])
@pytest.mark.parametrize("siamese", [False, True])
def test_gradients_are_matched_in_recurrent_networks_on_a_gpu(memory_clips, model, siamese):
    clips, labels = memory_clips(per_class=2, num_frames=2, size=64), torch.tensor([0, 1])
    options = MatchOptions(model=model, real_batch=2)
    found = []
    for device in ("cpu", "cuda"):
        compute = choose_compute(device, "float32")
        matcher = GradientMatcher(clips, labels, options, siamese=siamese, seed=0, compute=compute)
        found.append(matcher.match(compute.move(videos(2, 2, 64)), 0).losses.cpu())
    torch.testing.assert_close(found[1], found[0], rtol=1e-2, atol=1e-2)
