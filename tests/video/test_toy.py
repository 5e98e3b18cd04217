from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch
from torch import nn

from vidcondense.errors import OutputError, UsageError
from vidcondense.media.decode import read_clips
from vidcondense.rng import derive_seed
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.motions import MOTIONS, draw
from vidcondense.video.sampling import ClipOptions
from vidcondense.video.toy import KINDS, PAIRS, ToyOptions, make_toy, toy_video

SMALL = ToyOptions(train_per_class=2, test_per_class=1, num_frames=4, size=16, workers=0)


def hashes(root):
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def small(**changes):
    return ToyOptions(**{"train_per_class": 2, "test_per_class": 1, "num_frames": 4, "size": 16, **changes})


def test_what_is_made(tmp_path):
    events = []
    make_toy(tmp_path / "toy", SMALL, listener=events.append)
    files = set(hashes(tmp_path / "toy"))
    classes = [name for pair in PAIRS for name in pair]
    expected = {f"train/{c}/{n:06d}.mp4" for c in classes for n in range(2)}
    expected |= {f"test/{c}/000000.mp4" for c in classes} | {"dataset.json"}
    assert files == expected
    assert events[-1] == {"kind": "toy", "done": 30, "total": 30}
    card = json.loads((tmp_path / "toy" / "dataset.json").read_text())
    assert (card["layout"], card["flip"], card["toy"]["mode"]) == ("folder", False, "reversal")
    data = load_data(tmp_path / "toy", DataOptions(workers=0), ClipOptions(num_frames=4, size=16))
    assert data.train.classes == tuple(sorted(classes))
    assert (len(data.train), len(data.test), data.train.flip) == (20, 10, False)
    assert data.quarantined == ()


def test_files_are_what_was_drawn(tmp_path):
    make_toy(tmp_path / "toy", small(size=32))
    seed = derive_seed(0, "toy/reversal/train/rise", 1)
    drawn = toy_video(small(size=32), "rise", seed).astype(float)
    path = tmp_path / "toy" / "train" / "rise" / "000001.mp4"
    decoded = read_clips(path, size=32, pick=lambda count: [list(range(count))])
    assert decoded.num_frames == 4
    assert 10 * np.log10(255**2 / np.mean((decoded.clips[0] - drawn) ** 2)) > 28


def test_bytes_do_not_depend_on_workers(tmp_path):
    for workers in (0, 1, 3):
        make_toy(tmp_path / str(workers), small(workers=workers))
    assert hashes(tmp_path / "0") == hashes(tmp_path / "1") == hashes(tmp_path / "3")


def test_a_video_depends_on_its_number_not_on_how_many(tmp_path):
    make_toy(tmp_path / "few", small())
    make_toy(tmp_path / "many", small(train_per_class=4, pairs=2))
    few, many = hashes(tmp_path / "few"), hashes(tmp_path / "many")
    shared = [name for name in few if name in many and name != "dataset.json"]
    assert len(shared) == 4 * 3
    assert all(few[name] == many[name] for name in shared)


def test_the_seed_changes_every_video(tmp_path):
    make_toy(tmp_path / "a", small())
    make_toy(tmp_path / "b", small(seed=1))
    a, b = hashes(tmp_path / "a"), hashes(tmp_path / "b")
    assert all(a[name] != b[name] for name in a)
    assert len(set(a.values())) == len(a), "no two videos are equal"


@pytest.mark.parametrize("pair", PAIRS)
def test_the_second_of_a_pair_is_the_first_backwards(pair):
    for seed in range(3):
        first, second = (toy_video(SMALL, name, seed) for name in pair)
        assert np.array_equal(first, second[::-1])
        assert not np.array_equal(first, second)


def test_reversal_survives_the_codec(tmp_path):
    """What is decoded from a reversed video is the reverse of what is decoded from the video, exactly."""
    from vidcondense.video.toy import _encode

    clips = []
    for name in ("open", "close"):
        path = tmp_path / f"{name}.mp4"
        path.write_bytes(_encode(small(num_frames=8, size=32), name, 5))
        clips.append(read_clips(path, size=32, pick=lambda count: [list(range(count))]).clips[0])
    assert np.array_equal(clips[0], clips[1][::-1])


def moved(motion, measure, seed):
    """A measured quantity of the shape in each frame. The shape is the one colour that fills an area."""
    frames = draw(motion, np.random.default_rng(seed), 32, 64)
    codes = frames.astype(np.int64) @ [1, 256, 65536]
    values, counts = np.unique(codes, return_counts=True)
    return np.array([measure(mask) for mask in codes == values[counts.argmax()]])


def circular_mean(mask, axis):
    angles = 2 * np.pi * (np.arange(64) + 0.5) / 64
    weights = mask.sum(1 - axis)
    return np.angle(np.sum(weights * np.exp(1j * angles))) / (2 * np.pi)


@pytest.mark.parametrize(("motion", "axis"), [("right", 1), ("fall", 0)])
def test_direction_of_movement(motion, axis):
    for seed in range(5):
        places = moved(motion, lambda mask: circular_mean(mask, axis), seed)
        steps = (np.diff(places) + 0.5) % 1 - 0.5
        assert (steps > 0).mean() > 0.9
        other = moved(motion, lambda mask: circular_mean(mask, 1 - axis), seed)
        assert np.abs((np.diff(other) + 0.5) % 1 - 0.5).max() < 0.05


def test_direction_of_turning():
    """With y pointing down, clockwise means that x → y is a positive turn."""
    for seed in range(5):
        x = moved("clockwise", lambda mask: circular_mean(mask, 1), seed)
        y = moved("clockwise", lambda mask: circular_mean(mask, 0), seed)
        dx, dy = ((np.diff(v) + 0.5) % 1 - 0.5 for v in (x, y))
        turns = dx[:-1] * dy[1:] - dy[:-1] * dx[1:]
        assert (turns > 0).mean() > 0.9


@pytest.mark.parametrize("motion", ["grow", "open"])
def test_direction_of_growth(motion):
    """Cover (of grow) and distance (of open) rise, but for one or two jumps back."""

    def spread(mask):
        ys, xs = np.nonzero(mask)
        if motion == "grow":
            return len(xs)
        angles = [np.exp(2j * np.pi * v / 64) for v in (xs, ys)]
        return 2 - sum(abs(a.mean()) for a in angles)

    for seed in range(5):
        steps = np.diff(moved(motion, spread, seed))
        assert (steps > 0).sum() > 3 * (steps < 0).sum()


@pytest.mark.parametrize("motion", list(MOTIONS))
def test_no_single_frame_tells_the_direction(motion):
    """The first and the last frame have the same distribution, so which comes first says nothing.

    The share of the picture that differs from the background's colour is compared: for growth, a first frame
    that were always small would give the class away.
    """
    rng = np.random.default_rng(0)
    first, last = [], []
    for _ in range(100):
        frames = draw(motion, rng, 5, 16).astype(float)
        for frame, values in ((frames[0], first), (frames[-1], last)):
            spread = frame.std(axis=(0, 1)).sum()
            ys, xs = np.mgrid[:16, :16] / 16
            weight = np.abs(frame - np.median(frame, axis=(0, 1))).sum(-1)
            values.append([spread, weight.sum(), (weight * xs).sum(), (weight * ys).sum()])
    first, last = np.array(first), np.array(last)
    error = np.sqrt(first.var(0) / 150 + last.var(0) / 150)
    assert (np.abs(first.mean(0) - last.mean(0)) < 3.5 * error).all()


def within_pair_accuracy(root, shuffled):
    """Train a small network on one pair; test accuracy, with the frames of every clip shuffled or not."""
    data = load_data(root, DataOptions(workers=0), ClipOptions(num_frames=6, size=24))
    stream = torch.Generator().manual_seed(0)

    def clips(dataset):
        """[N, C, T, H, W], each clip without the mean of its pixels."""
        videos = dataset.batch(range(len(dataset))).transpose(1, 2).contiguous()
        return videos - videos.mean((2, 3, 4), keepdim=True)

    def order(batch):
        if not shuffled:
            return batch
        return torch.stack([clip[:, torch.randperm(6, generator=stream)] for clip in batch])

    train, test = clips(data.train), clips(data.test)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv3d(3, 8, (3, 5, 5), (1, 2, 2), (1, 2, 2)),
            nn.ReLU(),
            nn.Conv3d(8, 16, 3, (1, 2, 2), 1),
            nn.ReLU(),
            nn.AdaptiveAvgPool3d(1),
            nn.Flatten(),
            nn.Linear(16, 2),
        )
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(100):
        indices = torch.randint(len(data.train), (32,), generator=stream)
        loss = nn.functional.cross_entropy(network(order(train[indices])), data.train.labels[indices])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        guesses = network(order(test)).argmax(1)
    return (guesses == data.test.labels).float().mean().item()


def test_only_the_order_of_the_frames_tells_a_pair_apart(tmp_path):
    options = ToyOptions(pairs=1, train_per_class=150, test_per_class=100, num_frames=6, size=24, workers=2)
    make_toy(tmp_path / "toy", options)
    assert within_pair_accuracy(tmp_path / "toy", shuffled=False) > 0.9
    assert 0.39 < within_pair_accuracy(tmp_path / "toy", shuffled=True) < 0.61  # chance, ± 3 standard errors


def test_scenes_are_kinds_in_a_light_that_tends_to_the_class():
    options = small(mode="scenes")
    assert options.classes == KINDS
    shades = []
    for kind in KINDS:
        videos = [toy_video(options, kind, seed).astype(float) for seed in range(40)]
        means = np.stack([video.mean((0, 1, 2)) for video in videos])
        shades.append(means / means.mean(1, keepdims=True))
    centres = np.stack([shade.mean(0) for shade in shades])
    distances = np.linalg.norm(np.concatenate(shades)[:, None] - centres, axis=2)
    nearest = (distances.argmin(1) == np.repeat(np.arange(len(KINDS)), 40)).mean()
    assert 0.5 < nearest < 0.95  # the light helps, and is not enough


def test_kinds_move_both_ways():
    options = small(mode="kinds")
    assert options.classes == KINDS
    for kind, pair in zip(KINDS, PAIRS, strict=True):
        ways = set()
        for seed in range(12):
            rng = np.random.default_rng(seed)
            backwards = bool(rng.integers(2))
            plain = draw(pair[0], rng, 4, 16)
            ways.add(backwards)
            assert np.array_equal(toy_video(options, kind, seed), plain[::-1] if backwards else plain)
        assert ways == {False, True}


def test_a_full_folder_is_refused(tmp_path):
    (tmp_path / "toy").mkdir()
    make_toy(tmp_path / "toy", SMALL)  # empty is fine
    before = hashes(tmp_path / "toy")
    with pytest.raises(OutputError, match="not empty"):
        make_toy(tmp_path / "toy", SMALL)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="not empty"):
        make_toy(tmp_path / "file", SMALL)
    assert hashes(tmp_path / "toy") == before


@pytest.mark.parametrize("workers", [0, 2])
def test_never_half_a_set(tmp_path, workers):
    def stop(event):
        if event["done"] == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_toy(tmp_path / "toy", small(workers=workers), listener=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"pairs": 0},
        {"pairs": 6},
        {"pairs": 1, "mode": "kinds"},
        {"pairs": 1, "mode": "scenes"},
        {"train_per_class": 0},
        {"test_per_class": 0},
        {"num_frames": 1},
        {"size": 15},
        {"size": 33},
        {"seed": -1},
        {"workers": -2},
    ],
)
def test_wrong_options(wrong):
    with pytest.raises(UsageError, match=f"--{next(iter(wrong)).replace('_', '-')}"):
        ToyOptions(**wrong)
