from __future__ import annotations

import conflicts
import pytest
import torch


def test_conflicts_are_counted():
    """Two frames: the first is in conflict from the second to the fifth iteration, the other never."""
    cosines = torch.tensor([[0.1, -0.1, -0.2, -0.1, -0.3, 0.2], [0.3, 0.2, 0.1, 0.2, 0.1, 0.3]]).T
    cosines = torch.cat([cosines, torch.full((14, 2), 0.5)])
    found = conflicts.counts(cosines, 0.0)
    assert (found["frames"], found["iterations"]) == (2, 20)
    assert found["in_conflict"] == pytest.approx(4 / 40)
    assert found["ever"] == 0.5
    assert found["again"] == pytest.approx(3 / 4)
    assert found["again_by_chance"] == pytest.approx(3 / 19)
    assert (found["4_in_a_row"], found["16_in_a_row"]) == (0.5, 0)


def test_of_independent_conflicts_as_many_come_again_as_chance_says():
    cosines = torch.randn(5000, 4, generator=torch.Generator().manual_seed(0)) + torch.tensor(
        [0.0, 1, 2, 0.5]
    )
    found = conflicts.counts(cosines, 0.0)
    assert found["again"] == pytest.approx(found["again_by_chance"], abs=0.02)
    assert found["again_by_chance"] > found["in_conflict"] + 0.1  # frames differ
