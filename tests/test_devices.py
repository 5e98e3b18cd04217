"""The whole way on every kind of device: on the processor always, on a GPU where there is one."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from vidcondense.compute import Compute
from vidcondense.condensation import condense
from vidcondense.errors import Interrupted
from vidcondense.evaluation import EvaluateOptions, evaluate
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.options import KernelOptions, MatchOptions
from vidcondense.settings import CondenseOptions
from vidcondense.speed.sample import raw_clips
from vidcondense.synthetic.options import StaticDynamicOptions
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.sampling import ClipOptions

MATCH = MatchOptions(real_batch=2)
SMALL = replace(MATCH, model="convnet3d-16")
INSERT = InsertionOptions(epsilon=1.0, warmup=0.0, cooldown=0.0, max_per_iteration=1)  # always in conflict
OPTIONS = CondenseOptions(iterations=3, key_frame_size=16, match=MATCH, insert=INSERT)
AWARE = CondenseOptions(iterations=2, key_frame_size=16, match=MATCH, codec="lzma", bits=4, codec_aware=True)


METHODS = {
    "dm": {},
    "dc": {"match": replace(SMALL, outer_steps=2, inner_steps=1)},
    "dsa": {"match": replace(SMALL, outer_steps=2, inner_steps=1)},
    "frepo": {"kernel": KernelOptions(online_pool=2, max_online=2)},
    "still": {},
    "static-dynamic": {"static_dynamic": StaticDynamicOptions(static_iterations=2, static_lr=0.1)},
    "herding": {},
}
"""What is quick; PRISM is tried by itself, MTT would have to train experts first."""


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def compute(request):
    return Compute(torch.device(request.param), "float32")


def test_videos_are_learned_and_key_frames_inserted(memory_clips, tmp_path, compute):
    made = condense(memory_clips(), tmp_path / "set", OPTIONS, compute=compute)
    assert sum(map(len, made.positions)) > 4, "two of each video, and what was inserted"
    assert made.manifest["versions"]["device"] == compute.device.type
    assert bool(made.batch([0, 1]).isfinite().all())


@pytest.fixture
def real(tmp_path):
    """Clips in a file, which go to a GPU as bytes; two of each video, which may be mirrored."""
    pixels = np.random.default_rng(0).integers(0, 256, (8, 2, 8, 44, 44, 3), dtype=np.uint8)
    (tmp_path / "clips.u8").write_bytes(pixels.tobytes())
    clip = ClipOptions(num_frames=8, size=44)
    clips = raw_clips(tmp_path / "clips.u8", range(8), [0] * 4 + [1] * 4, ["a", "b"], clip)
    return ClipDataset(replace(clips.file, shape=pixels.shape), replace(clips.facts, flip=True))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_makes_a_set(real, tmp_path, compute, method):
    options = CondenseOptions(**({"method": method, "iterations": 2, "match": SMALL} | METHODS[method]))
    made = condense(real, tmp_path / "set", options, compute=compute)
    assert set(made.labels.tolist()) == {0, 1}
    assert bool(made.batch(range(len(made))).isfinite().all())


@pytest.mark.parametrize("protocol", [{"protocol": "strict", "steps": 2}, {"protocol": "paper", "epochs": 2}])
def test_real_clips_train_a_network_and_test_it(real, compute, protocol):
    options = EvaluateOptions(model="convnet3d-16", repeats=1, clips=2, **protocol)
    found = evaluate(real, real, options, compute=compute)
    assert 0 <= found.repeats[0].accuracy <= 1


def test_videos_are_learned_as_they_will_be_stored(memory_clips, tmp_path, compute):
    made = condense(memory_clips(), tmp_path / "set", AWARE, compute=compute)
    assert made.manifest["bits"] == 4
    assert bool(made.batch([0, 1]).isfinite().all())


def test_an_interrupted_run_goes_on_to_the_same_set(memory_clips, tmp_path, compute):
    clips = memory_clips()
    whole = condense(clips, tmp_path / "whole", OPTIONS, compute=compute)

    def stop(event):
        if event["kind"] == "iteration" and event["iteration"] == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        condense(clips, tmp_path / "set", OPTIONS, compute=compute, listener=stop)
    made = condense(clips, tmp_path / "set", OPTIONS, compute=compute, resume=True)
    assert made.positions == whole.positions
    # The processor does the same sums in the same order; a GPU need not.
    tolerance = 0.0 if compute.device.type == "cpu" else 0.05
    torch.testing.assert_close(made.key_frames, whole.key_frames, atol=tolerance, rtol=0.0)


def test_a_set_trains_a_network(memory_clips, tmp_path, compute):
    clips = memory_clips()
    made = condense(clips, tmp_path / "set", OPTIONS, compute=compute)
    clips.num_views, clips.groups = 1, tuple(map(str, range(len(clips))))
    found = evaluate(made, clips, EvaluateOptions(steps=2, repeats=1), compute=compute)
    assert 0 <= found.repeats[0].accuracy <= 1
