from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from vidcondense.compute import Compute
from vidcondense.training.predict import predict, view_of
from vidcondense.video import fetch
from vidcondense.video.dataset import ClipDataset, ClipFacts, ClipFile
from vidcondense.video.single_frames import SingleFrames

CPU = Compute(torch.device("cpu"), "float32")
N, VIEWS, T, S = 7, 2, 3, 5


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (N + 2, VIEWS, T, S, S, 3), dtype=np.uint8)


@pytest.fixture
def clips(tmp_path, pixels):
    path = tmp_path / "clips.u8"
    path.write_bytes(pixels.tobytes())
    facts = ClipFacts(
        classes=("a", "b", "c"),
        labels=(0, 2, 1, 0, 1, 2, 0),
        groups=tuple("uvwxyzu"),
        paths=tuple(f"{n}.mp4" for n in range(N)),
        rows=tuple(range(2, N + 2)),  # as a test split, which lies behind the training clips
        mean=(0.4, 0.5, 0.6),
        std=(0.2, 0.25, 0.3),
        flip=False,
    )
    return ClipDataset(ClipFile(path=path, shape=pixels.shape), facts)


def expected(pixels, indices, view=VIEWS // 2):
    return torch.from_numpy(pixels[[index + 2 for index in indices], view]).permute(0, 1, 4, 2, 3)


def test_facts(clips):
    assert len(clips) == N
    assert clips.labels.dtype == torch.int64
    assert clips.labels.tolist() == [0, 2, 1, 0, 1, 2, 0]
    assert (clips.classes, clips.groups[0], clips.paths[6], clips.flip) == (
        ("a", "b", "c"),
        "u",
        "6.mp4",
        False,
    )
    assert clips.num_views == VIEWS
    assert clips.mean.tolist() == pytest.approx([0.4, 0.5, 0.6])
    assert clips.std.dtype == torch.float32


@pytest.mark.parametrize("indices", [[3, 1, 1], torch.tensor([6, 0]), range(4)])
def test_clips8(clips, pixels, indices):
    for view in range(VIEWS):
        assert torch.equal(clips.clips8(indices, view), expected(pixels, [int(i) for i in indices], view))


def test_memory_order_is_channels_last(clips):
    for batch in (clips.clips8([0, 1]), clips.batch([0, 1])):
        assert batch.permute(0, 1, 3, 4, 2).is_contiguous()


def test_items(clips, pixels):
    clip, label = clips[-2]
    assert label == 2
    assert isinstance(label, int)
    assert torch.equal(clip, expected(pixels, [5])[0].float() / 255)
    normalised = ClipDataset(clips.file, clips.facts, normalise=True)
    assert torch.equal(normalised[5][0], clips.batch([5])[0])


def test_batch_is_normalised(clips, pixels):
    values = expected(pixels, [4, 2]).double().numpy() / 255
    mean, std = (np.array(v).reshape(3, 1, 1) for v in ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3)))
    assert np.allclose(clips.batch([4, 2]), (values - mean) / std, atol=1e-5)


@pytest.mark.parametrize("views", [(0,), (1,), (0, 1)])
def test_every_view_can_be_predicted_from(clips, pixels, views):
    network = torch.nn.Sequential(torch.nn.Flatten())
    found = predict(network, clips, compute=Compute(torch.device("cpu"), "float32"), views=views)
    batches = [clips.batch(range(N), view) for view in views]
    assert torch.allclose(found, torch.stack(batches).mean(0).flatten(1), atol=1e-6)


@pytest.mark.parametrize("view", range(VIEWS))
def test_a_view_that_is_asked_of_a_gpu_goes_there_as_bytes(clips, monkeypatch, view):
    chosen, way = torch.tensor([2, 0]), fetch.streamed
    whole = clips.batch(chosen, view)
    monkeypatch.setattr(clips, "batch", lambda *arguments: pytest.fail("read as floats"))
    module = sys.modules["vidcondense.training.predict"]
    monkeypatch.setattr(module, "streamed", lambda source, device, view: way(source, CPU.device, view))
    assert torch.equal(view_of(clips, view, Compute(torch.device("cuda"), "float32"))(chosen), whole)


def test_frames_are_clips_of_one_frame(clips):
    frames, slow = clips.frames(), SingleFrames(clips)
    assert frames.shape == slow.shape == (1, 3, S, S)
    assert torch.equal(frames.labels, slow.labels)
    assert frames.groups[: T + 1] == ("u", "u", "u", "v")
    everything = torch.arange(N * T).flip(0)
    assert torch.equal(frames.batch(everything), slow.batch(everything))


def test_the_file_cannot_be_changed(clips):
    clips.clips8([0]).zero_()
    clips._open()[:] = 0
    assert clips.file.map().any()


def test_indices_of(clips):
    assert clips.indices_of(0).tolist() == [0, 3, 6]
    assert clips.indices_of(2).tolist() == [1, 5]


def test_subset(clips):
    part = clips.subset([5, 0, 3]).subset(torch.tensor([2, 0]))
    assert part.labels.tolist() == [0, 2]
    assert part.paths == ("3.mp4", "5.mp4")
    assert part.groups == ("x", "z")
    assert torch.equal(part.clips8([0, 1], 1), clips.clips8([3, 5], 1))
    assert torch.equal(part.mean, clips.mean)


@pytest.mark.parametrize("wrong", [N, -N - 1])
def test_no_such_clip(clips, wrong):
    with pytest.raises(IndexError):
        clips[wrong]
    with pytest.raises(IndexError):
        clips.clips8([0, wrong])
    with pytest.raises(IndexError):
        clips.clips8([0], view=VIEWS)
    with pytest.raises(IndexError):
        clips.clips8([0], view=-1)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_plain_loader_gives_equal_bytes(clips, pixels, workers):
    clips.clips8([0])  # opened before the workers start
    loader = DataLoader(clips, batch_size=3, num_workers=workers)
    batches = list(loader)
    assert torch.equal(torch.cat([clip for clip, _ in batches]), expected(pixels, range(N)).float() / 255)
    assert torch.cat([label for _, label in batches]).tolist() == clips.labels.tolist()


def test_a_pickle_carries_no_clips(clips):
    clips.clips8([0])
    data = pickle.dumps(clips)
    assert len(data) < 5000
    assert torch.equal(pickle.loads(data).clips8([3]), clips.clips8([3]))
