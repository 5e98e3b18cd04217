"""The whole way on every kind of device: on the processor always, on a GPU where there is one."""

from __future__ import annotations

import os
import signal

import pytest
import torch

from vidcondense.compute import Compute
from vidcondense.condensation import condense
from vidcondense.errors import Interrupted
from vidcondense.evaluation import EvaluateOptions, evaluate
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.options import MatchOptions
from vidcondense.settings import CondenseOptions

MATCH = MatchOptions(real_batch=2)
INSERT = InsertionOptions(epsilon=1.0, warmup=0.0, cooldown=0.0, max_per_iteration=1)  # always in conflict
OPTIONS = CondenseOptions(iterations=3, key_frame_size=16, match=MATCH, insert=INSERT)
AWARE = CondenseOptions(iterations=2, key_frame_size=16, match=MATCH, codec="lzma", bits=4, codec_aware=True)


@pytest.fixture(
    params=[
        "cpu",
        pytest.param(
            "cuda",
            marks=[
                pytest.mark.cuda,
                pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"),
            ],
        ),
    ]
)
def compute(request):
    return Compute(torch.device(request.param), "float32")


def test_videos_are_learned_and_key_frames_inserted(memory_clips, tmp_path, compute):
    made = condense(memory_clips(), tmp_path / "set", OPTIONS, compute=compute)
    assert sum(map(len, made.positions)) > 4, "two of each video, and what was inserted"
    assert made.manifest["versions"]["device"] == compute.device.type
    assert bool(made.batch([0, 1]).isfinite().all())


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
