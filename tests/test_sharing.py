"""Several ranks do what one process does: matching apart or alike, insertion, checkpoints, stopping."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import pytest
import torch

from marks import fault
from vidcondense.assembly import assemble
from vidcondense.checkpoint import load_checkpoint
from vidcondense.compute import choose_compute
from vidcondense.condensation import CheckpointOptions, condense
from vidcondense.condenser import Condenser
from vidcondense.distributed import ALONE, Ranks
from vidcondense.errors import UsageError
from vidcondense.events import read_events
from vidcondense.insertion.conflict import cosines
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.options import MatchOptions, TrajectoryOptions
from vidcondense.methods import METHODS
from vidcondense.settings import CondenseOptions
from vidcondense.sharing import own_state
from vidcondense.storage.condensed import load_condensed
from vidcondense.storage.manifest import MANIFEST
from vidcondense.storage.workspace import CHECKPOINT, LOG
from vidcondense.synthetic.options import StaticDynamicOptions
from vidcondense.training.experts import ExpertOptions, train_experts

FLOAT32, BFLOAT16 = (choose_compute("cpu", precision) for precision in ("float32", "bfloat16"))
TWO = [Ranks(rank=rank, size=2) for rank in range(2)]


def options_for(**changes):
    defaults = {
        "iterations": 4,
        "lr": 1.0,
        "codec": "float32",
        "match": MatchOptions(real_batch=2),
        "insert": InsertionOptions(epsilon=0.3, max_per_iteration=1),
    }
    return CondenseOptions(**(defaults | changes))


@pytest.fixture(scope="module")
def small():
    """Three classes for two ranks, so that one has more."""
    return {"num_classes": 3, "per_class": 3, "num_frames": 8, "size": 44}


def parts_of(clips, options, compute, ranks, state):
    parts = assemble(METHODS[options.method].stages[0], clips, options, compute, None, ranks)
    parts.videos.load_state(own_state(parts, state))
    return parts


def matched(clips, options, compute, state, iteration, world=(ALONE,)):
    """Losses, gradients and deciding cosines of all ranks, from one saved state."""
    losses, gradients, deciding = [], [], []
    for ranks in world:
        parts = parts_of(clips, options, compute, ranks, state)
        match = parts.matcher.match(parts.videos.render(iteration).detach(), iteration)
        losses.append(match.losses)
        gradients.append(match.gradient.float())
        deciding.append(cosines(match.gradient, parts.videos.mask).deciding())
    return torch.cat(losses), torch.cat(gradients), torch.cat(deciding)


@pytest.mark.parametrize(
    ("compute", "world", "tolerances"),
    [(FLOAT32, TWO, (1e-4, 1e-4, 1e-4)), (BFLOAT16, (ALONE,), (0.01, 0.25, 0.03))],
    ids=["two ranks", "bfloat16"],
)
@pytest.mark.parametrize("kind", ["class", "cluster"])
def test_one_state_gives_the_same_losses_gradients_and_insertions(
    memory_clips, small, compute, world, tolerances, kind
):
    """The tolerances stated in docs/scaling.md."""
    vpc = {"class": 1, "cluster": 2}[kind]
    match = MatchOptions(real_batch=2, match_targets=kind)
    clips, options = memory_clips(**small), options_for(vpc=vpc, match=match)
    condenser = Condenser(clips, options, FLOAT32)
    for _ in range(2):
        condenser.step()
    state = {name: tensor.clone() for name, tensor in condenser.videos.state().items()}
    losses, gradients, deciding = matched(clips, options, FLOAT32, state, 3)
    others, other_gradients, other_deciding = matched(clips, options, compute, state, 3, world)
    of_loss, of_gradient, of_cosine = tolerances
    assert len(others) == 3 * vpc
    torch.testing.assert_close(others, losses, rtol=of_loss, atol=0)
    assert float((other_gradients - gradients).norm() / gradients.norm()) < of_gradient
    assert (other_deciding - deciding).abs().max() < of_cosine
    for epsilon in (0.0, float(deciding[deciding < 1].median()), 0.12, 0.3):
        clear = (deciding - epsilon).abs() > of_cosine
        assert bool(clear.any())
        assert torch.equal((deciding < epsilon)[clear], (other_deciding < epsilon)[clear])


CASES = {
    "prism": {},
    "random insertion": {"insert": InsertionOptions(insertion="random", epsilon=0.3, max_per_iteration=1)},
    "dm": {"method": "dm"},
    "dsa": {
        "method": "dsa",
        "match": MatchOptions(real_batch=2, outer_steps=2, model="convnet3d-16"),
        "lr": 0.1,
    },
    "static-dynamic": {
        "method": "static-dynamic",
        "iterations": 2,
        "match": MatchOptions(real_batch=2),
        "static_dynamic": StaticDynamicOptions(static_iterations=2, static_lr=1.0, convolution_lr=0.1),
    },
    "frepo": {"method": "frepo", "match": MatchOptions(real_batch=2, model="convnet3d-16"), "lr": 0.01},
    "mtt": {"method": "mtt", "lr": 10.0},
}


@pytest.fixture(scope="module")
def experts(memory_clips, small, tmp_path_factory):
    """Where the experts of the small clips are."""
    folder = tmp_path_factory.mktemp("experts")
    options = ExpertOptions(experts=2, epochs=3, batch_size=4, model="convnet3d-16")
    train_experts(memory_clips(**small), folder, options, compute=FLOAT32)
    return folder


@pytest.fixture
def case_options(request, case):
    """The options of a case; those of mtt follow experts, and their students' steps have three parts."""
    options = options_for(**CASES[case])
    if case != "mtt":
        return options
    followed = TrajectoryOptions(
        experts=request.getfixturevalue("experts"), expert_epochs=1, max_start_epoch=1, synthetic_steps=3
    )
    return replace(options, match=MatchOptions(model="convnet3d-16", chunk=1, trajectory=followed))


@pytest.mark.parametrize("case", CASES)
def test_two_ranks_condense_what_one_does(memory_clips, small, tmp_path, on_ranks, case, case_options):
    clips, options = memory_clips(**small), case_options
    one = condense(clips, tmp_path / "one", options, compute=FLOAT32)
    ends = on_ranks(
        lambda ranks: condense(clips, tmp_path / "two", options, compute=FLOAT32, ranks=ranks).bytes
    )
    assert [end.error for end in ends] == ["", ""]
    two = load_condensed(tmp_path / "two")
    assert ends[0].value == ends[1].value == two.bytes
    assert two.positions == one.positions
    assert two.labels.equal(one.labels)
    exact = case == "dsa"  # a target's gradients are computed by themselves anyway
    torch.testing.assert_close(
        two.batch(range(len(two))), one.batch(range(len(one))), rtol=0, atol=0 if exact else 1e-4
    )
    assert two.manifest["versions"] == {**one.manifest["versions"], "ranks": 2}
    for ours, theirs in zip(
        read_events(tmp_path / "two" / LOG), read_events(tmp_path / "one" / LOG), strict=True
    ):
        assert ours.pop("kind") == theirs.pop("kind")
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def signal_at(iteration, number):
    def listen(event):
        if event["kind"] == "iteration" and event["iteration"] == iteration:
            os.kill(os.getpid(), number)

    return listen


@fault(
    "57c",
    "SIGTERM to one of several processes, or to torchrun",
    "all stop after one iteration; resumed, the same bytes",
)
@pytest.mark.parametrize("case", ["prism", "dsa", "frepo", "mtt"])
def test_a_signal_to_one_rank_stops_all_and_resume_is_exact(
    memory_clips, small, tmp_path, on_ranks, case, case_options
):
    clips, options = memory_clips(**small), case_options
    options = replace(options, insert=replace(options.insert, cosine_ema=0.5))

    def run(ranks, out, resume=False, stop=None):
        listener = signal_at(stop, signal.SIGTERM) if ranks.rank == 1 else signal_at(-1, 0)
        condense(
            clips, tmp_path / out, options, compute=FLOAT32, ranks=ranks, resume=resume, listener=listener
        )

    assert [end.error for end in on_ranks(lambda ranks: run(ranks, "whole"))] == ["", ""]
    for resume, stop in ((False, 0), (True, 2)):
        ends = on_ranks(lambda ranks, r=resume, s=stop: run(ranks, "out", resume=r, stop=s))
        assert all(f"stopped after {stop + 1} of 4 iterations" in end.error for end in ends), ends
        state = load_checkpoint(tmp_path / "out.partial" / CHECKPOINT)[1]
        assert state["iteration"] == stop + 1
    assert [end.error for end in on_ranks(lambda ranks: run(ranks, "out", resume=True))] == ["", ""]
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes(), path.name


def test_checkpoint_of_two_ranks_is_that_of_one(memory_clips, small, tmp_path, on_ranks):
    clips, options = memory_clips(**small), options_for()
    held = {}
    for size in (1, 2):

        def run(ranks, size=size):
            listener = signal_at(1, signal.SIGINT) if ranks.first else signal_at(-1, 0)
            condense(clips, tmp_path / str(size), options, compute=FLOAT32, ranks=ranks, listener=listener)

        on_ranks(run, size)
        held[size] = load_checkpoint(tmp_path / f"{size}.partial" / CHECKPOINT)[0]
    assert held[1].keys() == held[2].keys()
    assert "optimiser.0.momentum_buffer" in held[1]
    for name, tensor in held[1].items():
        torch.testing.assert_close(held[2][name], tensor, rtol=0, atol=1e-4)


def test_other_number_of_ranks_is_refused_by_name(memory_clips, small, tmp_path, on_ranks):
    clips, options = memory_clips(**small), options_for()

    def run(ranks, resume=False):
        listener = signal_at(1, signal.SIGINT)
        condense(
            clips, tmp_path / "out", options, compute=FLOAT32, ranks=ranks, resume=resume, listener=listener
        )

    on_ranks(run)
    with pytest.raises(UsageError, match=r"versions\.ranks: 2 → None"):
        run(ALONE, resume=True)


@fault("48c", "more processes than classes", "exit code 2")
@pytest.mark.parametrize(
    ("size", "changes", "message"),
    [
        (4, {}, "torchrun started 4 processes, which share 3 classes"),
        (2, {"method": "random"}, "--method random runs in one process"),
        (2, {"codec_aware": True, "codec": "uint8"}, "--codec-aware looks at the frames of all ranks"),
        (2, {"method": "mtt"}, "a student's step on 3 videos, which is too few chunks; use --chunk 1"),
        (2, {"budget": "40kB"}, "--budget 40kB: ranks insert apart"),
    ],
)
def test_what_cannot_be_shared_is_refused(memory_clips, small, tmp_path, size, changes, message):
    with pytest.raises(UsageError, match=message):
        condense(
            memory_clips(**small), tmp_path / "out", options_for(**changes), ranks=Ranks(rank=0, size=size)
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("method", ["prism", "dm"])
def test_a_budget_is_that_of_the_videos_of_all_ranks(memory_clips, small, tmp_path, on_ranks, method):
    """And one that those of rank 0 alone would keep is refused before anything is learned."""
    clips, insert = memory_clips(**small), InsertionOptions(insertion="none")
    options = options_for(method=method, iterations=2, key_frame_size=16, insert=insert)
    weight = condense(clips, tmp_path / "whole", options, compute=FLOAT32).bytes

    def run(ranks, name, budget):
        limited = replace(options, budget=f"{budget}B")
        return condense(clips, tmp_path / name, limited, compute=FLOAT32, ranks=ranks).bytes

    kept = on_ranks(lambda ranks: run(ranks, "kept", weight + 200))  # the options name it, and the ranks
    assert [end.error for end in kept] == ["", ""]
    assert kept[0].value == kept[1].value <= weight + 200
    first, second = on_ranks(lambda ranks: run(ranks, "refused", weight * 6 // 10))
    assert first.error.startswith("LimitError: --budget")
    assert second.error.startswith("RankError: rank 0 failed: --budget")
    assert not (tmp_path / "refused.partial" / LOG).exists(), "no step was made"


@fault("61d", "one of several processes fails while condensing", "the last checkpoint is whole")
@pytest.mark.parametrize("failing", [0, 1])
def test_a_rank_that_fails_leaves_the_last_checkpoint(memory_clips, small, tmp_path, on_ranks, failing):
    clips, options = memory_clips(**small), options_for()

    def run(ranks):
        def listen(event):
            if ranks.rank == failing and event["kind"] == "iteration" and event["iteration"] == 2:
                raise OSError("the disk fell down")

        condense(
            clips,
            tmp_path / "out",
            options,
            compute=FLOAT32,
            ranks=ranks,
            checkpoints=CheckpointOptions(checkpoint_every=2),
            listener=listen,
        )

    ends = on_ranks(run)
    assert ends[failing].error == "OSError: the disk fell down"
    assert ends[1 - failing].error == f"RankError: rank {failing} failed: the disk fell down"
    assert load_checkpoint(tmp_path / "out.partial" / CHECKPOINT)[1]["iteration"] == 2
    assert not (tmp_path / "out" / MANIFEST).exists()
