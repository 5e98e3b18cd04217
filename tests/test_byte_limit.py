"""Condensations under a budget."""

from __future__ import annotations

import os
import signal

import pytest

from vidcondense.condensation import condense
from vidcondense.distributed import Ranks
from vidcondense.errors import Interrupted, LimitError, UsageError
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.options import KernelOptions, MatchOptions
from vidcondense.settings import CondenseOptions
from vidcondense.synthetic.options import StaticDynamicOptions


def options_for(budget=None, **changes):
    insert = InsertionOptions(
        epsilon=1.0, warmup=0.0, cooldown=0.0, max_per_iteration=1
    )  # always in conflict
    match = changes.pop("match", MatchOptions(real_batch=2, model="convnet3d-16"))
    return CondenseOptions(**{"iterations": 5, "match": match, "insert": insert, "budget": budget, **changes})


def weight(folder):
    names = ("condensed.json", "key_frames.safetensors")
    return sum((folder / name).stat().st_size for name in names)


FRAME = 3 * 16 * 16


@pytest.mark.parametrize("codec", ["uint8", "float16"])
@pytest.mark.parametrize("room", [0, 1, 3])
def test_insertion_stops_at_the_budget(memory_clips, tmp_path, codec, room):
    clips = memory_clips()
    common = {"codec": codec, "key_frame_size": 16}
    start = condense(
        clips, tmp_path / "start", options_for(insert=InsertionOptions(insertion="none"), **common)
    )
    frame = FRAME * (2 if codec == "float16" else 1)
    budget = start.bytes + room * frame + frame // 2  # text of options and positions takes less
    made = condense(clips, tmp_path / "set", options_for(f"{budget}B", **common))
    assert weight(made.folder) == made.bytes <= budget
    assert sum(map(len, made.positions)) == 4 + room
    assert made.manifest["bits"] == 8, "nothing had to be lowered"
    free = condense(clips, tmp_path / "free", options_for(**common))
    assert sum(map(len, free.positions)) > 4 + room


@pytest.mark.parametrize("codec", ["lzma", "webp", "h264"])
def test_compressed_sets_keep_to_the_budget(memory_clips, tmp_path, codec):
    clips = memory_clips()
    free = condense(clips, tmp_path / "free", options_for(codec=codec, key_frame_size=16))
    budget = free.bytes - 300
    made = condense(clips, tmp_path / "set", options_for(f"{budget}B", codec=codec, key_frame_size=16))
    assert weight(made.folder) <= budget


def test_an_interrupted_run_under_a_budget_is_resumed_exactly(memory_clips, tmp_path):
    clips, options = memory_clips(), options_for("5500B", key_frame_size=16)
    condense(clips, tmp_path / "whole", options)

    def stop(event):
        if event["kind"] == "iteration" and event["iteration"] == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        condense(clips, tmp_path / "out", options, listener=stop)
    condense(clips, tmp_path / "out", options, resume=True)
    for name in ("condensed.json", "key_frames.safetensors", "events.jsonl"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("stopped", [False, True])
def test_codec_aware_videos_are_learned_with_the_bits_that_the_budget_leaves(memory_clips, tmp_path, stopped):
    clips = memory_clips()
    options = options_for("3400B", key_frame_size=16, codec_aware=True)  # 8 bits take about 4.3 kB
    seen = []

    def stop(event):
        if stopped and event["kind"] == "iteration" and event["iteration"] == 2:
            os.kill(os.getpid(), signal.SIGINT)

    if stopped:
        with pytest.raises(Interrupted):
            condense(clips, tmp_path / "out", options, listener=stop)
    made = condense(clips, tmp_path / "out", options, resume=stopped, listener=seen.append)
    bits = made.manifest["bits"]
    assert bits < 8
    assert made.bytes <= 3400
    other = options_for(
        key_frame_size=16, codec_aware=True, bits=bits, insert=InsertionOptions(insertion="none")
    )
    free = condense(clips, tmp_path / "free", other)
    assert made.key_frames.equal(free.key_frames), "as if so many bits had been asked for"


@pytest.mark.parametrize("codec", ["lzma", "jpeg"])
def test_compressed_codecs_cannot_be_looked_at_under_a_budget(codec):
    with pytest.raises(
        UsageError, match=f"--codec-aware with --budget 4kB: what --codec {codec} takes shows"
    ):
        options_for("4kB", codec=codec, codec_aware=True)


def test_what_cannot_fit_is_refused_before_learning_and_replaces_nothing(memory_clips, tmp_path):
    clips = memory_clips()
    older = condense(clips, tmp_path / "set", options_for(key_frame_size=16))
    before = {path.name: path.read_bytes() for path in older.folder.iterdir()}
    with pytest.raises(LimitError, match=r"--budget 1\.0 kB: by --codec uint8 the set takes"):
        condense(clips, tmp_path / "set", options_for("1kB", key_frame_size=16), overwrite=True)
    assert not (tmp_path / "set.partial" / "events.jsonl").exists(), "no step was made"
    with pytest.raises(LimitError, match=r"--budget 2\.0 kB"):
        condense(clips, tmp_path / "set", CondenseOptions(method="random", budget="2kB"), overwrite=True)
    assert {path.name: path.read_bytes() for path in older.folder.iterdir()} == before


@pytest.mark.parametrize("match", ["dm", "frepo"])
def test_what_cannot_fit_after_the_last_stage_is_refused_before_the_first(memory_clips, tmp_path, match):
    common = {
        "method": "static-dynamic",
        "match": MatchOptions(match=match, real_batch=1, model="convnet-32"),
        "iterations": 1,
        "static_dynamic": StaticDynamicOptions(static_iterations=1, static_model="convnet-32"),
        "codec": "float16",
    }
    clips = memory_clips(per_class=2, num_frames=4, size=20)
    free = condense(clips, tmp_path / "free", options_for(**common))
    with pytest.raises(LimitError, match="--budget"):
        condense(clips, tmp_path / "set", options_for(f"{free.bytes - 100}B", **common))
    assert not (tmp_path / "set.partial" / "events.jsonl").exists(), "no step was made"
    kept = condense(clips, tmp_path / "set", options_for(f"{free.bytes + 100}B", **common), overwrite=True)
    assert (tmp_path / "set" / "events.jsonl").read_bytes() == (free.folder / "events.jsonl").read_bytes()
    assert kept.bytes <= free.bytes + 100


def test_learned_labels_are_counted(memory_clips, tmp_path):
    match = MatchOptions(match="frepo", real_batch=1, model="convnet3d-16")
    common = {"match": match, "kernel": KernelOptions(online_pool=2, max_online=2), "key_frame_size": 16}
    made = condense(memory_clips(), tmp_path / "set", options_for("5500B", iterations=3, **common))
    assert made.label_kind == "learned"
    assert weight(made.folder) <= 5500
    assert made.manifest["bits"] == 8


def test_a_budget_of_nonsense_or_for_ranks_that_insert_is_refused(memory_clips, tmp_path):
    with pytest.raises(UsageError, match="--budget lots"):
        CondenseOptions(budget="lots")
    with pytest.raises(UsageError, match="--insertion none"):
        condense(memory_clips(), tmp_path / "set", options_for("40kB"), ranks=Ranks(size=2))
