from __future__ import annotations

import dataclasses
import os
import signal
import weakref
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save

from marks import fault
from vidcondense.assembly import assemble, learned_videos
from vidcondense.checkpoint import load_checkpoint, save_checkpoint
from vidcondense.compute import choose_compute
from vidcondense.condensation import CheckpointOptions, condense
from vidcondense.condenser import Condenser
from vidcondense.errors import DataError, Interrupted, LimitError, OutputError, UsageError
from vidcondense.estimation import estimate
from vidcondense.events import EventLog, read_events
from vidcondense.insertion.conflict import Inserter
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.distribution import DistributionMatcher
from vidcondense.matching.gradient import GradientMatcher
from vidcondense.matching.options import KernelOptions, MatchOptions
from vidcondense.methods import METHODS
from vidcondense.selection.options import SelectOptions
from vidcondense.settings import CondenseOptions
from vidcondense.storage.condensed import PAYLOAD, load_condensed
from vidcondense.storage.manifest import MANIFEST
from vidcondense.storage.workspace import CHECKPOINT, LOG
from vidcondense.synthetic.options import StaticDynamicOptions

COMPUTE = choose_compute("cpu")


def options_for(**changes):
    defaults = {
        "iterations": 10,
        "lr": 1.0,
        "match": MatchOptions(real_batch=3, model="convnet3d-16"),
        "insert": InsertionOptions(epsilon=0.3, max_per_iteration=1),
    }
    return CondenseOptions(**(defaults | changes))


def files_of(folder):
    return {name: (folder / name).read_bytes() for name in (MANIFEST, PAYLOAD)}


def test_prism_end_to_end(memory_clips, tmp_path):
    clips, seen = memory_clips(), []
    result = condense(clips, tmp_path / "out", options_for(), data={"layout": "x"}, listener=seen.append)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([MANIFEST, PAYLOAD, LOG])
    assert len(result) == 2
    assert result.classes == clips.classes
    assert result.shape == clips.shape
    assert result.provenance["data"] == {"layout": "x"}
    iterations = [event for event in seen if event["kind"] == "iteration"]
    insertions = [event for event in seen if event["kind"] == "insertion"]
    assert [event["iteration"] for event in iterations] == list(range(10))
    assert {event["iteration"] for event in insertions} <= set(range(2, 8))
    assert insertions
    # The log tells the whole story: replaying it gives the key frames of the result.
    replayed = [{0, 7}, {0, 7}]
    for event in read_events(tmp_path / "out" / LOG):
        if event["kind"] == "insertion":
            replayed[event["video"]].add(event["frame"])
    assert [sorted(row) for row in replayed] == result.positions
    assert iterations[-1]["key_frames"] == sum(len(row) for row in result.positions) / 2
    assert iterations[-1]["paper_mb"] == pytest.approx(result.paper_mb, abs=1e-6)


def test_learning_lowers_the_loss(memory_clips):
    condenser = Condenser(memory_clips(), options_for(iterations=30, lr=50.0), COMPUTE)

    def loss_in_unseen_networks():
        with torch.no_grad():
            videos = condenser.videos.render(0)
            losses = [condenser.parts.matcher.loss(videos, number).sum() for number in range(1000, 1005)]
        return float(sum(losses))

    before = loss_in_unseen_networks()
    for _ in range(30):
        condenser.step()
    assert loss_in_unseen_networks() < 0.9 * before


def test_what_is_stored_is_what_was_learned(memory_clips, tmp_path):
    clips = memory_clips()
    options = options_for(codec="float32", iterations=4)
    condenser = Condenser(clips, options, COMPUTE)
    for _ in range(4):
        condenser.step()
    result = condense(clips, tmp_path / "out", options, compute=COMPUTE)
    torch.testing.assert_close(result.batch([0, 1]), condenser.videos.render().detach(), atol=1e-5, rtol=1e-5)


def test_same_seed_same_bytes_and_another_seed_others(memory_clips, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        condense(memory_clips(), tmp_path / name, options_for(iterations=3, seed=seed))
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    assert files_of(tmp_path / "a")[PAYLOAD] != files_of(tmp_path / "c")[PAYLOAD]


def test_random_is_real_clips_to_the_pixel(memory_clips, tmp_path):
    clips = memory_clips()
    result = condense(clips, tmp_path / "out", options_for(method="random", vpc=2))
    assert result.labels.tolist() == [0, 0, 1, 1]
    assert all(len(row) == 8 for row in result.positions)
    for clip, label in result:
        own = clips.pixels[clips.labels == label]
        assert min(float((clip - real).abs().max()) for real in own) < 1e-6


@pytest.mark.parametrize(
    ("method", "match"), [("dc", None), ("dsa", None), ("prism", "dc"), ("prism", "dsa"), ("still", "dc")]
)
def test_gradient_matching_is_interrupted_and_resumed_exactly(memory_clips, tmp_path, method, match):
    clips = memory_clips(per_class=3)
    options = options_for(
        method=method,
        iterations=5,
        lr=None,
        match=MatchOptions(match=match, real_batch=2, outer_steps=3, inner_steps=2, model="convnet3d-16"),
        insert=InsertionOptions(epsilon=0.3, max_per_iteration=1),
    )
    condense(clips, tmp_path / "whole", options)

    def stop(event):
        if event["kind"] == "iteration" and event["iteration"] in (1, 3):
            os.kill(os.getpid(), signal.SIGINT)

    for resume in (False, True):  # in the middle of a round, and at the start of one
        with pytest.raises(Interrupted):
            condense(clips, tmp_path / "out", options, resume=resume, listener=stop)
    result = condense(clips, tmp_path / "out", options, resume=True)
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")
    keys = {"prism": 2, "still": 1}.get(method, 8)
    assert all(len(row) >= keys for row in result.positions)


@pytest.mark.parametrize(
    ("method", "match", "kind", "lr"),
    [
        ("prism", None, torch.optim.SGD, 10.0),
        ("prism", "dc", torch.optim.SGD, 0.1),
        ("dsa", None, torch.optim.SGD, 0.1),
        ("still", "frepo", torch.optim.Adam, 0.01),
    ],
)
def test_optimiser_and_learning_rate_follow_what_is_matched(memory_clips, method, match, kind, lr):
    options = CondenseOptions(method=method, match=MatchOptions(match=match))
    optimiser = Condenser(memory_clips(), options, COMPUTE).optimiser
    assert type(optimiser) is kind
    assert optimiser.param_groups[0]["lr"] == lr


def test_labels_have_a_learning_rate_of_their_own(memory_clips):
    options = CondenseOptions(method="frepo", kernel=KernelOptions(label_lr=0.7))
    condenser = Condenser(memory_clips(), options, COMPUTE)
    assert [group["lr"] for group in condenser.optimiser.param_groups] == [0.01, 0.7]
    assert condenser.optimiser.param_groups[1]["params"] == [condenser.parts.matcher.labels]


@pytest.mark.parametrize("method", ["frepo", "prism", "still", "static-dynamic"])
def test_learned_labels_are_resumed_stored_and_counted(memory_clips, tmp_path, method):
    """Through an interrupt in the middle; the file is larger by the labels, and by what names them."""
    clips = memory_clips(per_class=3)
    options = options_for(
        method=method,
        iterations=3,
        lr=0.1,
        match=MatchOptions(match="frepo", real_batch=1, model="convnet3d-16"),
        kernel=KernelOptions(online_pool=2, max_online=2, label_lr=0.05),
        static_dynamic=StaticDynamicOptions(static_iterations=1),
    )
    whole = condense(clips, tmp_path / "whole", options)

    def stop(event):
        if event["kind"] == "iteration" and event["iteration"] == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        condense(clips, tmp_path / "out", options, listener=stop)
    again = condense(clips, tmp_path / "out", options, resume=True)
    assert again.manifest == whole.manifest
    assert again.label_kind == "learned"
    assert again.soft_labels.equal(whole.soft_labels)
    condenser = Condenser(clips, options, COMPUTE)
    for _ in range(condenser.iterations):
        condenser.step()
    own = condenser.learned_labels().repeat_interleave(len(whole) // 2, dim=0)
    torch.testing.assert_close(whole.soft_labels, own)
    moved = (own - (torch.eye(2)[whole.labels] - 0.5)).abs()
    assert moved.min() > 0.001
    assert whole.soft_labels.nbytes == len(whole) * 2 * 4
    assert estimate(clips, options, COMPUTE).paper_mb[0] <= whole.paper_mb

    file = tmp_path / "whole" / whole.manifest["payload"][0]["file"]
    payload = load_file(file)
    without = {name: tensor for name, tensor in payload.items() if name != "soft_labels"}
    grown = file.stat().st_size - len(save(without))
    assert whole.soft_labels.nbytes <= grown <= whole.soft_labels.nbytes + 100
    assert whole.paper_mb * 2**20 / 4 == whole.stored.num_values + payload["soft_labels"].numel()


def test_networks_that_came_after_the_start_are_resumed(memory_clips, tmp_path):
    """They weigh far more than all that there was before the first iteration."""
    clips = memory_clips(per_class=1)
    options = options_for(
        method="frepo",
        iterations=4,
        lr=None,
        match=MatchOptions(real_batch=1),
        kernel=KernelOptions(online_pool=9),
    )

    def stop(event):
        if event["iteration"] == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        condense(clips, tmp_path / "out", options, listener=stop)
    assert (tmp_path / "out.partial" / CHECKPOINT).stat().st_size > 80 * 10**6
    assert len(condense(clips, tmp_path / "out", options, resume=True)) == 2


QUICK_STATICS = StaticDynamicOptions(static_iterations=4, static_lr=1.0, convolution_lr=0.1)


def test_static_dynamic_goes_through_both_stages_and_resumes_in_each(memory_clips, tmp_path):
    clips = memory_clips(per_class=3)
    options = options_for(
        method="static-dynamic",
        iterations=3,
        match=MatchOptions(match="dc", real_batch=2, outer_steps=2, model="convnet3d-16"),
        static_dynamic=QUICK_STATICS,
    )
    result = condense(clips, tmp_path / "whole", options)
    assert result.labels.tolist() == [0] * 4 + [1] * 4
    events = read_events(tmp_path / "whole" / LOG)
    assert [event["iteration"] for event in events] == list(range(7))
    assert [event["stage"] for event in events] == [0] * 4 + [1] * 3

    def stop(event):
        if event["iteration"] in (1, 3, 5):  # within stage one, at its end, within stage two
            os.kill(os.getpid(), signal.SIGINT)

    for resume in (False, True, True):
        with pytest.raises(Interrupted):
            condense(clips, tmp_path / "out", options, resume=resume, listener=stop)
    again = condense(clips, tmp_path / "out", options, resume=True)
    assert again.manifest == result.manifest
    assert (tmp_path / "out" / LOG).read_bytes() == (tmp_path / "whole" / LOG).read_bytes()


def test_a_stage_is_gone_before_the_next_one_is_made(memory_clips, monkeypatch):
    """With what it holds: on a GPU, the clips."""
    condenser = Condenser(memory_clips(), options_for(method="static-dynamic"), COMPUTE)
    matcher = weakref.ref(condenser.parts.matcher)

    def check(*arguments):
        assert matcher() is None
        return assemble(*arguments)

    monkeypatch.setattr("vidcondense.condenser.assemble", check)
    condenser.enter(1)
    assert condenser.stage == 1


def test_static_images_are_learned_in_stage_one_and_stay_in_stage_two(memory_clips):
    options = options_for(method="static-dynamic", vpc=2, iterations=2, static_dynamic=QUICK_STATICS)
    condenser = Condenser(memory_clips(), options, COMPUTE)
    assert condenser.videos.frames.shape == (8, 1, 3, 44, 44)
    noise = condenser.videos.frames.detach().clone()
    for _ in range(4):
        condenser.step()
    learned = condenser.videos.frames.detach().clone()
    assert not learned.equal(noise)
    condenser.step()
    memories = condenser.videos.dynamic.detach().clone()
    condenser.step()
    assert condenser.videos.static.equal(learned[:, 0])
    assert condenser.videos.labels.tolist() == [0, 0, 1, 1]
    assert not condenser.videos.dynamic.detach().equal(memories)


def test_static_dynamic_size_is_known_beforehand(memory_clips, tmp_path):
    options = options_for(
        method="static-dynamic", iterations=1, codec="float32", static_dynamic=QUICK_STATICS
    )
    guess = estimate(memory_clips(), options, COMPUTE)
    result = condense(memory_clips(), tmp_path / "out", options)
    assert guess.videos == len(result)
    assert guess.paper_mb == (result.paper_mb, result.paper_mb)
    assert 0 < result.bytes - guess.payload_bytes[0] < 5000
    assert guess.seconds > 0


@pytest.mark.parametrize("method", ["herding", "k-center", "best-of-random"])
def test_coresets_are_real_clips_and_the_same_every_time(memory_clips, tmp_path, method):
    clips = memory_clips()
    clips.groups = tuple(f"g{index}" for index in range(len(clips)))
    options = options_for(method=method, vpc=2, select=SelectOptions(draws=2, draw_steps=2))
    result = condense(clips, tmp_path / "out", options)
    assert result.labels.tolist() == [0, 0, 1, 1]
    for clip, label in result:
        own = clips.pixels[clips.labels == label]
        assert min(float((clip - real).abs().max()) for real in own) < 1e-6
    condense(clips, tmp_path / "again", options)
    assert files_of(tmp_path / "out") == files_of(tmp_path / "again")
    events = read_events(tmp_path / "out" / LOG)
    assert [event["kind"] for event in events] == (
        ["draw"] * 2 if method == "best-of-random" else ["features"]
    )
    of_a_draw, of_features = 2 * 4 + 6, 4 * 10  # steps × batch + tested on; networks × clips
    assert [event["clips"] for event in events] == ([of_a_draw] * 2 if len(events) > 1 else [of_features])


@pytest.mark.parametrize(
    ("method", "kept", "positions"),
    [("random", 1, [0]), ("random", 3, [0, 4, 7]), ("herding", 2, [0, 7]), ("k-center", 2, [0, 7])],
)
def test_real_clips_may_keep_few_small_frames(memory_clips, tmp_path, method, kept, positions):
    clips = memory_clips()
    options = options_for(
        method=method,
        initial_key_frames=kept,
        key_frame_size=11,
        codec="float32",
        select=SelectOptions(feature_networks=1),
    )
    result = condense(clips, tmp_path / "out", options)
    assert result.positions == [positions] * 2
    assert estimate(clips, options, COMPUTE).key_frames == (2 * kept, 2 * kept)
    small = clips.pixels.view(len(clips), 8, 3, 11, 4, 11, 4).mean(dim=(4, 6))[:, positions]
    for label, own in enumerate(result.key_frames.view(2, kept, 3, 11, 11)):
        apart = (small[clips.labels == label] - own).abs().amax(dim=(1, 2, 3, 4))
        assert float(apart.min()) < 1e-5


@pytest.mark.parametrize(
    ("changes", "key_frames", "real"),
    [
        ({}, 2, False),
        ({"init": "real"}, 2, True),
        ({"initial_key_frames": 4}, 4, False),
        ({"method": "dm"}, 8, True),
        ({"method": "dm", "init": "noise"}, 8, False),
        ({"method": "still"}, 1, False),
        ({"method": "still", "init": "real"}, 1, True),
    ],
)
def test_initial_videos(memory_clips, changes, key_frames, real):
    clips = memory_clips()
    options = options_for(vpc=2, **changes)
    videos = learned_videos(METHODS[options.method].stages[0], clips, options, COMPUTE)
    assert videos.labels.tolist() == [0, 0, 1, 1]
    assert videos.num_key_frames().tolist() == [key_frames] * 4
    first = videos.frames[:, 0].detach()
    is_real = [
        any(torch.allclose(frame, clip[0], atol=1e-6) for clip in clips.batch(clips.indices_of(label)))
        for frame, label in zip(first, videos.labels.tolist(), strict=True)
    ]
    assert is_real == [real] * 4
    if not real:
        assert abs(float(first.mean())) < 0.05
        assert float(first.std()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("seed", [0, 1])
def test_with_cluster_targets_a_real_start_is_a_clip_of_the_videos_own_cluster(memory_clips, seed):
    clips = memory_clips(per_class=12)
    match = MatchOptions(match_targets="cluster", model="convnet3d-16")
    options = options_for(vpc=4, init="real", match=match, seed=seed)
    parts = assemble(METHODS["prism"].stages[0], clips, options, COMPUTE, None)
    for first, target in zip(parts.videos.frames[:, 0].detach(), parts.matcher.targets.of_video, strict=True):
        members = parts.matcher.targets.members[int(target)]
        assert any(torch.allclose(clips.batch([i])[0, 0], first, atol=1e-6) for i in members.tolist())


def test_still_is_one_learned_frame_shown_all_the_time(memory_clips, tmp_path):
    result = condense(memory_clips(), tmp_path / "out", options_for(method="still", iterations=3))
    assert result.positions == [[0], [0]]
    assert result.key_frames.shape == (2, 3, 44, 44)
    assert all(clip.equal(clip[:1].expand_as(clip)) for clip, _ in result)


@pytest.mark.parametrize("changes", [{}, {"init": "real"}, {"method": "random"}, {"upsampling": "bicubic"}])
def test_small_key_frames(memory_clips, tmp_path, changes):
    result = condense(
        memory_clips(), tmp_path / "out", options_for(key_frame_size=11, iterations=2, **changes)
    )
    assert result.key_frame_size == (11, 11)
    assert result.shape == (8, 3, 44, 44)
    assert result.key_frames.shape[1:] == (3, 11, 11)
    assert result[0][0].shape == (8, 3, 44, 44)


@pytest.mark.parametrize("method", ["prism", "dm", "still"])
def test_codec_aware_videos_are_learned_as_they_are_stored(memory_clips, tmp_path, method):
    clips = memory_clips()
    options = options_for(
        method=method, iterations=2, key_frame_size=11, codec="lzma", bits=2, codec_aware=True
    )
    condenser = Condenser(clips, options, COMPUTE)
    for _ in range(2):
        condenser.step()
    result = condense(clips, tmp_path / "out", options, compute=COMPUTE)
    rendered = condenser.videos.render(0).detach()
    torch.testing.assert_close(result.batch([0, 1]), rendered, atol=1e-4, rtol=1e-4)


def test_a_rate_makes_jpegs_smaller_and_is_told(memory_clips, tmp_path):
    clips = memory_clips()
    sizes = []
    for weight in (0.0, 0.1):
        options = options_for(
            method="still",
            iterations=3,
            key_frame_size=16,
            codec="jpeg",
            quality=50,
            codec_aware=True,
            rate_weight=weight,
        )
        result = condense(clips, tmp_path / str(weight), options)
        sizes.append(sum(entry["bytes"] for entry in result.manifest["payload"]))
        told = [event.get("penalty") for event in read_events(result.folder / LOG) if "loss" in event]
        assert [penalty is not None for penalty in told] == [weight > 0] * 3
    assert told[-1] < told[0]
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize(("pool", "uses"), [(1, 1), (2, 3)], ids=["fresh", "pool"])
def test_interrupt_and_resume_end_in_the_same_bytes(memory_clips, tmp_path, pool, uses):
    clips = memory_clips()
    options = options_for(
        match=MatchOptions(real_batch=3, model="convnet3d-16", pool=pool, uses=uses),
        insert=InsertionOptions(epsilon=0.3, max_per_iteration=1, cosine_ema=0.5, patience=2),
    )
    condense(clips, tmp_path / "whole", options)

    def interrupt_at(iteration):
        def listen(event):
            if event["kind"] == "iteration" and event["iteration"] == iteration:
                os.kill(os.getpid(), signal.SIGINT)

        return listen

    with pytest.raises(Interrupted, match="--resume") as caught:
        condense(clips, tmp_path / "out", options, listener=interrupt_at(4))
    assert caught.value.exit_code == 130
    assert not (tmp_path / "out").exists()
    assert load_checkpoint(tmp_path / "out.partial" / CHECKPOINT)[1]["iteration"] == 5
    with pytest.raises(Interrupted):
        condense(clips, tmp_path / "out", options, resume=True, listener=interrupt_at(7))
    condense(clips, tmp_path / "out", options, resume=True)
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")
    assert (tmp_path / "out" / LOG).read_bytes() == (tmp_path / "whole" / LOG).read_bytes()
    assert not (tmp_path / "out.partial").exists()


@pytest.mark.parametrize(
    ("when", "iterations"),
    [
        (CheckpointOptions(checkpoint_every=2), [0, 2, 4, 5]),
        (CheckpointOptions(checkpoint_seconds=1e-9), [0, 1, 2, 3, 4, 5]),
        (CheckpointOptions(), [0, 5]),
    ],
)
def test_checkpoints_are_kept_by_iteration_by_time_and_at_the_end(
    memory_clips, tmp_path, monkeypatch, when, iterations
):
    kept = []
    monkeypatch.setattr(
        "vidcondense.condensation.save_checkpoint",
        lambda path, tensors, state: (kept.append(state["iteration"]), save_checkpoint(path, tensors, state)),
    )
    condense(memory_clips(), tmp_path / "out", options_for(iterations=5), checkpoints=when)
    assert kept == iterations
    assert not (tmp_path / "out" / CHECKPOINT).exists()


def fail_at(iteration, kind):
    """A listener that cannot pass on the first event of a kind of an iteration."""

    def listen(event):
        if event["iteration"] == iteration and event["kind"] == kind:
            raise OSError("no space left")

    return listen


INSERTING = InsertionOptions(epsilon=1.0, max_per_iteration=1, cosine_ema=0.5)  # always in conflict


@fault("57d", "an error between two iterations", "a checkpoint; resumed, the same bytes")
@pytest.mark.parametrize(
    ("method", "kind"), [("prism", "insertion"), ("prism", "iteration"), ("dsa", "iteration")]
)
def test_an_error_between_iterations_leaves_a_checkpoint_that_goes_on_exactly(
    memory_clips, tmp_path, method, kind
):
    clips = memory_clips(per_class=3)
    match = MatchOptions(real_batch=2, outer_steps=3, model="convnet3d-16")
    options = options_for(method=method, iterations=6, match=match, insert=INSERTING)
    condense(clips, tmp_path / "whole", options)
    with pytest.raises(OSError, match="no space left"):
        condense(clips, tmp_path / "out", options, listener=fail_at(3, kind))
    assert load_checkpoint(tmp_path / "out.partial" / CHECKPOINT)[1]["iteration"] == 4
    condense(clips, tmp_path / "out", options, resume=True)
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes(), path.name


def test_a_line_that_the_log_refused_once_is_in_it_after_resume(memory_clips, tmp_path, monkeypatch):
    options = options_for(iterations=4, insert=INSERTING)
    condense(memory_clips(), tmp_path / "whole", options)
    write, refused = EventLog.__call__, []

    def refuse_once(log, event):
        if event["iteration"] == 2 and not refused:
            refused.append(event)
            raise OutputError("no space left")
        write(log, event)

    with monkeypatch.context() as patch:
        patch.setattr(EventLog, "__call__", refuse_once)
        with pytest.raises(OutputError, match="no space left"):
            condense(memory_clips(), tmp_path / "out", options)
    condense(memory_clips(), tmp_path / "out", options, resume=True)
    assert len(refused) == 1
    assert (tmp_path / "out" / LOG).read_bytes() == (tmp_path / "whole" / LOG).read_bytes()


@fault(
    "57e", "an error within an iteration, or where nothing can be saved", "told; the last checkpoint is whole"
)
def test_an_error_that_leaves_no_checkpoint_leaves_the_one_before(memory_clips, tmp_path, monkeypatch):
    """It cannot be written; the videos are not finite; the iteration is not complete."""

    def end_by(error, message, **changes):
        with pytest.raises(error, match=message):
            every = CheckpointOptions(checkpoint_every=2)
            condense(memory_clips(), tmp_path / "out", options_for(), checkpoints=every, **changes)
        assert load_checkpoint(tmp_path / "out.partial" / CHECKPOINT)[1]["iteration"] == 2

    def refuse(path, tensors, state):
        if state["iteration"] == 3:
            raise OutputError("cannot write it either")
        save_checkpoint(path, tensors, state)

    with monkeypatch.context() as patch:
        patch.setattr("vidcondense.condensation.save_checkpoint", refuse)
        end_by(OSError, "no space left", listener=fail_at(2, "iteration"))

    step = Condenser.step

    def overflow(condenser):
        events = step(condenser)
        if condenser.iteration == 3:
            condenser.videos.frames.detach()[0, 0] = torch.inf
        return events

    with monkeypatch.context() as patch:
        patch.setattr(Condenser, "step", overflow)
        end_by(OSError, "no space left", listener=fail_at(2, "iteration"), overwrite=True)

    insert = Inserter.after_step

    def run_out(inserter, videos, gradient, iteration):
        if iteration == 3:
            raise MemoryError("no memory left")
        return insert(inserter, videos, gradient, iteration)

    with monkeypatch.context() as patch:
        patch.setattr(Inserter, "after_step", run_out)
        end_by(MemoryError, "no memory left", overwrite=True)


@pytest.mark.parametrize("bad", [{"checkpoint_every": 0}, {"checkpoint_seconds": 0.0}])
def test_checkpoint_options_out_of_range_fail(bad):
    (name,) = bad
    with pytest.raises(UsageError, match=name.replace("_", "-")):
        CheckpointOptions(**bad)


def test_a_set_that_cannot_be_written_leaves_the_checkpoint_of_the_end(memory_clips, tmp_path):
    with pytest.raises(LimitError, match="float16"):
        condense(memory_clips(), tmp_path / "out", options_for(iterations=2, lr=1e7, codec="float16"))
    assert load_checkpoint(tmp_path / "out.partial" / CHECKPOINT)[1]["iteration"] == 2


def test_what_a_killed_process_left_half_done_is_gone_after_resume(memory_clips, tmp_path):
    clips, work = memory_clips(), tmp_path / "out.partial"
    condense(clips, tmp_path / "whole", options_for(iterations=3))

    def stop(event):
        if event["kind"] == "iteration" and event["iteration"] == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        condense(clips, tmp_path / "out", options_for(iterations=3), listener=stop)
    (work / f".{CHECKPOINT}.tmp-12345").write_bytes(b"half a checkpoint")
    with (work / LOG).open("a") as log:
        log.write('{"kind": "iteration", "iteration": 2, "los')
    condense(clips, tmp_path / "out", options_for(iterations=3), resume=True)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "whole").iterdir())
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_resume_with_the_same_data_in_tuples(memory_clips, tmp_path):
    def stop(event):
        os.kill(os.getpid(), signal.SIGTERM)

    said = {"folders": ("a", "b"), "clip": {"starts": (0, 8)}}
    with pytest.raises(Interrupted):
        condense(memory_clips(), tmp_path / "out", options_for(), data=said, listener=stop)
    condense(memory_clips(), tmp_path / "out", options_for(), data=said, resume=True)
    assert (tmp_path / "out" / MANIFEST).exists()


@fault("56n", "a checkpoint of other options", "exit code 2, naming what differs")
def test_resume_with_other_options_names_them(memory_clips, tmp_path):
    def stop(event):
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        condense(memory_clips(), tmp_path / "out", options_for(), listener=stop)
    assert caught.value.exit_code == 143
    with pytest.raises(UsageError, match=r"\(insert.patience: 1 → 3; lr: 1.0 → 2.0\)"):
        changed = dataclasses.replace(
            options_for(lr=2.0), insert=InsertionOptions(epsilon=0.3, max_per_iteration=1, patience=3)
        )
        condense(memory_clips(), tmp_path / "out", changed, resume=True)
    with pytest.raises(UsageError, match="classes"):
        condense(memory_clips(num_classes=3), tmp_path / "out", options_for(), resume=True)
    assert (tmp_path / "out.partial" / CHECKPOINT).exists()


def test_a_checkpoint_from_before_an_option_was_there_goes_on(memory_clips, tmp_path):
    def stop(event):
        os.kill(os.getpid(), signal.SIGTERM)

    path = tmp_path / "out.partial" / CHECKPOINT
    with pytest.raises(Interrupted):
        condense(memory_clips(), tmp_path / "out", options_for(), listener=stop)
    tensors, state = load_checkpoint(path)
    del state["settings"]["match"]["siamese"], state["settings"]["rate_weight"]
    save_checkpoint(path, tensors, state)
    with pytest.raises(UsageError, match=r"\(match.siamese: False → True\)"):
        other = dataclasses.replace(
            options_for(), match=dataclasses.replace(options_for().match, siamese=True)
        )
        condense(memory_clips(), tmp_path / "out", other, resume=True)
    condense(memory_clips(), tmp_path / "out", options_for(), resume=True)
    condense(memory_clips(), tmp_path / "whole", options_for())
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")


@pytest.mark.parametrize("method", ["prism", "still", "dm", "static-dynamic"])
def test_whatever_matches_mean_features_does_so_under_augmentation(memory_clips, tmp_path, method):
    sets = []
    for siamese in (False, True):
        options = options_for(
            method=method,
            iterations=2,
            codec="float32",
            match=MatchOptions(real_batch=3, model="convnet3d-16", siamese=siamese),
            static_dynamic=StaticDynamicOptions(static_iterations=1),
        )
        made = condense(memory_clips(), tmp_path / f"{siamese}", options)
        assert made.manifest["options"]["match"]["siamese"] is siamese
        sets.append(made.batch(range(len(made))))
    assert not torch.equal(*sets)


@pytest.mark.parametrize("method", ["dsa", "random", "herding"])
def test_siamese_changes_nothing_where_means_are_not_matched(memory_clips, tmp_path, method):
    sets = []
    for siamese in (False, True):
        made = condense(
            memory_clips(),
            tmp_path / f"{siamese}",
            CondenseOptions(method=method, iterations=2, match=MatchOptions(real_batch=2, siamese=siamese)),
        )
        sets.append(made.batch(range(len(made))))
    assert torch.equal(*sets)


def test_overwrite_keeps_the_old_set_until_the_new_one_is_complete(memory_clips, tmp_path):
    clips, out = memory_clips(), tmp_path / "out"
    condense(clips, out, options_for(iterations=2))
    old = files_of(out)
    with pytest.raises(OutputError, match="exists"):
        condense(clips, out, options_for(iterations=2))
    with pytest.raises(LimitError):
        condense(clips, out, options_for(iterations=9, lr=1e30), overwrite=True)
    assert files_of(out) == old
    condense(clips, out, options_for(iterations=2, seed=5), overwrite=True)
    assert load_condensed(out).provenance["seed"] == 5


def test_codec_that_cannot_hold_the_values_leaves_the_old_set_alone(memory_clips, tmp_path):
    clips, out = memory_clips(), tmp_path / "out"
    condense(clips, out, options_for(iterations=2))
    old = files_of(out)
    with pytest.raises(LimitError, match=r"float16 cannot hold .* --codec float32"):
        condense(clips, out, options_for(iterations=2, lr=1e7, codec="float16"), overwrite=True)
    assert files_of(out) == old


def test_resume_in_another_precision_is_refused(memory_clips, tmp_path):
    def stop(event):
        os.kill(os.getpid(), signal.SIGTERM)

    one, other = (choose_compute("cpu", precision) for precision in ("float32", "bfloat16"))
    with pytest.raises(Interrupted):
        condense(memory_clips(), tmp_path / "out", options_for(), listener=stop, compute=one)
    with pytest.raises(UsageError, match=r"versions\.precision: float32 → bfloat16"):
        condense(memory_clips(), tmp_path / "out", options_for(), resume=True, compute=other)


def test_loss_that_is_not_finite_stops_with_the_remedy(memory_clips, tmp_path):
    with pytest.raises(LimitError, match=r"not finite at iteration \d+ .*use a smaller --lr"):
        condense(memory_clips(), tmp_path / "out", options_for(lr=1e30))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("clips", "changes", "error", "message"),
    [
        ({"per_class": 2}, {"vpc": 3}, DataError, "class 'class 0' has 2 training clips, fewer than --vpc 3"),
        ({"size": 4}, {}, UsageError, "--size 4"),
        ({"num_frames": 4}, {}, UsageError, "--num-frames 4"),
        ({}, {"initial_key_frames": 9}, UsageError, "only 8 frames"),
        (
            {"num_frames": 1},
            {"match": MatchOptions(model="convnet-32")},
            UsageError,
            "--num-frames 1: --method prism starts from 2 key frames",
        ),
        ({}, {"key_frame_size": 45}, UsageError, "only 44×44 pixels"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    memory_clips, tmp_path, clips, changes, error, message
):
    with pytest.raises(error, match=message):
        condense(memory_clips(**clips), tmp_path / "out", options_for(**changes))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("method", ["random", "dm", "still", "static-dynamic"])
def test_clips_of_one_frame_are_condensed_by_what_needs_no_second_one(memory_clips, tmp_path, method):
    options = options_for(
        method=method,
        iterations=1,
        match=MatchOptions(real_batch=1, model="convnet-32"),
        static_dynamic=StaticDynamicOptions(static_iterations=1, static_model="convnet-32"),
    )
    made = condense(memory_clips(num_frames=1, size=16), tmp_path / "out", options)
    assert made.shape == (1, 3, 16, 16)
    assert made[0][0].shape == made.shape


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"method": "prims"}, "did you mean prism"),
        ({"codec": "zip"}, "unknown codec"),
        ({"codec": "jpeg", "bits": 6}, "--bits 6: --codec jpeg has no such levels"),
        ({"upsampling": "bicubic"}, "say how small key frames are"),
        ({"codec_aware": True, "codec": "webp"}, "there is no model of --codec webp"),
        ({"codec_aware": True, "method": "random"}, "--method random learns no key frames"),
        ({"codec_aware": True, "method": "static-dynamic"}, "learns no key frames"),
        ({"rate_weight": 1.0, "codec": "jpeg"}, "--rate-weight 1.0: needs --codec-aware"),
        ({"rate_weight": 1.0, "codec_aware": True}, "--rate-weight 1.0: needs --codec-aware"),
        ({"rate_weight": -1.0}, "--rate-weight -1.0: must be at least 0"),
        ({"vpc": 0}, "--vpc 0"),
        ({"iterations": 0}, "--iterations 0"),
        ({"lr": 0.0}, "--lr 0.0"),
        ({"lr": float("nan")}, "--lr nan"),
        ({"momentum": 1.0}, "--momentum 1.0"),
        ({"key_frame_size": 0}, "--key-frame-size 0"),
        ({"initial_key_frames": 1}, "--initial-key-frames 1: must be at least 2"),
        ({"method": "random", "initial_key_frames": 0}, "--initial-key-frames 0: must be at least 1"),
        ({"method": "dm", "initial_key_frames": 2}, "has no key frames"),
        ({"method": "still", "initial_key_frames": 2}, "has one key frame a video"),
        ({"method": "static-dynamic", "key_frame_size": 8}, "has no key frames"),
        ({"seed": -1}, "--seed -1"),
        ({"method": "dm", "match": MatchOptions(match="dc")}, "--match dc: --method dm matches dm; leave"),
        ({"method": "random", "match": MatchOptions(match="dm")}, "matches nothing"),
        ({"match": MatchOptions(match="dc", siamese=True)}, "--siamese: dc matches without augmentation"),
        ({"seed": 2**64}, "--seed"),
        (
            {"method": "still", "match": MatchOptions(match="mtt", match_targets="cluster")},
            "--match-targets cluster: mtt matches where training leads; leave --match-targets out",
        ),
        (
            {"method": "mtt", "match": MatchOptions(match_targets="cluster")},
            "--match-targets cluster: mtt matches where training leads",
        ),
    ],
)
def test_options_out_of_range_fail(bad, message):
    with pytest.raises(UsageError, match=message):
        CondenseOptions(**bad)


def test_accumulated_gradients_insert_fewer_frames_in_a_real_run(memory_clips):
    counts = {}
    for choice in ("rendered", "accumulated"):
        insert = InsertionOptions(warmup=0.0, cooldown=0.0, match_gradient=choice)
        condenser = Condenser(memory_clips(num_frames=16), options_for(iterations=8, insert=insert), COMPUTE)
        for _ in range(8):
            condenser.step()
        counts[choice] = int(condenser.videos.num_key_frames().sum())
    assert counts["accumulated"] < counts["rendered"]


@pytest.mark.parametrize(
    ("method", "match"),
    [
        ("prism", {"pool": 2, "uses": 3}),
        ("prism", {"uses": 4}),
        ("prism", {"uses": 100}),
        ("dc", {"outer_steps": 4}),
        ("dc", {"outer_steps": 100}),
        ("static-dynamic", {"outer_steps": 3, "uses": 2}),
    ],
)
def test_estimated_time_counts_every_kind_of_iteration(memory_clips, monkeypatch, method, match):
    """By a clock that stands still but for a step, the real clips of a network, and its training."""
    clock = 0.0

    def takes(kind, name, seconds):
        function = getattr(kind, name)

        def work(self, *arguments):
            nonlocal clock
            clock += seconds(self, *arguments)
            return function(self, *arguments)

        monkeypatch.setattr(kind, name, work)

    takes(Condenser, "step", lambda condenser: 1)
    takes(DistributionMatcher, "real_means", lambda matcher, network, number: 50)
    takes(GradientMatcher, "after_step", lambda matcher, videos, it: 7 * (not matcher._ends_round(it)))
    monkeypatch.setattr("vidcondense.estimation.time", SimpleNamespace(perf_counter=lambda: clock))
    options = options_for(
        method=method,
        iterations=9,
        match=MatchOptions(real_batch=1, model="convnet-32", **match),
        static_dynamic=StaticDynamicOptions(static_iterations=5, static_model="convnet-32"),
    )
    clips = memory_clips(per_class=2, num_frames=4, size=16)
    guess = estimate(clips, options, COMPUTE).seconds
    clock, condenser = 0.0, Condenser(clips, options, COMPUTE)
    for _ in range(condenser.iterations):
        condenser.step()
    assert guess == clock


def test_estimate_brackets_the_truth(memory_clips, tmp_path):
    clips = memory_clips()
    options = options_for(iterations=4)
    guess = estimate(clips, options, COMPUTE)
    result = condense(clips, tmp_path / "out", options)
    size = sum(len(row) for row in result.positions)
    assert guess.key_frames == (4, 16)
    assert guess.key_frames[0] <= size <= guess.key_frames[1]
    assert guess.payload_bytes == (4 * 3 * 44 * 44, 16 * 3 * 44 * 44)
    assert guess.payload_bytes[0] < result.bytes
    assert guess.paper_mb[0] <= result.paper_mb <= guess.paper_mb[1]
    assert guess.seconds > 0
    assert guess.peak_memory_mb > 50
    capped = options_for(insert=InsertionOptions(max_key_frames=100))
    assert estimate(clips, capped, COMPUTE).key_frames == (4, 16)
    fixed = options_for(insert=InsertionOptions(insertion="none"))
    assert estimate(clips, fixed, COMPUTE).key_frames == (4, 4)
    dense = estimate(clips, options_for(method="random", vpc=2), COMPUTE)
    assert dense.key_frames == (32, 32)
    assert dense.seconds == 0
    trained = options_for(method="herding", select=SelectOptions(features="trained", feature_steps=1000))
    assert estimate(clips, trained, COMPUTE).seconds > 1
    with pytest.raises(DataError):
        estimate(clips, options_for(vpc=6), COMPUTE)
