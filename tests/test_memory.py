from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vidcondense.compute import Compute
from vidcondense.condenser import Condenser
from vidcondense.errors import LimitError, UsageError
from vidcondense.matching.options import KernelOptions, MatchOptions
from vidcondense.memory import MemoryPlan, most_saved, plan_memory
from vidcondense.settings import CondenseOptions
from vidcondense.synthetic.options import StaticDynamicOptions
from vidcondense.training.experts import ExpertOptions, train_experts

FLOAT32 = Compute(torch.device("cpu"), "float32")

CONDENSE = """
import sys
sys.path.insert(0, {tests!r})
import torch
from conftest import MemoryClips
from dataclasses import replace
from vidcondense.compute import choose_compute
from vidcondense.condenser import Condenser
from pathlib import Path
from vidcondense.checkpoint import save_checkpoint
from vidcondense.matching.options import KernelOptions, MatchOptions, TrajectoryOptions
from vidcondense.memory import plan_memory
from vidcondense.settings import CondenseOptions

torch.set_num_threads(1)
clips = MemoryClips(num_classes=2, per_class=2, num_frames={num_frames}, size=44)
folder = Path({folder!r})
trajectory = TrajectoryOptions(experts=folder, max_start_epoch=0, expert_epochs=1, synthetic_steps=15)
options = CondenseOptions(
    vpc={vpc},
    match=MatchOptions(real_batch=2, match={match!r}, trajectory=trajectory),
    kernel=KernelOptions(online_pool=3),
)
compute = choose_compute("cpu", "float32")
planned = 0
if {limit}:
    plan = plan_memory(clips, options, compute, {limit})
    options, planned = replace(options, match=replace(options.match, chunk=plan.chunk)), plan.bytes
condenser = Condenser(clips, options, compute)
for _ in range({steps}):
    condenser.step()
save_checkpoint(folder / "checkpoint", condenser.state(), {{}})
(peak,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) * 1024, planned)
"""


def peak_of(folder, limit, num_frames, vpc, match=None, steps=1):
    """Bytes that a fresh process had at most, which made steps within a limit (0: none), and its plan."""
    tests = str(Path(__file__).parent)
    code = CONDENSE.format(
        tests=tests,
        folder=str(folder),
        limit=limit,
        num_frames=num_frames,
        vpc=vpc,
        match=match,
        steps=steps,
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    peak, planned = map(int, done.stdout.split())
    return peak, planned


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_a_process_stays_within_its_limit_and_would_not_without(tmp_path):
    """Of long clips."""
    limit = 750_000_000
    assert peak_of(tmp_path, limit, num_frames=64, vpc=6)[0] <= limit
    assert peak_of(tmp_path, 0, num_frames=64, vpc=6)[0] > limit


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize(("match", "steps"), [("dm", 1), ("dc", 1), ("frepo", 8), ("mtt", 1)])
def test_what_each_matcher_takes_is_foreseen(memory_clips, tmp_path, match, steps):
    """Networks weigh more than clips here; in 8 steps nearly all of the pool are trained."""
    if match == "mtt":
        clips = memory_clips(num_classes=2, per_class=2, num_frames=8, size=44)
        train_experts(clips, tmp_path, ExpertOptions(experts=1, epochs=1), compute=FLOAT32)
    peak, planned = peak_of(tmp_path, 10**10, 8, 1, match, steps)
    assert peak <= planned <= 1.5 * peak


@pytest.mark.parametrize(
    ("method", "match"),
    [
        ("prism", "dm"),
        ("prism", "frepo"),
        ("still", "dc"),
        ("static-dynamic", "dm"),
        ("static-dynamic", "frepo"),
    ],
)
def test_no_state_exceeds_what_a_checkpoint_may_have(memory_clips, monkeypatch, method, match):
    """In any iteration, with many frames; and not by so much that anything is let in."""
    monkeypatch.setattr("vidcondense.memory._BESIDE", 2**12)  # a step of Adam, a count
    clips = memory_clips(num_classes=2, per_class=1, num_frames=24, size=20)
    options = CondenseOptions(
        method=method,
        iterations=4,
        match=MatchOptions(match=match, real_batch=1, outer_steps=9, model="convnet-32"),
        kernel=KernelOptions(online_pool=2),
        static_dynamic=StaticDynamicOptions(static_iterations=2, static_model="convnet-32"),
    )
    condenser, most = Condenser(clips, options, FLOAT32), most_saved(clips, options, FLOAT32)
    held = []
    for _ in range(condenser.iterations):
        condenser.step()
        held.append(sum(tensor.nbytes for tensor in condenser.state().values()))
    assert max(held) <= most <= 6 * max(held)


@pytest.fixture
def plan(memory_clips):
    """Plans the memory of five classes of 16 frames of 64×64."""
    clips = memory_clips(num_classes=5, per_class=1, num_frames=16, size=64)

    def plan(limit, compute=FLOAT32, **options):
        return plan_memory(clips, CondenseOptions(**options), compute, limit)

    return plan


def test_more_memory_more_clips_at_once(plan):
    found = [plan(limit, vpc=10) for limit in (9 * 10**8, 12 * 10**8, 10**10)]
    assert found[0].chunk < found[1].chunk
    assert found[2].chunk is None, "the usual number fits"
    assert found[0].bytes <= 9 * 10**8 < found[1].bytes <= 12 * 10**8
    assert plan(12 * 10**8, vpc=10) == found[1], "the same on every call"


def test_half_the_precision_more_clips(plan):
    half = Compute(torch.device("cpu"), "bfloat16")
    assert plan(14 * 10**8, half, vpc=20).chunk > plan(14 * 10**8, vpc=20).chunk


def test_the_stage_that_needs_most_decides(plan):
    limit = 10**9
    alone = plan(limit, method="dm", vpc=10)
    both = plan(limit, method="static-dynamic", vpc=10)
    assert both.chunk is not None
    assert both.chunk <= alone.chunk


def test_the_default_of_every_stage_must_fit(memory_clips):
    """Stage one learns single frames, of which many more go at once by default."""
    clips = memory_clips(num_classes=2, per_class=1, num_frames=8, size=64)
    options = CondenseOptions(
        method="static-dynamic",
        vpc=300,
        match=MatchOptions(model="convnet-32"),
        static_dynamic=StaticDynamicOptions(static_model="convnet"),
    )
    assert plan_memory(clips, options, FLOAT32, 10**11).chunk is None
    found = plan_memory(clips, options, FLOAT32, 3 * 10**10)  # enough for the default of stage two alone
    assert found.chunk is not None
    assert found.bytes <= 3 * 10**10


def test_few_clips_are_never_divided(plan):
    found = plan(900 * 10**6, vpc=1, match=MatchOptions(real_batch=1))
    assert isinstance(found, MemoryPlan)
    assert found.chunk is None


def test_on_a_gpu_the_process_does_not_count(plan):
    on_gpu = Compute(torch.device("cuda"), "float32")
    assert plan(400 * 10**6, on_gpu, vpc=1).bytes <= 400 * 10**6
    with pytest.raises(LimitError):
        plan(400 * 10**6, vpc=1)


def test_too_little_for_one_clip_fails(plan):
    with pytest.raises(
        LimitError, match=r"--memory 300\.0 MB: one clip of 16 frames of 64×64 at a time takes"
    ):
        plan(300 * 10**6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "random"}, "--method random learns nothing"),
        ({"match": MatchOptions(chunk=3)}, "--memory with --chunk 3"),
    ],
)
def test_what_memory_cannot_be_combined_with_fails(plan, options, words):
    with pytest.raises(UsageError, match=words):
        plan(10**9, **options)


def test_own_network_that_looks_at_values_fails(plan, tmp_path, monkeypatch):
    (tmp_path / "looks.py").write_text(
        "import torch\n"
        "class Network(torch.nn.Linear):\n"
        "    def __init__(self, num_classes, num_frames, size):\n"
        "        super().__init__(3, num_classes)\n"
        "    def embed(self, videos):\n"
        "        assert float(videos.sum()) == 0\n"
        "        return videos.mean(dim=(1, 3, 4))\n"
        "    def forward(self, videos):\n"
        "        return super().forward(self.embed(videos))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match="--memory: what --model looks:Network takes cannot be told"):
        plan(10**9, match=MatchOptions(model="looks:Network"))
