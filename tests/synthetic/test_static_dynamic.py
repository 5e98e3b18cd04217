from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import correlate

from vidcondense.errors import UsageError
from vidcondense.synthetic.options import StaticDynamicOptions
from vidcondense.synthetic.static_dynamic import StaticDynamicVideos, combine, kernel_values

LABELS = torch.tensor([0, 0, 1])


def videos_of(seed=0):
    static = torch.randn(6, 3, 5, 4, generator=torch.Generator().manual_seed(1))
    return StaticDynamicVideos(static, 7, LABELS, convolution_lr=0.5, seed=seed)


def combine_by_loop(image, memory, weight, bias):
    """One video: every output channel the sum of each input channel's 3-D correlation, zeros around."""
    channels = [np.repeat(image[c][None], len(memory), axis=0) for c in range(3)] + [memory]
    video = np.empty((len(memory), 3, *memory.shape[1:]))
    for out in range(3):
        parts = (correlate(x, weight[out, c], mode="same") for c, x in enumerate(channels))
        video[:, out] = sum(parts) + bias[out]
    return video


def test_rendering_against_a_loop():
    stream = torch.Generator().manual_seed(0)
    static, dynamic = torch.randn(2, 3, 5, 4, generator=stream), torch.randn(2, 7, 5, 4, generator=stream)
    weight, bias = torch.randn(3, 4, 3, 3, 3, generator=stream), torch.randn(3, generator=stream)
    found = combine(static, dynamic, weight, bias)
    assert found.shape == (2, 7, 3, 5, 4)
    for video in range(2):
        expected = combine_by_loop(*(x.numpy() for x in (static[video], dynamic[video], weight, bias)))
        np.testing.assert_allclose(found[video].numpy(), expected, atol=1e-5)


def pairs_by_search(videos, rendered):
    """Which image and memory make each video, found by trying all."""
    found = []
    for video in rendered:
        for image in range(len(videos.static)):
            for memory in range(len(videos.dynamic)):
                made = combine(
                    videos.static[image][None], videos.dynamic[memory][None], videos.weight, videos.bias
                )
                if torch.allclose(made[0], video, atol=1e-5):
                    found.append((image, memory))
    return found


def test_every_iteration_pairs_each_videos_own_images_and_memories_anew():
    videos = videos_of()
    seen = [set() for _ in LABELS]
    for iteration in range(30):
        pairs = pairs_by_search(videos, videos.render(iteration).detach())
        assert len(pairs) == 3
        for video, pair in enumerate(pairs):
            seen[video].add(pair)
    for video, found in enumerate(seen):
        own = (2 * video, 2 * video + 1)
        assert found == {(image, memory) for image in own for memory in own}
    assert videos.render(3).equal(videos.render(3))
    assert not videos_of(seed=1).render(3).equal(videos.render(3))


def test_the_finished_set_has_all_pairs_of_every_video():
    image, memory, owner = videos_of().all_pairs()
    assert owner.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    expected = [(2 * n + i, 2 * n + m) for n in range(3) for i in range(2) for m in range(2)]
    assert list(zip(image.tolist(), memory.tolist(), strict=True)) == expected


def test_the_convolution_passes_the_image_through_at_first():
    videos = videos_of()
    assert videos.weight.numel() + videos.bias.numel() == kernel_values(3) == 327
    nothing = torch.zeros(2, 7, 5, 4)
    still = combine(videos.static[:2], nothing, videos.weight, videos.bias).detach()
    torch.testing.assert_close(still, videos.static[:2, None].expand(2, 7, 3, 5, 4))
    assert (combine(videos.static[:2], videos.dynamic[:2], videos.weight, videos.bias) - still).std() < 0.5


def test_memories_and_convolution_learn_at_their_own_rates_and_images_stay():
    videos = videos_of()
    before = {name: tensor.detach().clone() for name, tensor in videos.state().items()}
    optimiser = torch.optim.SGD(videos.parameters(), lr=0.1)
    assert [group["lr"] for group in optimiser.param_groups] == [0.1, 0.5]
    videos.render(0).square().sum().backward()
    torch.testing.assert_close(videos.weight.grad.abs().sum() > 0, torch.tensor(True))
    expected = {
        "static": before["static"],
        "dynamic": before["dynamic"] - 0.1 * videos.dynamic.grad,
        "weight": before["weight"] - 0.5 * videos.weight.grad,
        "bias": before["bias"] - 0.5 * videos.bias.grad,
    }
    optimiser.step()
    for name, tensor in videos.state().items():
        torch.testing.assert_close(tensor.detach(), expected[name])
    other = videos_of(seed=5)
    other.load_state(videos.state())
    assert all(tensor.equal(other.state()[name]) for name, tensor in videos.state().items())


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"static_iterations": 0}, "--static-iterations 0"),
        ({"static_lr": 0.0}, "--static-lr 0.0"),
        ({"convolution_lr": -1.0}, "--convolution-lr -1.0"),
    ],
)
def test_options_out_of_range_fail(bad, message):
    with pytest.raises(UsageError, match=message):
        StaticDynamicOptions(**bad)
