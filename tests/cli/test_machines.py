"""Several torchrun agents, one a machine: here two on this one, which meet at an address."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from quick import QUICK

LIMIT = 280
LOOPBACK = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}


@pytest.fixture
def agents():
    """Start torchrun agents; those that a failed test leaves are stopped, and stop their ranks."""
    started = []

    def start(*words):
        command = [sys.executable, "-m", "torch.distributed.run", *map(str, words)]
        process = subprocess.Popen(command, env={**os.environ, **LOOPBACK}, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait()
        process.stderr.close()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.slow
@pytest.mark.timeout(2 * LIMIT)
@pytest.mark.skipif(sys.platform != "linux", reason="names the loopback interface as Linux does")
def test_two_agents_condense_the_bytes_of_one_with_two_processes(agents, toy, tmp_path):
    meet = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{free_port()}", "--rdzv-id", "two"]
    each = ["--nnodes", 2, "--nproc-per-node", 1, *meet, "--local-addr", "127.0.0.1"]
    for out, launch, count in (("one", ["--standalone", "--nproc-per-node", 2], 1), ("two", each, 2)):
        places = ["--out", tmp_path / out, "--cache-dir", tmp_path / f"cache of {out}"]
        words = [*launch, "-m", "vidcondense", "condense", toy, *places, *QUICK, "--epsilon", "0.5"]
        for process in [agents(*words) for _ in range(count)]:
            _, error = process.communicate(timeout=LIMIT)
            assert process.returncode == 0, error
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == names
    for name in names:
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes(), name
