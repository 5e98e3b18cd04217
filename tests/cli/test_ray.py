"""Commands whose work is done by the workers of a Ray cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from quick import CLIP, COMPARISON

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own

PLAN = f"""{COMPARISON}[sets.prism]
"""

OF_THE_MACHINE = ("seconds_condense", "seconds_evaluate", "peak_memory_mb")


def without_times(rows):
    return [{key: value for key, value in row.items() if key not in OF_THE_MACHINE} for row in rows]


@pytest.mark.slow
def test_a_comparison_on_a_cluster_gives_the_table_of_this_machine(run, cluster, toy, cache, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    command = ["compare", tmp_path / "plan.toml", "--data", toy, "--cache-dir", cache, "--jobs", "2"]
    command += ["--workers", "0", "--precision", "float32", "--json"]
    here = json.loads(run(*command, "--threads", "1", "--out", tmp_path / "here").out)
    command += ["--engine", "ray", "--out", tmp_path / "there", "--threads"]
    assert "no machine of the Ray cluster has more than 2 cores" in run(*command, "3").line
    done = subprocess.run(
        [sys.executable, "-m", "vidcondense", *map(str, command), "1"],
        env={**os.environ, "RAY_ADDRESS": cluster.get_runtime_context().gcs_address},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout)
    assert [row["name"] for row in there["rows"]] == ["random", "prism"]
    assert without_times(there["rows"]) == without_times(here["rows"])


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_experts_trained_on_a_cluster_are_those_of_one_process(run, toy, cache, tmp_path):
    command = ["experts", toy, "--cache-dir", cache, *CLIP, "--workers", "0", "--precision", "float32"]
    command += ["--experts", "2", "--epochs", "2", "--model", "convnet"]
    assert run(*command, "--out", tmp_path / "here").code == 0
    command += ["--engine", "ray", "--out", tmp_path / "there", "--threads"]
    assert "no machine of the Ray cluster has more than 2 cores" in run(*command, "3").line
    assert not list((tmp_path / "there").glob("*.safetensors"))
    told = run(*command, "1", "--jobs", "2")
    assert (told.code, "ended early" in told.err) == (0, False)
    assert sorted(path.name for path in (tmp_path / "there" / "logs").iterdir()) == ["0.log", "1.log"]
    for number in range(2):
        name = f"expert-{number:03d}.safetensors"
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
