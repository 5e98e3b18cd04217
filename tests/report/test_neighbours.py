from __future__ import annotations

import numpy as np
import pytest
import torch

from vidcondense.compute import Compute
from vidcondense.errors import DataError
from vidcondense.models import build_network
from vidcondense.report.neighbours import Lens, nearest, random_lens


@pytest.fixture
def compute():
    return Compute(torch.device("cpu"), "float32")


def real_clips(memory_clips):
    return memory_clips(num_classes=2, per_class=6, num_frames=8, size=44)


def lens_of(clips, compute):
    network = build_network("convnet3d", 2, num_frames=8, size=44, seed=0, compute=compute)
    return Lens(network.eval(), clips.mean, clips.std, compute)


def test_nearest_against_numpy(memory_clips, compute):
    real, clips = real_clips(memory_clips), real_clips(memory_clips)
    clips.pixels = clips.pixels.flip(0).clone()  # videos of class 0 look like real ones of class 1
    clips.mean, clips.std = clips.mean + 0.1, clips.std * 2  # and come in other units
    lens = lens_of(real, compute)
    with torch.no_grad():
        standard = (clips.pixels - real.mean[:, None, None]) / real.std[:, None, None]
        ours = lens.network.embed(standard[[7, 1]]).double().numpy()
        theirs = lens.network.embed(real.batch(range(12))).double().numpy()
    cosines = ours @ theirs.T / np.outer(np.linalg.norm(ours, axis=1), np.linalg.norm(theirs, axis=1))
    found = nearest(clips, [7, 1], real, lens, count=2, seed=0)
    for row, label, neighbours in zip(cosines, (1, 0), found, strict=True):
        members = np.flatnonzero(real.labels.numpy() == label)
        expected = members[np.argsort(-row[members])[:2]]
        assert [clip for clip, _ in neighbours] == expected.tolist()
        assert [cosine for _, cosine in neighbours] == pytest.approx(row[expected].tolist(), abs=1e-5)


def test_a_real_clip_is_nearest_to_itself(memory_clips, compute):
    real = real_clips(memory_clips)
    found = nearest(real, [3, 8], real, lens_of(real, compute), count=1, seed=0)
    assert [neighbours[0][0] for neighbours in found] == [3, 8]
    assert found[0][0][1] == pytest.approx(1, abs=1e-5)


def test_of_many_clips_some_are_looked_at(memory_clips, compute, monkeypatch):
    monkeypatch.setattr("vidcondense.report.neighbours.MAX_REAL", 2)
    real = real_clips(memory_clips)
    found = nearest(real, [3], real, lens_of(real, compute), count=5, seed=0)
    assert len(found[0]) == 2


def test_a_class_without_real_clips_fails(memory_clips, compute):
    real = real_clips(memory_clips)
    real.labels = torch.zeros(12, dtype=torch.int64)
    with pytest.raises(DataError, match="no clip of class 'class 1'"):
        nearest(real_clips(memory_clips), [8], real, lens_of(real, compute), count=1, seed=0)


def test_random_lens_depends_on_its_seed_alone(memory_clips, compute):
    real = real_clips(memory_clips)
    one, again, other = (random_lens(real, seed, compute).features(real, [0]) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.allclose(one, other)
    assert float(one.norm()) == pytest.approx(1, abs=1e-5)
