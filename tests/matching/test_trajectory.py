from __future__ import annotations

import copy
import dataclasses
import math
import os
import shutil
import signal

import pytest
import torch
import torch.nn.functional as F

from vidcondense import rng
from vidcondense.assembly import check_condense
from vidcondense.compute import choose_compute
from vidcondense.condensation import condense
from vidcondense.condenser import Condenser
from vidcondense.errors import DataError, Interrupted, LimitError, UsageError
from vidcondense.events import read_events
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.options import MatchOptions, TrajectoryOptions
from vidcondense.matching.trajectory import TrajectoryMatcher
from vidcondense.models import build_network
from vidcondense.models.random import random_network
from vidcondense.settings import CondenseOptions
from vidcondense.storage.manifest import MANIFEST
from vidcondense.storage.workspace import LOG
from vidcondense.synthetic.options import StaticDynamicOptions
from vidcondense.training.batches import Batches
from vidcondense.training.experts import ExpertOptions, clips_of_classes, train_experts
from vidcondense.training.trajectories import ExpertRecord, expert_path, save_expert

FLOAT32 = choose_compute("cpu", "float32")
LABELS = torch.tensor([1, 0, 1])
TINY = {"per_class": 3, "num_frames": 2, "size": 16}


@pytest.fixture
def clips(memory_clips):
    return memory_clips(**TINY)


@pytest.fixture(scope="module")
def experts(memory_clips, tmp_path_factory):
    """Three small networks that see one frame at a time, trained three epochs; to be left as they are."""
    folder = tmp_path_factory.mktemp("experts")
    made = ExpertOptions(experts=3, epochs=3, batch_size=4, model="convnet")
    train_experts(memory_clips(**TINY), folder, made, compute=FLOAT32)
    return folder


@pytest.fixture
def own_experts(experts, tmp_path):
    """A copy, to change."""
    return shutil.copytree(experts, tmp_path / "experts")


def options_for(experts, *, chunk=None, match=None, model="convnet", **changes):
    given = {
        "experts": experts,
        "max_start_epoch": 1,
        "synthetic_steps": 3,
        "synthetic_batch": 2,
        "step_size": 0.01,
    }
    trajectory = TrajectoryOptions(**(given | changes))
    return MatchOptions(model=model, real_batch=2, chunk=chunk, match=match, trajectory=trajectory)


def matcher_for(clips, experts, *, seed=0, compute=FLOAT32, **changes):
    made = options_for(experts, **changes)
    return TrajectoryMatcher(clips, LABELS, made, seed=seed, compute=compute)


def videos_of(clips, seed=1):
    return torch.randn(3, *clips.shape, generator=torch.Generator().manual_seed(seed))


def student_by_hand(matcher, videos, iteration):
    """Train a copy of the network with torch's optimiser, and compare weights one by one."""
    expert, epoch = matcher.choose(iteration)
    start = matcher.experts.weights(expert, epoch)
    target = matcher.experts.weights(expert, epoch + matcher.options.expert_epochs)
    network = copy.deepcopy(matcher.network)
    network.load_state_dict(start)
    optimiser = torch.optim.SGD(network.parameters(), lr=matcher.step_size)
    seed = rng.derive_seed(matcher.seed, "student", iteration)
    batches = Batches(len(videos), matcher.options.synthetic_batch, whole=True, seed=seed)
    for step in range(matcher.options.synthetic_steps):
        chosen = batches.at(step)
        dropout = rng.derive_seed(matcher.seed, "student dropout", iteration, step, 0)
        with rng.isolated(dropout, torch.device("cpu")):
            loss = F.cross_entropy(network(videos[chosen]), LABELS[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    left, way = 0.0, 0.0
    for name, weight in network.named_parameters():
        left += float((weight.detach().double() - target[name].double()).square().sum())
        way += float((start[name].double() - target[name].double()).square().sum())
    return left / way


def test_loss_against_a_student_trained_by_hand(clips, experts):
    matcher = matcher_for(clips, experts)
    videos = videos_of(clips)
    for iteration in range(3):
        found = matcher.match(videos, iteration)
        assert found.losses.shape == (1,)
        assert float(found.losses) == pytest.approx(student_by_hand(matcher, videos, iteration), rel=1e-4)
        assert found.clips == 2 * (2 + 1 + 2)  # batches of two, the end of an epoch of one


def test_a_student_has_the_dropout_of_training(memory_clips, tmp_path):
    """ConvNet3D, whose classifier has dropout; the expert is two random networks, one behind the other."""
    clips = memory_clips(per_class=2)
    networks = [
        build_network("convnet3d", 2, num_frames=8, size=44, seed=seed, compute=FLOAT32) for seed in (0, 1)
    ]
    held = [dict(network.named_parameters()) for network in networks]
    trajectory = {name: torch.stack([one[name].detach() for one in held]) for name in held[0]}
    record = ExpertRecord(
        model="convnet3d",
        classes=clips.classes,
        shape=clips.shape,
        mean=tuple(clips.mean.tolist()),
        std=tuple(clips.std.tolist()),
        clips=clips_of_classes(clips),
        options={},
        data={},
        expert=0,
        losses=(1.0,),
        versions={},
    )
    save_expert(expert_path(tmp_path, 0), {k: v.contiguous() for k, v in trajectory.items()}, record)
    changes = {"model": "convnet3d", "max_start_epoch": 0, "expert_epochs": 1, "step_size": 0.5}
    matcher = matcher_for(clips, tmp_path, **changes)
    videos = videos_of(clips)
    found = float(matcher.match(videos, 0).losses)
    assert found == pytest.approx(student_by_hand(matcher, videos, 0), rel=1e-5)
    torch.testing.assert_close(matcher.match(videos, 0).gradient, matcher.match(videos, 0).gradient)


def test_the_gradient_of_the_step_size_against_finite_differences(clips, experts):
    videos = videos_of(clips)
    (slope,) = matcher_for(clips, experts).match(videos, 0).own
    up, down = (
        math.log(matcher_for(clips, experts, step_size=0.01 * math.exp(move)).match(videos, 0).losses)
        for move in (0.05, -0.05)
    )
    # The gradients of ReLU networks jump, and differences see the jumps; a smooth network is in test_unroll.
    assert (up - down) / 0.1 == pytest.approx(float(slope), rel=0.1)


def test_chunks_give_the_same(clips, experts):
    videos = videos_of(clips)
    whole = matcher_for(clips, experts).match(videos, 1)
    parts = matcher_for(clips, experts, chunk=1).match(videos, 1)
    torch.testing.assert_close(parts.losses, whole.losses, rtol=1e-5, atol=0)
    torch.testing.assert_close(parts.gradient, whole.gradient, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(parts.own, whole.own, rtol=1e-3, atol=1e-6)


def test_long_clips_go_through_the_student_in_chunks(memory_clips, tmp_path):
    clips = memory_clips(per_class=1, num_frames=32, size=16)
    made = ExpertOptions(experts=1, epochs=2, batch_size=2, model="convnet")
    train_experts(clips, tmp_path, made, compute=FLOAT32)
    videos, seen = videos_of(clips), []
    matcher = matcher_for(clips, tmp_path, max_start_epoch=0, chunk=1)
    matcher.network.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    parts = matcher.match(videos, 0)
    assert seen == [1] * 2 * (2 + 1 + 2)  # there and back, over batches of 3 videos by twos
    assert parts.clips == len(seen)
    whole = matcher_for(clips, tmp_path, max_start_epoch=0).match(videos, 0)
    torch.testing.assert_close(parts.gradient, whole.gradient, rtol=1e-3, atol=1e-6)


def test_a_student_that_overshoots_does_not_end_the_learning_of_the_step_size(clips, experts):
    """At a step size a hundred times too large the loss is in the thousands."""
    made = dataclasses.replace(
        condense_options(experts), lr=1e-9, match=options_for(experts, step_size=0.3, step_size_lr=0.5)
    )
    condenser = Condenser(clips, made, FLOAT32)
    losses, sizes = [], [0.3]
    for _ in range(4):
        event = condenser.step()[-1]
        losses.append(event["loss"])
        sizes.append(event["step_size"])
    assert losses[0] > 1000
    assert losses == sorted(losses, reverse=True)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] > 1e-3


def test_every_expert_is_used_in_every_round_and_every_epoch(clips, experts):
    matcher = matcher_for(clips, experts)
    chosen = [matcher.choose(iteration) for iteration in range(30)]
    for begin in range(0, 30, 3):
        assert sorted(expert for expert, _ in chosen[begin : begin + 3]) == [0, 1, 2]
    assert {epoch for _, epoch in chosen} == {0, 1}
    assert len({tuple(expert for expert, _ in chosen[begin : begin + 3]) for begin in range(0, 30, 3)}) > 1
    assert chosen != [matcher_for(clips, experts, seed=1).choose(iteration) for iteration in range(30)]


def condense_options(experts, method="mtt", match=None, **changes):
    return CondenseOptions(
        method=method,
        iterations=4,
        match=options_for(experts, match=match, step_size_lr=0.05),
        insert=InsertionOptions(epsilon=0.9, max_per_iteration=1),
        **changes,
    )


@pytest.mark.parametrize("method", ["mtt", "prism", "still", "static-dynamic"])
def test_every_representation_is_interrupted_and_resumed_exactly(clips, experts, tmp_path, method):
    stills = StaticDynamicOptions(static_iterations=1, static_lr=1.0, convolution_lr=0.1)
    options = condense_options(experts, method, "mtt", static_dynamic=stills)
    made = condense(clips, tmp_path / "whole", options, compute=FLOAT32)

    def stop(event):
        if event["kind"] == "iteration" and event["iteration"] == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        condense(clips, tmp_path / "out", options, compute=FLOAT32, listener=stop)
    again = condense(clips, tmp_path / "out", options, compute=FLOAT32, resume=True)
    for entry in again.manifest["payload"]:
        assert (tmp_path / "out" / entry["file"]).read_bytes() == (
            tmp_path / "whole" / entry["file"]
        ).read_bytes()
    assert (tmp_path / "out" / MANIFEST).read_bytes() == (tmp_path / "whole" / MANIFEST).read_bytes()
    steps = [event["step_size"] for event in read_events(tmp_path / "whole" / LOG) if "step_size" in event]
    assert len(steps) == 4
    assert made.manifest["learned"] == {"step_size": steps[-1]}
    assert len(set(steps)) == 4
    assert min(steps) > 0


def test_the_set_says_which_experts_it_followed(clips, own_experts, tmp_path):
    options = condense_options(own_experts)

    def stop(event):
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        condense(clips, tmp_path / "out", options, compute=FLOAT32, listener=stop)
    made = ExpertOptions(experts=4, epochs=3, batch_size=4, model="convnet")
    more = train_experts(clips, own_experts, made, compute=FLOAT32)
    with pytest.raises(UsageError, match=r"data\.experts_sha256"):
        condense(clips, tmp_path / "out", options, compute=FLOAT32, resume=True)
    small = condense(clips, tmp_path / "out", options, compute=FLOAT32, overwrite=True)
    assert small.manifest["data"]["experts_sha256"] == more.sha256


def test_learning_lowers_the_loss(clips, experts):
    options = dataclasses.replace(condense_options(experts), lr=30.0)
    condenser = Condenser(clips, options, FLOAT32)
    videos = condenser.videos
    matcher = condenser.parts.matcher

    def loss():
        return sum(float(matcher.match(videos.render().detach(), each).losses) for each in range(3))

    before = loss()
    for _ in range(4):
        condenser.step()
    assert loss() < before


def test_numbers_that_are_not_finite_name_expert_epoch_and_step_size(clips, experts):
    made = dataclasses.replace(condense_options(experts), match=options_for(experts, step_size=1e30))
    condenser = Condenser(clips, made, FLOAT32)
    before = condenser.videos.render().detach().clone()
    expert, epoch = condenser.parts.matcher.choose(0)
    with pytest.raises(
        LimitError,
        match=rf"expert-00{expert}\.safetensors from epoch {epoch} .*iteration 0, at step size 1e\+30",
    ):
        condenser.step()
    assert torch.equal(condenser.videos.render().detach(), before)


def test_a_step_size_beyond_numbers_is_an_error_not_an_infinite_log(clips, experts):
    made = dataclasses.replace(condense_options(experts), match=options_for(experts, step_size_lr=1e6))
    condenser = Condenser(clips, made, FLOAT32)
    with pytest.raises(LimitError, match=r"learned step size is .* --step-size-lr"):
        condenser.step()


def test_bfloat16_is_close(clips, experts):
    videos = videos_of(clips)
    exact = matcher_for(clips, experts).match(videos, 0)
    rough = matcher_for(clips, experts, compute=choose_compute("cpu", "bfloat16")).match(videos, 0)
    assert rough.losses.dtype == rough.gradient.dtype == rough.own[0].dtype == torch.float32
    torch.testing.assert_close(rough.losses, exact.losses, rtol=0.02, atol=0)
    cosine = F.cosine_similarity(rough.gradient.flatten(), exact.gradient.flatten(), dim=0)
    assert float(cosine) > 0.99


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"experts": None}, UsageError, "--match mtt needs --experts FOLDER"),
        ({"model": "convnet3d"}, UsageError, "--model convnet3d: the experts in .* are convnet; use that"),
        ({"max_start_epoch": 2}, UsageError, "need 4 epochs; the experts in .* have 3"),
    ],
)
def test_experts_that_do_not_fit_the_options_are_refused(clips, experts, changes, kind, words):
    with pytest.raises(kind, match=words) as caught:
        matcher_for(clips, **{"experts": experts, **changes})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda clips: setattr(clips, "classes", ("x", "y")), "other classes: class 0, class 1, not x, y"),
        (lambda clips: setattr(clips, "mean", clips.mean + 0.01), "other means"),
        (lambda clips: setattr(clips, "std", clips.std + 0.01), "other deviations"),
    ],
)
def test_experts_of_other_clips_are_refused(clips, experts, change, words):
    options = condense_options(experts)
    check_condense(clips, options)
    change(clips)
    with pytest.raises(DataError, match=words):
        check_condense(clips, options)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_frames": 3}, r"other clips of \(T, C, H, W\): 2, 3, 16, 16, not 3, 3, 16, 16"),
        ({"per_class": 2}, "other training clips of each class: 3, 3, not 2, 2"),
    ],
)
def test_experts_of_other_sizes_or_folds_are_refused(memory_clips, experts, changes, words):
    with pytest.raises(DataError, match=words):
        check_condense(memory_clips(**(TINY | changes)), condense_options(experts))


def test_an_expert_that_stands_still_cannot_be_followed(clips, own_experts):
    matcher = matcher_for(clips, own_experts)
    network = random_network("convnet", clips.shape, 2, seed=0, number=0, compute=FLOAT32)
    still = {name: each.detach().expand(4, *each.shape).clone() for name, each in network.named_parameters()}
    for path, record in zip(matcher.experts.paths, matcher.experts.records, strict=True):
        save_expert(path, still, record)
    with pytest.raises(DataError, match="does not move"):
        matcher_for(clips, own_experts).match(videos_of(clips), 0)


@pytest.mark.parametrize(
    "bad",
    [
        {"expert_epochs": 0},
        {"max_start_epoch": -1},
        {"synthetic_steps": 0},
        {"synthetic_batch": 0},
        {"step_size": 0.0},
        {"step_size_lr": -0.1},
    ],
)
def test_options_out_of_range_fail(bad):
    (name,) = bad
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} "):
        TrajectoryOptions(**bad)
