from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from vidcondense.evaluation.measures import Measured, measurement_cells, measurement_record, score

GROUPS = ("a", "a", "b", "b")
LUCKY, HALF, NONE = (1.0, 1.0, 1.0, 1.0), (1.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)


def measured(*networks: dict[str, tuple[float, ...]]) -> Measured:
    return Measured(num_train=2, groups=GROUPS, seeds=tuple(range(len(networks))), networks=networks)


def test_one_set_is_over_its_networks():
    found = score([measured({"probe": LUCKY}, {"probe": HALF}, {"probe": HALF})], "probe")
    values = [1, 0.5, 0.5]
    assert (found.unit, found.finite) == ("network", 3)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.std == pytest.approx(np.std(values, ddof=1))
    expected = scipy.stats.t.interval(0.95, 2, loc=np.mean(values), scale=scipy.stats.sem(values))
    assert expected[1] > 1
    assert found.interval == pytest.approx((max(0, expected[0]), 1))
    assert found.group_interval == pytest.approx((1 / 3, 1))  # group b alone, group a alone


def test_several_sets_average_their_networks_first():
    found = score([measured({"probe": LUCKY}, {"probe": HALF}), measured({"probe": NONE})], "probe")
    assert (found.unit, found.finite, found.mean) == ("set", 2, pytest.approx(0.375))
    assert found.std == pytest.approx(np.std([0.75, 0], ddof=1))


def test_what_could_not_be_measured_is_left_out():
    networks = measured({"R@1": HALF, "probe": LUCKY}, {}, {"R@1": LUCKY})
    assert score([networks], "R@1").finite == 2
    assert score([networks], "probe").mean == 1
    nothing = score([networks, measured({})], "5-shot")
    assert (nothing.finite, nothing.mean, nothing.interval, nothing.group_interval) == (0, None, None, None)
    assert score([networks, measured({})], "R@1").finite == 1  # of two sets


def test_rows():
    networks = [measured({"R@1": HALF}, {"R@1": LUCKY})]
    scores = {name: score(networks, name) for name in ("R@1", "probe")}
    assert measurement_cells("set", scores) == ["set", "2 networks", "75.0 ± 35.4", "–"]
    row = measurement_record("set", scores)
    assert (row["name"], row["R@1"], row["R@1 n"], row["probe"], row["probe n"]) == ("set", 75, 2, None, 0)
    assert row["R@1 std"] == pytest.approx(100 * np.std([0.5, 1], ddof=1))
    assert row["R@1 group_ci_low"] == pytest.approx(50)
