from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vidcondense.compute import Compute, choose_compute
from vidcondense.matching.distribution import DistributionMatcher
from vidcondense.matching.options import MatchOptions
from vidcondense.speed.sample import raw_clips
from vidcondense.video import fetch
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.sampling import ClipOptions
from vidcondense.video.single_frames import SingleFrames

CPU = torch.device("cpu")
CHOSEN = torch.tensor([3, 0, 3])


@pytest.fixture
def clips(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 44, 44, 3), dtype=np.uint8)
    (tmp_path / "clips.u8").write_bytes(pixels.tobytes())
    labels = [0, 0, 0, 1, 1, 1]
    return raw_clips(tmp_path / "clips.u8", range(6), labels, ["a", "b"], ClipOptions(num_frames=8, size=44))


@pytest.mark.parametrize("way", [fetch.held, fetch.streamed])
def test_both_ways_give_the_clips_to_the_bit(clips, way):
    assert torch.equal(way(clips, CPU)(CHOSEN), clips.batch(CHOSEN))


def test_held_clips_are_read_once(clips, monkeypatch):
    get = fetch.held(clips, CPU)
    expected = clips.batch(CHOSEN)
    monkeypatch.setattr(clips, "clips8", lambda *arguments: pytest.fail("read again"))
    assert torch.equal(get(CHOSEN), expected)


@pytest.mark.parametrize(("share", "is_held"), [(0.49, True), (0.51, False)])
def test_clips_lie_on_a_gpu_where_they_take_at_most_half_of_it(clips, monkeypatch, share, is_held):
    size = 6 * 8 * 44 * 44 * 3
    gpu = SimpleNamespace(total_memory=int(size / share))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: gpu)
    compute = Compute(torch.device("cuda"), "float32")
    assert fetch.held_bytes(clips, compute) == (size if is_held else 0)
    taken = []
    for way in ("held", "streamed"):
        monkeypatch.setattr(fetch, way, lambda clips, device, way=way: taken.append(way) or clips.batch)
    fetch.fetcher(clips, compute)
    assert taken == ["held" if is_held else "streamed"]


@pytest.fixture
def gpu(monkeypatch):
    """A GPU of which only the way there is taken: what should lie on it stays on the processor."""
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=1e9))
    for way in (fetch.held, fetch.streamed):
        monkeypatch.setattr(fetch, way.__name__, lambda clips, device, *view, way=way: way(clips, CPU, *view))
    return Compute(torch.device("cuda"), "float32")


def test_what_is_wanted_once_is_read_a_batch_at_a_time(clips, gpu, monkeypatch):
    asked = []
    read = clips.clips8
    monkeypatch.setattr(clips, "clips8", lambda indices, view: asked.append(len(indices)) or read(indices))
    assert torch.equal(fetch.once(clips, gpu)(CHOSEN), clips.subset(range(6)).batch(CHOSEN))
    assert asked == [3]


def test_single_frames_lie_on_a_gpu_as_bytes(clips, gpu, monkeypatch):
    frames = SingleFrames(clips)
    chosen = torch.tensor([47, 0, 13])
    expected = frames.batch(chosen)
    monkeypatch.setattr(frames, "batch", lambda indices: pytest.fail("read as floats"))
    assert torch.equal(fetch.fetcher(frames, gpu)(chosen), expected)


@pytest.mark.parametrize("view", [None, 0, 1])
def test_streamed_clips_are_of_the_view(clips, view):
    pairs = ClipDataset(
        replace(clips.file, shape=(3, 2, *clips.file.shape[2:])), clips.subset(range(3)).facts
    )
    chosen = torch.tensor([2, 0])
    assert torch.equal(fetch.streamed(pairs, CPU, view)(chosen), pairs.batch(chosen, view))


def test_a_processor_holds_nothing(clips):
    assert fetch.held_bytes(clips, choose_compute("cpu")) == 0
    get = fetch.fetcher(clips, choose_compute("cpu"))
    assert torch.equal(get(CHOSEN), clips.batch(CHOSEN))


@pytest.mark.cuda
def test_on_a_gpu(clips):
    compute = choose_compute("cuda", "float32")
    for way in (fetch.held, fetch.streamed):
        found = way(clips, compute.device)(CHOSEN)
        assert found.device.type == "cuda"
        torch.testing.assert_close(found.cpu(), clips.batch(CHOSEN))
    frames = SingleFrames(clips)
    torch.testing.assert_close(fetch.fetcher(frames, compute)(CHOSEN).cpu(), frames.batch(CHOSEN))
    labels = torch.tensor([0, 1])
    matchers = [
        DistributionMatcher(clips, labels, MatchOptions(real_batch=2), seed=0, compute=each)
        for each in (compute, choose_compute("cpu", "float32"))
    ]
    means = [matcher.real_means(matcher.network(0), 0).cpu() for matcher in matchers]
    torch.testing.assert_close(*means, rtol=1e-3, atol=1e-5)
