from __future__ import annotations

import multiprocessing
import os
import signal
import threading

import pytest

from vidcondense.errors import VideoError
from vidcondense.video.pool import num_workers, run_tasks


def work(number, how="square"):
    if how == "hang":
        threading.Event().wait(60)
    if how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "raise":
        raise ValueError(number)
    if how == "slow":
        threading.Event().wait(0.3)
    return number * number


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_order(workers):
    tasks = [(n, "slow" if n % 4 == 0 else "square") for n in range(12)]
    assert list(run_tasks(work, tasks, workers=workers, time_limit=30.0)) == [n * n for n in range(12)]


def test_one_bad_task_costs_one_result():
    tasks = [(0,), (1, "die"), (2,), (3, "hang"), (4,), (5,)]
    results = list(run_tasks(work, tasks, workers=2, time_limit=2.0))
    codes = {n: r.code for n, r in enumerate(results) if isinstance(r, VideoError)}
    assert codes == {1: "crashed", 3: "timeout"}
    assert [r for r in results if not isinstance(r, VideoError)] == [0, 4, 16, 25]


def end(number):
    """As the processes of a pool do whose locks a dead one holds."""
    if number == 3:
        os._exit(1)
    return number * number


def idle_worker():
    """One that waits for work."""
    (child,) = multiprocessing.active_children()
    return child.pid


def test_a_pool_that_breaks_is_made_anew():
    """A worker that is killed while it has nothing to do, so that no task is to blame."""

    def tasks():
        yield from ((n,) for n in range(10))
        for _ in range(200):
            if len(multiprocessing.active_children()) == 1:
                break
            threading.Event().wait(0.05)
        threading.Event().wait(1.0)  # all is done by now
        os.kill(idle_worker(), signal.SIGKILL)
        threading.Event().wait(1.0)
        yield from ((n,) for n in range(10, 20))

    results = list(run_tasks(work, tasks(), workers=1, time_limit=30.0))
    assert results == [n * n for n in range(20)]


def test_a_task_that_breaks_every_pool_is_given_up():
    results = list(run_tasks(end, ((n,) for n in range(6)), workers=2, time_limit=30.0))
    assert results[3].code == "crashed"
    assert [r for r in results if not isinstance(r, VideoError)] == [0, 1, 4, 16, 25]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_bug_is_not_hidden(workers):
    with pytest.raises(ValueError, match="1"):
        list(run_tasks(work, [(0,), (1, "raise")], workers=workers, time_limit=30.0))


def test_no_process_stays():
    before = {child.pid for child in multiprocessing.active_children()}
    results = run_tasks(work, ((n, "slow") for n in range(100)), workers=2, time_limit=30.0)
    assert next(results) == 0
    results.close()
    assert {child.pid for child in multiprocessing.active_children()} <= before


def test_tasks_are_taken_as_needed():
    """Finished clips must not fill the memory while one slow file holds the line."""
    taken = []

    def tasks():
        for n in range(100):
            taken.append(n)
            yield (n,)

    results = run_tasks(work, tasks(), workers=2, time_limit=30.0)
    next(results)
    assert len(taken) < 20
    results.close()


def test_number_of_workers():
    assert num_workers(3) == 3
    assert num_workers(0) == 0
    assert 1 <= num_workers(-1) <= (os.cpu_count() or 1)


def test_ranks_of_a_machine_share_its_cores(monkeypatch):
    cores = num_workers(-1)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert num_workers(-1) == cores  # a single process, whatever its environment was made for
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert num_workers(-1) == max(1, cores // 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(10 * cores))
    assert num_workers(-1) == 1
