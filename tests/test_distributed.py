from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from marks import fault
from vidcondense.distributed import ALONE, Ranks, join_ranks
from vidcondense.errors import UsageError


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [0, 1, 5, 12])
def test_shares_are_everything_once_and_even(count, size):
    shares = [Ranks(rank=rank, size=size).share(count) for rank in range(size)]
    assert [number for share in shares for number in share] == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_alone_everything_is_what_was_given():
    tensor = torch.tensor([1.0, 2.0])
    assert ALONE.sum(tensor) is tensor
    assert ALONE.collect(tensor, [2]) is tensor
    assert ALONE.largest(3, -1) == (3, -1)
    assert ALONE.exchange("a") == ["a"]
    with join_ranks() as ranks:
        assert ranks is ALONE


def everything(ranks):
    own = torch.full((ranks.rank + 1, 2), ranks.rank, dtype=torch.float32)
    return (
        ranks.sum(torch.tensor([1.0, 10.0**ranks.rank], dtype=torch.float64)).tolist(),
        ranks.largest(ranks.rank, -ranks.rank),
        ranks.exchange({"rank": ranks.rank}),
        ranks.collect(own, [1, 2, 3]).tolist(),
        ranks.collect(own > 0, [1, 2, 3]).tolist(),
        ranks.wait(),
    )


def test_three_ranks_against_sums_by_hand(on_ranks):
    ends = on_ranks(everything, 3)
    assert [end.error for end in ends] == ["", "", ""]
    for end in ends:
        total, largest, told, _, _, _ = end.value
        assert total == [3.0, 111.0]
        assert largest == (2, 0)
        assert told == [{"rank": 0}, {"rank": 1}, {"rank": 2}]
    rows = [0, 1, 1, 2, 2, 2]
    assert ends[0].value[3] == [[float(row)] * 2 for row in rows]
    assert ends[0].value[4] == [[row > 0] * 2 for row in rows]


@fault("61", "one of several processes fails", "all end with its reason")
@pytest.mark.parametrize("culprit", [0, 1])
def test_one_rank_fails_and_all_end_with_its_reason(on_ranks, culprit):
    def work(ranks):
        ranks.wait()
        if ranks.rank == culprit:
            raise ValueError("the milk is sour")
        ranks.wait()

    start = time.monotonic()
    ends = on_ranks(work, 2)
    assert time.monotonic() - start < 50, "that was the timeout"
    assert ends[culprit].error == "ValueError: the milk is sour"
    assert ends[1 - culprit].error == f"RankError: rank {culprit} failed: the milk is sour"


@fault("61b", "one of several processes is killed", "the others end")
def test_one_rank_is_killed_and_the_other_ends(on_ranks):
    def work(ranks):
        ranks.wait()
        if ranks.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        ranks.wait()

    start = time.monotonic()
    alive, dead = on_ranks(work, 2)
    assert time.monotonic() - start < 50, "that was the timeout"
    assert dead.error == "died"
    assert alive.error.startswith("RankError: another rank ended without giving a reason")


@fault("61c", "one of several processes hangs", "the others wait for --rank-timeout seconds")
def test_rank_that_hangs_is_not_waited_for_for_ever(on_ranks):
    def work(ranks):
        ranks.wait()
        if ranks.rank == 1:
            time.sleep(20)
        ranks.wait()

    patient, _ = on_ranks(work, 2, timeout=3.0)
    assert patient.error == "RankError: another rank did not answer within 3 seconds (see --rank-timeout)"


RANK_THAT_TELLS_ITS_THREADS = """
import contextlib
import os
import sys
from pathlib import Path
from vidcondense.distributed import join_ranks

with join_ranks() as ranks:
    import torch._dynamo  # as torch.func and optimisers do on their first use

    ranks.wait()
names = []
for path in Path("/proc/self/task").glob("*/comm"):
    with contextlib.suppress(OSError):  # a thread that ended meanwhile
        names.append(path.read_text().strip())
Path(sys.argv[1], os.environ["RANK"]).write_text(" ".join(names))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads threads in /proc")
def test_no_thread_of_the_group_is_left(tmp_path):
    script = tmp_path / "rank.py"
    script.write_text(RANK_THAT_TELLS_ITS_THREADS)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run([*torchrun, script, tmp_path], check=True, timeout=200)
    for rank in "01":
        assert "gloo" not in (tmp_path / rank).read_text()


def test_environment_of_nothing_we_know_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="start with torchrun"), join_ranks():
        pass
