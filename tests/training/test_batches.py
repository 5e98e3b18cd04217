from __future__ import annotations

from collections import Counter

import pytest
import torch

from vidcondense.compute import Compute
from vidcondense.speed.sample import raw_clips
from vidcondense.training import batches
from vidcondense.training.batches import Batches, fetcher
from vidcondense.video import fetch
from vidcondense.video.sampling import ClipOptions


@pytest.mark.parametrize(("num_clips", "batch_size"), [(10, 3), (10, 5), (7, 7), (5, 32), (1, 4)])
def test_steps_are_all_full_and_epochs_complete(num_clips, batch_size):
    drawn = Batches(num_clips, batch_size, whole=False, seed=1)
    size = min(num_clips, batch_size)
    steps = [drawn.at(step).tolist() for step in range(4 * num_clips)]
    assert {len(step) for step in steps} == {size}
    stream = [index for step in steps for index in step]
    for epoch in range(4 * size):
        assert sorted(stream[epoch * num_clips : (epoch + 1) * num_clips]) == list(range(num_clips))


@pytest.mark.parametrize(
    ("num_clips", "batch_size", "sizes"), [(10, 4, [4, 4, 2]), (8, 4, [4, 4]), (3, 9, [3])]
)
def test_whole_epochs(num_clips, batch_size, sizes):
    drawn = Batches(num_clips, batch_size, whole=True, seed=1)
    for epoch in range(5):
        parts = [drawn.at(epoch * len(sizes) + part).tolist() for part in range(len(sizes))]
        assert [len(part) for part in parts] == sizes
        assert sorted(index for part in parts for index in part) == list(range(num_clips))


@pytest.mark.parametrize("whole", [False, True])
def test_a_step_depends_on_seed_and_step_alone(whole):
    forward = Batches(20, 6, whole=whole, seed=2)
    expected = [forward.at(step).tolist() for step in range(30)]
    backward = Batches(20, 6, whole=whole, seed=2)
    assert [backward.at(step).tolist() for step in reversed(range(30))] == expected[::-1]
    assert Batches(20, 6, whole=whole, seed=3).at(0).tolist() != expected[0]


def test_epochs_are_shuffled_anew():
    drawn = Batches(6, 6, whole=True, seed=0)
    firsts = Counter(int(drawn.at(epoch)[0]) for epoch in range(600))
    assert set(firsts) == set(range(6))
    assert all(60 < count < 140 for count in firsts.values())  # 100 ± 4.4 standard deviations


@pytest.mark.parametrize("limit", [0, 2**30])
def test_fetched_clips_are_the_sources(make_clips, cpu, monkeypatch, limit):
    monkeypatch.setattr(batches, "_HELD_BYTES", limit)
    clips = make_clips(num=10)
    fetch = fetcher(clips, cpu)
    before = clips.asked
    assert torch.equal(fetch(torch.tensor([7, 2, 7])), clips.views[0][[7, 2, 7]])
    assert clips.asked - before == (0 if limit else 3)


def test_real_clips_are_not_held_as_floats_on_a_gpu(tmp_path, monkeypatch):
    clip = ClipOptions(num_frames=2, size=4)
    clips = raw_clips(tmp_path / "clips.u8", range(6), [0, 0, 0, 1, 1, 1], ["a", "b"], clip)
    taken = []
    monkeypatch.setattr(fetch, "fetcher", lambda *arguments: taken.append(arguments) or clips.batch)
    gpu = Compute(torch.device("cuda"), "float32")
    fetcher(clips, gpu)
    assert taken == [(clips, gpu)]
