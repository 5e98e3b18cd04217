from __future__ import annotations

import pytest
import torch

from vidcondense.matching.kept_means import KeptMeans

MATCHED = {"seed": 0, "model": "convnet3d"}


class Computed:
    """Gives other means every time, and counts."""

    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1
        return torch.full((2, 3), 0.1) * self.times


def test_what_is_kept_is_not_computed_again(tmp_path):
    compute, kept = Computed(), KeptMeans(tmp_path, {"train": "a"})
    first = kept.get(MATCHED, 4, compute)
    assert kept.seconds_saved == 0.0
    other = KeptMeans(tmp_path, {"train": "a"})
    assert other.get(dict(reversed(MATCHED.items())), 4, compute).equal(first)
    assert compute.times == 1
    assert other.seconds_saved > 0.0


@pytest.mark.parametrize(
    ("clips", "matched", "number"),
    [({"train": "b"}, MATCHED, 4), ({"train": "a"}, {**MATCHED, "seed": 1}, 4), ({"train": "a"}, MATCHED, 5)],
)
def test_other_clips_matching_or_networks_have_other_means(tmp_path, clips, matched, number):
    compute = Computed()
    first = KeptMeans(tmp_path, {"train": "a"}).get(MATCHED, 4, compute)
    assert not KeptMeans(tmp_path, clips).get(matched, number, compute).equal(first)
    assert compute.times == 2


def test_a_damaged_file_is_written_anew(tmp_path):
    compute, kept = Computed(), KeptMeans(tmp_path, {})
    kept.get(MATCHED, 0, compute)
    (path,) = tmp_path.rglob("*.safetensors")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    again = kept.get(MATCHED, 0, compute)
    assert compute.times == 2
    assert kept.get(MATCHED, 0, compute).equal(again)
    assert compute.times == 2
