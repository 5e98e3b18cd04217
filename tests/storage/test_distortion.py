from __future__ import annotations

import numpy as np
import pytest
import torch

from vidcondense.compute import choose_compute
from vidcondense.condensation import condense
from vidcondense.models import build_network
from vidcondense.settings import CondenseOptions
from vidcondense.storage.codecs import Coding
from vidcondense.storage.distortion import distortion
from vidcondense.storage.recode import recode

CPU = choose_compute("cpu", "float32")


@pytest.fixture
def real_set(memory_clips, tmp_path):
    return condense(memory_clips(per_class=9), tmp_path / "set", CondenseOptions(method="random", vpc=9))


def test_lossless_codecs_change_nothing(real_set, tmp_path):
    again = recode(real_set, tmp_path / "again", "webp-lossless")
    found = distortion(real_set, again, "convnet3d-16", seed=0, compute=CPU)
    assert (found.psnr, found.feature_distance) == (None, 0.0)


def test_figures_are_those_of_numpy_on_all_videos_at_once(real_set, tmp_path):
    again = recode(real_set, tmp_path / "again", "jpeg", Coding(quality=30))
    found = distortion(real_set, again, "convnet3d-16", seed=3, compute=CPU)
    everything = torch.arange(18)
    a, b = (each.clips(everything).double().numpy() for each in (real_set, again))
    assert found.psnr == pytest.approx(10 * np.log10(1 / np.mean((a - b) ** 2)), abs=1e-3)
    network = build_network("convnet3d-16", 2, num_frames=8, size=44, seed=3, compute=CPU).eval()
    with torch.no_grad():
        f, g = (network.embed(each.batch(everything)).numpy() for each in (real_set, again))
    expected = np.mean(np.sqrt(((f - g) ** 2).sum(1) / (f**2).sum(1)))
    assert found.feature_distance == pytest.approx(expected, rel=1e-3)
    assert found.feature_distance > 0


def test_better_quality_is_nearer(real_set, tmp_path):
    sets = [recode(real_set, tmp_path / str(q), "webp", Coding(quality=q)) for q in (10, 90)]
    low, high = (distortion(real_set, each, "convnet3d-16", seed=0, compute=CPU) for each in sets)
    assert low.psnr < high.psnr
    assert low.feature_distance > high.feature_distance
