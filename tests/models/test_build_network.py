from __future__ import annotations

import pytest
import torch

from vidcondense.compute import Compute
from vidcondense.errors import UsageError
from vidcondense.models import MODELS, VideoNetwork, build_network, check_size, network_for

CPU = Compute(torch.device("cpu"), "float32")


def build(seed: int, **changes: object) -> VideoNetwork:
    arguments = {"num_classes": 5, "num_frames": 8, "size": 64, "compute": CPU} | changes
    return build_network("convnet3d", seed=seed, **arguments)


def weights(network: VideoNetwork) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def test_weights_depend_on_the_seed_alone():
    first = weights(build(3))
    torch.manual_seed(99)
    assert torch.equal(first, weights(build(3, compute=Compute(torch.device("cpu"), "bfloat16"))))
    assert not torch.equal(first, weights(build(4)))


def test_network_for_clips_of_a_shape_is_the_one_built_for_their_frames_and_size():
    expected = build_network("convnet-32", 5, num_frames=8, size=64, seed=3, compute=CPU)
    assert torch.equal(
        weights(network_for("convnet-32", (8, 3, 64, 64), 5, seed=3, compute=CPU)), weights(expected)
    )


def test_weights_are_torchs_default():
    torch.manual_seed(3)
    expected = weights(MODELS["convnet3d"].build(5, 8, 64))
    assert torch.equal(weights(build(3)), expected)
    bound = (3 * 3 * 7 * 7) ** -0.5  # of the uniform distribution, from the fan-in
    first_layer = next(build(3).parameters()).detach()
    assert 0.99 * bound < float(first_layer.abs().max()) <= bound


def test_global_random_state_is_untouched():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build(3)
    assert torch.equal(torch.rand(3), expected)


def test_is_trainable_and_placed():
    network = build(3)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    kernel = next(network.parameters())
    assert kernel.is_contiguous(memory_format=torch.channels_last_3d)


def test_bfloat16_is_close_to_float32():
    clips = torch.randn(2, 8, 3, 44, 44, generator=torch.Generator().manual_seed(0))
    network = build(3).eval()
    with torch.no_grad():
        exact = network.embed(clips)
        with Compute(torch.device("cpu"), "bfloat16").autocast():
            rough = network.embed(clips)
    assert rough.dtype == torch.bfloat16
    assert float((rough.float() - exact).norm() / exact.norm()) < 0.02


@pytest.mark.parametrize(
    ("num_frames", "size", "message"),
    [(7, 64, "--num-frames 7: convnet3d needs at least 8"), (8, 43, "--size 43: convnet3d .* 44×44")],
)
def test_too_small_fails(num_frames, size, message):
    with pytest.raises(UsageError, match=message):
        check_size("convnet3d", num_frames, size)
    with pytest.raises(UsageError, match=message):
        build(0, num_frames=num_frames, size=size)


def test_unknown_model_fails():
    with pytest.raises(UsageError, match="unknown model 'convnet3'; did you mean convnet3d"):
        check_size("convnet3", 8, 64)
