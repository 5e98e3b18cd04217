from __future__ import annotations

import numpy as np
import torch

from vidcondense.training.units import chain, change_units, contrast, standardise, unchanged

MEAN, STD = torch.tensor([0.2, 0.4, 0.6]), torch.tensor([0.1, 0.2, 0.3])
NEW_MEAN, NEW_STD = torch.tensor([0.5, 0.5, 0.1]), torch.tensor([0.3, 0.25, 0.9])


class Clips:
    classes, labels, mean, std = ("a",), torch.zeros(1, dtype=torch.int64), torch.zeros(3), torch.ones(3)

    def __init__(self, count):
        self.videos = 3 * torch.randn(count, 2, 3, 4, 5, generator=torch.Generator().manual_seed(count))

    def __len__(self):
        return len(self.videos)

    def batch(self, indices):
        return self.videos[torch.as_tensor(indices)]


def test_contrast_is_the_deviation_of_at_most_64_clips():
    few, many = Clips(5), Clips(130)
    assert np.isclose(contrast(few), few.videos.numpy().std(ddof=1), rtol=1e-5)
    assert np.isclose(contrast(many), many.videos.numpy()[::3].std(ddof=1), rtol=1e-5)


def pixels() -> torch.Tensor:
    return torch.rand(2, 3, 3, 4, 5, generator=torch.Generator().manual_seed(0))


def in_units(videos: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    channels = [(videos[:, :, c] - mean[c]) / std[c] for c in range(3)]
    return torch.stack(channels, dim=2)


def test_change_of_units_goes_over_pixels():
    change = change_units(MEAN, STD, NEW_MEAN, NEW_STD)
    changed = change(in_units(pixels(), MEAN, STD))
    assert torch.allclose(changed, in_units(pixels(), NEW_MEAN, NEW_STD), atol=1e-6)


def test_equal_units_change_nothing():
    assert change_units(MEAN, STD, MEAN.clone(), STD.clone()) is unchanged
    assert change_units(MEAN, STD, MEAN, NEW_STD) is not unchanged


def test_standardise_against_numpy():
    videos = 3 * pixels() + 1
    expected = (videos.numpy() - videos.numpy().mean()) / videos.numpy().std(ddof=1)
    np.testing.assert_allclose(standardise(videos), expected, atol=1e-5)


def test_standardise_one_colour_is_zero():
    assert standardise(torch.full((1, 2, 3, 4, 4), 0.7)).abs().max() < 1e-3


def test_chain_keeps_the_order():
    assert chain(lambda x: x + 1, lambda x: x * 2)(torch.tensor(3.0)) == 8
