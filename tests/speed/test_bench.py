from __future__ import annotations

import pytest
import torch

from vidcondense.compute import choose_compute
from vidcondense.errors import DataError, UsageError
from vidcondense.matching.options import MatchOptions
from vidcondense.speed import bench as module
from vidcondense.speed.bench import BenchOptions, bench
from vidcondense.speed.sample import sample_clips
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions
from vidcondense.video.toy import ToyOptions, make_toy

COMPUTE = choose_compute("cpu", "float32")
CLIP = ClipOptions(num_frames=8, stride=1, size=44)
QUICK = BenchOptions(seconds=0.01, batch_size=2, match=MatchOptions(real_batch=2))


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    out = tmp_path_factory.mktemp("bench") / "toy"
    make_toy(out, ToyOptions(pairs=1, train_per_class=3, test_per_class=1, num_frames=8, size=44, workers=0))
    return out


def test_a_sample_is_the_clips_that_the_index_would_hold(toy, tmp_path):
    reading = DataOptions(workers=0, cache_dir=tmp_path)
    real = load_data(toy, reading, CLIP).train
    with sample_clips(toy, reading, CLIP, per_class=1, seconds=99.0) as sample:
        assert sample.decoding.calls == len(real) == 6
        assert sample.clips.labels.tolist() == [0] * 3 + [1] * 3
        for label in (0, 1):
            own = sample.clips.clips8(sample.clips.indices_of(label))
            assert torch.equal(own, real.clips8(real.indices_of(label)))
    with sample_clips(toy, reading, CLIP, per_class=5, seconds=0.0) as sample:
        assert sample.decoding.calls == 2, "time was up, but every class has a clip"
        assert sample.clips.labels.tolist() == [0] * 5 + [1] * 5
        assert len({clip.numpy().tobytes() for clip in sample.clips.clips8(range(10))}) == 2


def test_a_class_without_a_usable_video_fails(toy, tmp_path):
    for split in ("train", "test"):
        (tmp_path / "set" / split / "a").mkdir(parents=True)
        (tmp_path / "set" / split / "b").mkdir()
        (tmp_path / "set" / split / "a" / "0.mp4").write_bytes((toy / "train/left/000000.mp4").read_bytes())
        (tmp_path / "set" / split / "b" / "0.mp4").write_bytes(b"no video")
    with pytest.raises(DataError, match="no training video of class 'b' can be used"):
        with sample_clips(tmp_path / "set", DataOptions(workers=0), CLIP, per_class=1, seconds=0.0):
            pass


def test_rates_follow_from_a_clock_that_ticks_a_second_a_call(toy, monkeypatch):
    """With time taken out, what is left is counting, which can be done by hand."""
    monkeypatch.setattr(module, "timed", lambda work, seconds, compute: one_second(work))
    monkeypatch.setattr(module, "matrix_peak", lambda dtype, compute, seconds: 1e9)
    seen = []
    found = bench(
        toy, QUICK, reading=DataOptions(workers=0), clip=CLIP, compute=COMPUTE, listener=seen.append
    )
    flops = found.settings["flops_a_clip"]
    assert [(event["done"], event["total"]) for event in seen] == [(part, 6) for part in range(1, 7)]
    assert found.real.per_second == 4
    assert found.real.share == pytest.approx(4 * flops["forward"] / 1e9)
    assert found.synthetic.per_second == 2
    assert found.synthetic.flops == 2 * flops["synthetic"]
    assert (found.iterations.per_second, found.iteration_real.per_second) == (1, 4)
    assert found.iteration_synthetic.per_second == 2
    assert found.iterations.flops == 4 * flops["forward"] + 2 * flops["synthetic"]
    assert found.training.flops == pytest.approx(found.training.per_second * 2 * flops["training"])
    assert found.decode.per_second > 0
    assert found.gpu_memory_mb is None
    assert found.peak["float32"] == 1e9


@pytest.mark.parametrize("has", [True, False])
def test_only_what_the_device_has_is_measured(monkeypatch, has):
    """A product of large matrices in emulated bfloat16 takes minutes."""
    measured = []
    monkeypatch.setattr(module, "has_bfloat16", lambda device: has)
    monkeypatch.setattr(module, "matrix_peak", lambda dtype, *rest: measured.append(dtype) or 1e9)
    peaks = module._peaks(COMPUTE, 0.01)
    assert peaks == {"float32": 1e9, "bfloat16": 1e9 if has else None}
    assert measured == [torch.float32, torch.bfloat16][: 1 + has]


def test_without_a_peak_there_is_no_share(toy, monkeypatch):
    monkeypatch.setattr(module, "timed", lambda work, seconds, compute: one_second(work))
    monkeypatch.setattr(module, "_peaks", lambda *rest: {"float32": None, "bfloat16": None})
    found = bench(toy, QUICK, reading=DataOptions(workers=0), clip=CLIP, compute=COMPUTE)
    assert found.real.flops == 4 * found.settings["flops_a_clip"]["forward"]
    assert {found.real.share, found.training.share, found.iterations.share} == {None}


def one_second(work):
    work(0)
    work(1)
    return module.Timed(calls=1, seconds=1.0)


def test_a_pool_and_chunks_change_the_count(toy, monkeypatch):
    monkeypatch.setattr(module, "timed", lambda work, seconds, compute: one_second(work))
    monkeypatch.setattr(module, "matrix_peak", lambda dtype, compute, seconds: 1e9)
    options = BenchOptions(
        seconds=0.01, batch_size=2, match=MatchOptions(real_batch=2, pool=1, uses=5, chunk=1)
    )
    found = bench(toy, options, reading=DataOptions(workers=0), clip=CLIP, compute=COMPUTE)
    flops = found.settings["flops_a_clip"]
    assert found.iteration_real.per_second == 0, "the second iteration uses the network of the first"
    assert found.iterations.flops == 2 * (flops["forward"] + flops["synthetic"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seconds": 0.0}, "--seconds 0.0"),
        ({"batch_size": 0}, "--batch-size 0"),
        ({"vpc": 0}, "--vpc 0"),
        ({"match": MatchOptions(match="dc")}, "--match dc: only dm is measured"),
    ],
)
def test_options_out_of_range_fail(changes, words):
    with pytest.raises(UsageError, match=words):
        BenchOptions(**changes)


@pytest.mark.cuda
def test_on_a_gpu(toy):
    found = bench(toy, QUICK, reading=DataOptions(workers=0), clip=CLIP, compute=choose_compute("cuda"))
    assert found.gpu_memory_mb > 0
    assert 0 < found.real.share < 2
